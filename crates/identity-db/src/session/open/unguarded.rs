//! Opening a session without one of its guards, for the tests that show what it is there for.

use diesel::prelude::*;

use super::{Login, Session, write};
use crate::failpoint;
use crate::schema::{sessions, users};

/// `None` while no guard was taken out.
pub(super) fn open(conn: &mut PgConnection, login: &Login) -> Option<QueryResult<Option<Session>>> {
    if failpoint!("guard::login_keeps_credential") {
        return Some(under_any_credential(conn, login));
    }
    failpoint!("guard::login_takes_epoch_under_lock").then(|| under_an_early_epoch(conn, login))
}

fn under_any_credential(conn: &mut PgConnection, login: &Login) -> QueryResult<Option<Session>> {
    let user = users::table.filter(users::id.eq(login.user_id));
    let credential_version = user.select(users::credential_version).first(conn)?;
    write(conn, &Login { credential_version, ..login.clone() })
}

fn under_an_early_epoch(conn: &mut PgConnection, login: &Login) -> QueryResult<Option<Session>> {
    let user = users::table.filter(users::id.eq(login.user_id));
    let epoch: i64 = user.select(users::session_epoch).first(conn)?;
    let opened = write(conn, login)?;
    let row = sessions::table.filter(sessions::id.eq(login.session.id.as_str()));
    diesel::update(row).set(sessions::session_epoch.eq(epoch)).execute(conn)?;
    Ok(opened)
}
