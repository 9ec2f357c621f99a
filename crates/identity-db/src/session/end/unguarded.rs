//! Ending all sessions without tombstones for what the legacy columns name, for the test that shows what they are there for.

use diesel::prelude::*;

use super::{Ended, Rotation, write};
use crate::failpoint;
use crate::id::UserId;
use crate::schema::users;

/// `None` while the guard is in place.
pub(super) fn end_all(
    conn: &mut PgConnection,
    user_id: UserId,
    session_epoch: i64,
    rotation: Option<&Rotation>,
) -> Option<QueryResult<Ended>> {
    failpoint!("guard::end_all_leaves_tombstones")
        .then(|| without_tombstones(conn, user_id, |conn| write(conn, user_id, session_epoch, rotation)))
}

/// Empties the columns meanwhile, so that nothing is found there to put a tombstone for.
fn without_tombstones<T>(
    conn: &mut PgConnection,
    user_id: UserId,
    end: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let user = users::table.find(user_id);
    let columns = (users::auth_token, users::session_id);
    let stood: (Option<String>, Option<String>) = user.select(columns).first(conn)?;
    let nothing = (users::auth_token.eq(None::<String>), users::session_id.eq(None::<String>));
    diesel::update(user).set(nothing).execute(conn)?;
    let ended = end(conn)?;
    let again = (users::auth_token.eq(stood.0), users::session_id.eq(stood.1));
    diesel::update(user).set(again).execute(conn)?;
    Ok(ended)
}
