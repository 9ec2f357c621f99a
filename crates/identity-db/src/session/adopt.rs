//! Adoption: a session of the older software becomes a row, once, and from then on that row decides.

use std::time::Duration;

use chrono::{DateTime, Utc};
use constants::LegacySource;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Inet, Nullable, Text, Timestamptz, Uuid};
use ipnetwork::IpNetwork;

use crate::audit::Origin;
use crate::failpoint;
use crate::id::{SessionId, UserId};
use crate::statement::statement;
use crate::time::{clock_timestamp, seconds};

statement! {
    struct Adopt<'a> {
        id: &'a str => Text, "varchar";
        idle: i64 => BigInt, "bigint";
        absolute: i64 => BigInt, "bigint";
        ip_address: Option<IpNetwork> => Nullable<Inet>, "inet";
        user_agent: Option<&'a str> => Nullable<Text>, "text";
        key_user: Option<uuid::Uuid> => Nullable<Uuid>, "uuid";
        key_created_at: Option<DateTime<Utc>> => Nullable<Timestamptz>, "timestamptz";
        key_expires_at: Option<DateTime<Utc>> => Nullable<Timestamptz>, "timestamptz";
    }
    returns (Bool, Bool, Bool, Nullable<Text>, Nullable<Uuid>);
    "clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    named AS (
        SELECT users.id AS user_id, 1 AS place, 'redis' AS source FROM users, arg WHERE users.id = arg.key_user
        UNION ALL
        SELECT users.id, 2, 'auth_token' FROM users, arg WHERE session_digest(users.auth_token) = arg.id
        UNION ALL
        SELECT users.id, 3, 'session_id' FROM users, arg WHERE session_digest(users.session_id) = arg.id
    ), found AS (
        SELECT (array_agg(user_id))[1] AS user_id, (array_agg(source))[1] AS source FROM named
        WHERE place = (SELECT min(place) FROM named)
        HAVING count(*) = 1 AND NOT EXISTS (SELECT FROM cleanup)
    ), owner AS (
        SELECT users.id, users.session_epoch, users.sessions_valid_after, found.source
        FROM users JOIN found ON found.user_id = users.id, arg
        WHERE CASE found.source
                  WHEN 'auth_token' THEN session_digest(users.auth_token) = arg.id
                  WHEN 'session_id' THEN session_digest(users.session_id) = arg.id
                  ELSE true
              END
        FOR NO KEY UPDATE OF users
    ), adopted AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, created_at,
                              last_activity, ip_address, user_agent, session_epoch, auth_method, adopted_from, revoked)
        SELECT arg.id, owner.id, 'web',
               least(arg.key_expires_at, clock.now + least(arg.idle, arg.absolute) * interval '1 second'),
               clock.now + arg.absolute * interval '1 second',
               CASE WHEN arg.key_created_at <= clock.now THEN arg.key_created_at ELSE clock.now END,
               clock.now, arg.ip_address, arg.user_agent, owner.session_epoch, 'legacy', owner.source,
               owner.source = 'redis' AND owner.sessions_valid_after IS NOT NULL
               AND NOT coalesce(arg.key_created_at > owner.sessions_valid_after AND arg.key_created_at <= clock.now,
                                false)
        FROM arg, owner, clock
        ON CONFLICT (id) DO NOTHING
        RETURNING user_id, adopted_from, revoked
    ), logged AS (
        INSERT INTO audit_log (action, application_context, subject_id, session_id, ip_address, user_agent, detail)
        SELECT 'session_adopted', 'web', adopted.user_id, arg.id, arg.ip_address, arg.user_agent,
               jsonb_build_object('from', adopted.adopted_from, 'ended', adopted.revoked)
        FROM arg, adopted
    ), counted AS (
        INSERT INTO legacy_uses AS known (day, source, uses)
        SELECT (clock.now AT TIME ZONE 'UTC')::date, adopted.adopted_from, 1 FROM adopted, clock
        WHERE NOT adopted.revoked
        ON CONFLICT (day, source) DO UPDATE SET uses = known.uses + 1
    )
    SELECT EXISTS (SELECT FROM sessions, arg WHERE sessions.id = arg.id), EXISTS (SELECT FROM found),
           EXISTS (SELECT FROM cleanup),
           (SELECT adopted_from FROM adopted), (SELECT user_id FROM adopted)"
}

/// A token that the older software made, as somebody presents it.
#[derive(Debug, Clone)]
pub struct LegacyToken {
    /// Its digest.
    pub id: SessionId,
    /// What the older software kept under the token in Redis.
    pub key: Option<LegacyKey>,
    /// Who presents it.
    pub origin: Origin,
    /// How long the session lives unused, from now on.
    pub idle: Duration,
    /// How long it lives at all, from now on.
    pub absolute: Duration,
}

/// A session as the older software has it in Redis.
#[derive(Debug, Clone)]
pub struct LegacyKey {
    /// Whose it is.
    pub user_id: UserId,
    /// The login; some values lack it.
    pub created_at: Option<DateTime<Utc>>,
    /// The end.
    pub expires_at: DateTime<Utc>,
}

/// What became of a legacy token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// It has a row now, by this statement.
    Now {
        /// Where the older software kept it.
        source: LegacySource,
        /// Whose it is.
        user_id: UserId,
    },
    /// It has a row that somebody else made, before or at the same time.
    Before,
    /// Nobody knows it.
    Unknown,
    /// It has no row, and since the clean-up nothing else counts.
    CleanedUp,
}

/// Makes a row of a session of the older software, unless there is one: of what it kept in Redis, else of
/// `users.auth_token`, else of `users.session_id`. A token that a column names for two people is nobody's.
///
/// It is one statement under the lock of the user, so that it comes before or after an end of all their
/// sessions: after it, it meets the tombstone that stands for what the columns name, and a key of Redis that is
/// not younger becomes one. So it is with the clean-up, which locks the table: from its commit on nothing is adopted.
///
/// # Errors
/// When Postgres gives no answer.
pub fn adopt(conn: &mut PgConnection, token: &LegacyToken) -> QueryResult<Adopted> {
    let LegacyToken { id, key, origin, idle, absolute } = token;
    let mut key_created_at = key.as_ref().and_then(|key| key.created_at);
    if failpoint!("guard::valid_after") {
        key_created_at = Some(diesel::select(clock_timestamp()).get_result(conn)?);
    }
    let (known, named, cleaned_up, source, user_id): (bool, bool, bool, Option<String>, Option<UserId>) =
        Adopt {
            id: id.as_str(),
            idle: seconds(*idle),
            absolute: seconds(*absolute),
            ip_address: origin.ip_address,
            user_agent: origin.user_agent.as_deref(),
            key_user: key.as_ref().map(|key| key.user_id.0),
            key_created_at,
            key_expires_at: key.as_ref().map(|key| key.expires_at),
        }
        .get_result(conn)?;
    let now = source.and_then(|source| source.parse().ok()).zip(user_id);
    Ok(match now {
        Some((source, user_id)) => Adopted::Now { source, user_id },
        None if known || named => Adopted::Before,
        None if cleaned_up => Adopted::CleanedUp,
        None => Adopted::Unknown,
    })
}

statement! {
    struct CountUses<'a> {
        sources: &'a [&'a str] => Array<Text>, "varchar[]";
        uses: &'a [i64] => Array<BigInt>, "bigint[]";
    }
    returns (BigInt,);
    "counted AS (
        INSERT INTO legacy_uses AS known (day, source, uses)
        SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date, new.source, new.uses
        FROM arg, unnest(arg.sources, arg.uses) AS new (source, uses)
        ON CONFLICT (day, source) DO UPDATE SET uses = known.uses + excluded.uses
        RETURNING 1
    )
    SELECT count(*) FROM counted"
}

/// Adds uses of adopted sessions to today's, each source at most once.
///
/// # Errors
/// When Postgres gives no answer.
pub fn count_legacy_uses(conn: &mut PgConnection, uses: &[(LegacySource, i64)]) -> QueryResult<()> {
    let sources: Vec<&str> = uses.iter().map(|(source, _)| source.as_str()).collect();
    let uses: Vec<i64> = uses.iter().map(|(_, uses)| *uses).collect();
    let _: (i64,) = CountUses { sources: &sources, uses: &uses }.get_result(conn)?;
    Ok(())
}
