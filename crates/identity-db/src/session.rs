//! Sessions: rows of `sessions` and every query that starts there.
//!
//! A session is looked up by its id *without* a state filter: a row that has ended is an answer, and a
//! different one from no row at all.

mod adopt;
mod end;
mod end_everyone;
mod look_up;
mod open;
mod purge;
mod touch;

use chrono::{DateTime, Utc};
use constants::{ApplicationContext, LegacySource};
use diesel::prelude::*;
use ipnetwork::IpNetwork;
use serde::Serialize;

use crate::failpoint;
use crate::id::{SessionId, UserId};
use crate::right::{RightRow, Rights, RightsOfSession};
use crate::schema::{sessions, users};
use crate::sql_enum::{ContextColumn, SourceColumn};
use crate::time::clock_timestamp;
use crate::user::User;

pub use adopt::{Adopted, LegacyKey, LegacyToken, adopt, count_legacy_uses};
pub use end::{Ended, Revocation, Revoked, Rotation, end_all, end_one, revoke};
pub use end_everyone::{Everyone, end_everyone};
pub use look_up::LookUps;
pub use open::{Login, NewSession, open};
pub use purge::{Purged, count_ended, purge};
pub use touch::{extend, renew_proof, touch};

// Not as literals of SQL: a statement that has one is parsed and planned anew each time.
diesel::define_sql_function! {
    /// When the transaction began; a statement outside of one is its own.
    fn transaction_timestamp() -> Timestamptz;
}
/// A session as Postgres has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub struct Session {
    /// The digest of its token.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where alone it counts.
    #[diesel(deserialize_as = ContextColumn)]
    pub application_context: ApplicationContext,
    /// The login.
    pub created_at: DateTime<Utc>,
    /// The last use that was written down; up to a minute older than the last use.
    pub last_activity: DateTime<Utc>,
    /// The idle end.
    pub expires_at: DateTime<Utc>,
    /// The end that use does not move.
    pub absolute_expires_at: DateTime<Utc>,
    /// The address of the login.
    pub ip_address: Option<IpNetwork>,
    /// What the client said it was.
    pub user_agent: Option<String>,
    /// Whether it was ended.
    pub revoked: bool,
    /// The user's epoch at login.
    pub session_epoch: i64,
    /// How the person proved who they are.
    pub auth_method: String,
    /// When they last did.
    pub authenticated_at: Option<DateTime<Utc>>,
    /// Where the older software kept it, if it began there.
    #[diesel(deserialize_as = SourceColumn)]
    pub adopted_from: Option<LegacySource>,
}

/// A session, its user, their rights and the clock of one statement: all that a decision needs.
#[derive(Debug, Clone)]
pub struct Found {
    /// The row.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// What the user may do in its application beyond what their role brings.
    pub rights: Rights,
    /// Postgres' clock when the rows were read; never later than they are.
    pub read_at: DateTime<Utc>,
    /// Postgres' clock now, for the comparison with the ends.
    pub now: DateTime<Utc>,
}

/// What a row says about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It counts.
    Live,
    /// It is another application's.
    OtherContext,
    /// It was ended, or everything before a newer epoch was.
    Revoked,
    /// Its idle or absolute end has passed.
    Expired,
    /// Its user is blocked.
    Blocked,
}

impl Found {
    /// What this row says in `context`.
    #[must_use]
    pub fn state(&self, context: ApplicationContext) -> State {
        let Self { session, user, now, .. } = self;
        if session.application_context != context && !failpoint!("guard::context_in_look_up") {
            State::OtherContext
        } else if session.revoked || session.session_epoch < user.session_epoch {
            State::Revoked
        } else if session.expires_at <= *now || session.absolute_expires_at <= *now {
            State::Expired
        } else if user.blocked_at.is_some() {
            State::Blocked
        } else {
            State::Live
        }
    }
}

impl Found {
    /// Whether nothing can ever make a yes of this row again: it was revoked, its epoch is below the user's, or
    /// its absolute end has passed. An idle end may still be moved by a use that was written down late, and a
    /// block may be lifted.
    #[must_use]
    pub fn is_final(&self) -> bool {
        let Self { session, user, now, .. } = self;
        let idle = session.expires_at <= *now && failpoint!("guard::idle_is_not_remembered");
        let blocked = user.blocked_at.is_some() && failpoint!("guard::block_is_not_remembered");
        session.revoked
            || session.session_epoch < user.session_epoch
            || session.absolute_expires_at <= *now
            || idle
            || blocked
    }
}

/// The session with this id, whatever state it is in.
///
/// # Errors
/// When Postgres gives no answer.
pub fn find(conn: &mut PgConnection, id: &SessionId) -> QueryResult<Option<Found>> {
    find_all(conn, std::slice::from_ref(id)).map(|mut found| found.pop())
}

/// The sessions with these ids, whatever state they are in, all of one statement.
///
/// # Errors
/// When Postgres gives no answer.
pub fn find_all(conn: &mut PgConnection, ids: &[SessionId]) -> QueryResult<Vec<Found>> {
    failpoint!(query "look_up::statement")?;
    let ids: Vec<&str> = ids.iter().map(SessionId::as_str).collect();
    sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq_any(ids))
        .select((
            Session::as_select(),
            User::as_select(),
            RightsOfSession,
            transaction_timestamp(),
            clock_timestamp(),
        ))
        .load::<(Session, User, Vec<RightRow>, DateTime<Utc>, DateTime<Utc>)>(conn)
        .map(|rows| {
            rows.into_iter()
                .map(|(session, user, rights, read_at, now)| {
                    let rights = Rights::from(rights);
                    Found { session, user, rights, read_at, now }
                })
                .collect()
        })
}

/// The sessions that are live now; a macro, since the type of a query has no name.
macro_rules! live_sessions {
    () => {
        sessions::table
            .inner_join(users::table)
            .filter(sessions::revoked.eq(false))
            .filter(sessions::session_epoch.ge(users::session_epoch))
            .filter(sessions::expires_at.gt(clock_timestamp()))
            .filter(sessions::absolute_expires_at.gt(clock_timestamp()))
            .select(Session::as_select())
            .into_boxed()
    };
}

/// The live sessions of a person, in one application or in all, the most recently used first.
///
/// # Errors
/// When Postgres gives no answer.
pub fn list(
    conn: &mut PgConnection,
    user_id: UserId,
    context: Option<ApplicationContext>,
) -> QueryResult<Vec<Session>> {
    let mut query = live_sessions!().filter(sessions::user_id.eq(user_id));
    if let Some(context) = context {
        query = query.filter(sessions::application_context.eq(ContextColumn(context)));
    }
    query.order((sessions::last_activity.desc(), sessions::id.asc())).load(conn)
}

/// A page of the live sessions of an application, in the order of their ids.
///
/// # Errors
/// When Postgres gives no answer.
pub fn page(
    conn: &mut PgConnection,
    context: ApplicationContext,
    after: Option<&SessionId>,
    limit: i64,
) -> QueryResult<Vec<Session>> {
    let mut query = live_sessions!().filter(sessions::application_context.eq(ContextColumn(context)));
    if let Some(after) = after {
        query = query.filter(sessions::id.gt(after.as_str()));
    }
    query.order(sessions::id).limit(limit).load(conn)
}
