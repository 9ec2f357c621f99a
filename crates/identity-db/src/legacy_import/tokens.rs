//! Whose tokens are known here, and the sessions that an import adds.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};

use crate::id::{SessionId, UserId};
use crate::schema::{sessions, users};
use crate::statement::statement;
use crate::time::seconds;

diesel::define_sql_function! {
    /// The id of the session of a token, as the database computes it.
    fn session_digest(token: Nullable<Text>) -> Nullable<Text>;
}

/// To whom the digests of some tokens belong here.
#[derive(Debug, Default)]
pub struct TokenOwners {
    /// By rows of `sessions`, whatever state they are in.
    pub sessions: HashMap<SessionId, UserId>,
    /// By what stands in the legacy columns.
    pub columns: HashMap<SessionId, Vec<UserId>>,
}

impl TokenOwners {
    /// Whether the token belongs to somebody else than this person.
    #[must_use]
    pub fn is_of_another(&self, id: &SessionId, person: Option<UserId>) -> bool {
        let other = |owner: &UserId| Some(*owner) != person;
        self.sessions.get(id).is_some_and(other)
            || self.columns.get(id).is_some_and(|owners| owners.iter().any(other))
    }
}

/// Whose these digests are.
///
/// # Errors
/// When Postgres gives no answer.
pub fn token_owners(conn: &mut PgConnection, ids: &[SessionId]) -> QueryResult<TokenOwners> {
    let ids: Vec<&str> = ids.iter().map(SessionId::as_str).collect();
    let mut owners = TokenOwners::default();
    if ids.is_empty() {
        return Ok(owners);
    }
    let rows: Vec<(SessionId, UserId)> = sessions::table
        .filter(sessions::id.eq_any(&ids))
        .select((sessions::id, sessions::user_id))
        .load(conn)?;
    owners.sessions = rows.into_iter().collect();
    let digest = session_digest(users::auth_token);
    let newest: Vec<(Option<SessionId>, UserId)> =
        users::table.filter(digest.eq_any(&ids)).select((digest, users::id)).load(conn)?;
    let digest = session_digest(users::session_id);
    let older: Vec<(Option<SessionId>, UserId)> =
        users::table.filter(digest.eq_any(&ids)).select((digest, users::id)).load(conn)?;
    for (id, owner) in newest.into_iter().chain(older) {
        if let Some(id) = id {
            owners.columns.entry(id).or_default().push(owner);
        }
    }
    Ok(owners)
}

/// A session to be added.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The digest of its token.
    pub id: SessionId,
    /// The person, by their id in the file.
    pub legacy_id: i64,
    /// The login, where it is known.
    pub created_at: Option<DateTime<Utc>>,
    /// The last use, where it is known.
    pub last_seen_at: Option<DateTime<Utc>>,
}

statement! {
    struct AddSessions<'a> {
        ids: &'a [&'a str] => Array<Text>, "varchar[]";
        legacy_ids: &'a [i64] => Array<BigInt>, "bigint[]";
        created_ats: &'a [Option<DateTime<Utc>>] => Array<Nullable<Timestamptz>>, "timestamptz[]";
        last_seen_ats: &'a [Option<DateTime<Utc>>] => Array<Nullable<Timestamptz>>, "timestamptz[]";
        idle: i64 => BigInt, "bigint";
        absolute: i64 => BigInt, "bigint";
    }
    returns (BigInt,);
    "clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    added AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, created_at, last_activity,
                              session_epoch, auth_method, adopted_from)
        SELECT g.id, users.id, 'web', clock.now + least(arg.idle, arg.absolute) * interval '1 second',
               clock.now + arg.absolute * interval '1 second',
               least(g.created_at, clock.now), least(coalesce(g.last_seen_at, g.created_at), clock.now),
               users.session_epoch, 'legacy', 'import'
        FROM arg, clock, unnest(arg.ids, arg.legacy_ids, arg.created_ats, arg.last_seen_ats)
                 AS g (id, legacy_id, created_at, last_seen_at)
        JOIN users ON users.legacy_id = g.legacy_id
        ON CONFLICT (id) DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM added"
}

/// Adds sessions of web whose idle and absolute time count from now; returns how many. One that somebody has
/// adopted at this moment is there already.
///
/// # Errors
/// When Postgres gives no answer.
pub fn add_sessions(
    conn: &mut PgConnection,
    new: &[NewSession],
    idle: Duration,
    absolute: Duration,
) -> QueryResult<u64> {
    if new.is_empty() {
        return Ok(0);
    }
    let statement = AddSessions {
        ids: &new.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(),
        legacy_ids: &new.iter().map(|session| session.legacy_id).collect::<Vec<_>>(),
        created_ats: &new.iter().map(|session| session.created_at).collect::<Vec<_>>(),
        last_seen_ats: &new.iter().map(|session| session.last_seen_at).collect::<Vec<_>>(),
        idle: seconds(idle),
        absolute: seconds(absolute),
    };
    statement.get_result::<(i64,)>(conn).map(|(count,)| count.unsigned_abs())
}
