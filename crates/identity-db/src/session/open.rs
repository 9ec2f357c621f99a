//! Opening a session: everything that a login writes, in one statement.

#[cfg(feature = "failpoints")]
mod unguarded;

use std::time::Duration;

use constants::ApplicationContext;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Inet, Nullable, Text, Timestamptz, Uuid};
use ipnetwork::IpNetwork;

use super::Session;
use crate::HashedPassword;
use crate::audit::Origin;
use crate::failpoint;
use crate::id::{SessionId, UserId};
use crate::schema::sql_types::ApplicationType;
use crate::statement::statement;
use crate::time::seconds;

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The digest of its token.
    pub id: SessionId,
    /// Where alone it will count.
    pub context: ApplicationContext,
    /// How long it lives unused.
    pub idle: Duration,
    /// How long it lives at all.
    pub absolute: Duration,
    /// Where the login came from.
    pub origin: Origin,
    /// How the person proved who they are: `password`, `sms`, `telegram`, `legacy`.
    pub auth_method: &'static str,
}

/// Everything that a login writes.
#[derive(Debug, Clone)]
pub struct Login {
    /// Who.
    pub user_id: UserId,
    /// The version that the proof was checked against.
    pub credential_version: i64,
    /// The session.
    pub session: NewSession,
    /// Sessions that the request carried; they end.
    pub carried: Vec<SessionId>,
    /// The token itself, where it is also written for the older software.
    pub auth_token: Option<String>,
    /// The password under today's parameters, where it was hashed under weaker ones.
    pub rehashed: Option<HashedPassword>,
}

statement! {
    struct Open<'a> {
        user_id: uuid::Uuid => Uuid, "uuid";
        credential_version: i64 => BigInt, "bigint";
        id: &'a str => Text, "varchar";
        context: &'a str => Text, "application_type";
        idle: i64 => BigInt, "bigint";
        absolute: i64 => BigInt, "bigint";
        ip_address: Option<IpNetwork> => Nullable<Inet>, "inet";
        user_agent: Option<&'a str> => Nullable<Text>, "text";
        auth_method: &'a str => Text, "varchar";
        carried: &'a [&'a str] => Array<Text>, "varchar[]";
        auth_token: Option<&'a str> => Nullable<Text>, "varchar";
        rehashed: Option<&'a str> => Nullable<Text>, "text";
    }
    returns (Text, Uuid, ApplicationType, Timestamptz, Timestamptz, Timestamptz, Timestamptz, Nullable<Inet>,
             Nullable<Text>, Bool, BigInt, Text, Nullable<Timestamptz>, Nullable<Text>);
    "clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    before AS (
        SELECT users.id, users.session_epoch, users.auth_token FROM users, arg
        WHERE users.id = arg.user_id AND users.credential_version = arg.credential_version
          AND users.blocked_at IS NULL
        FOR NO KEY UPDATE OF users
    ), account AS (
        UPDATE users SET
            last_login_at = clock.now,
            auth_token = CASE WHEN EXISTS (SELECT FROM cleanup) THEN users.auth_token
                              ELSE coalesce(arg.auth_token, users.auth_token) END,
            hashed_password = coalesce(arg.rehashed, users.hashed_password)
        FROM arg, clock, before
        WHERE users.id = before.id AND users.credential_version = arg.credential_version
          AND users.blocked_at IS NULL
        RETURNING users.id, users.session_epoch
    ), overwritten AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, created_at,
                              last_activity, session_epoch, auth_method, adopted_from)
        SELECT session_digest(before.auth_token), before.id, 'web',
               clock.now + least(arg.idle, arg.absolute) * interval '1 second',
               clock.now + arg.absolute * interval '1 second', clock.now, clock.now,
               account.session_epoch, 'legacy', 'auth_token'
        FROM before JOIN account ON account.id = before.id, arg, clock
        WHERE arg.auth_token IS NOT NULL AND NOT EXISTS (SELECT FROM cleanup)
          AND before.auth_token ~ '^[A-Za-z0-9_-]+$' AND length(before.auth_token) BETWEEN 6 AND 255
          AND session_digest(before.auth_token) <> ALL (arg.carried)
          AND NOT EXISTS (SELECT FROM users other WHERE other.id <> before.id
                          AND session_digest(other.auth_token) = session_digest(before.auth_token))
        ON CONFLICT (id) DO NOTHING
        RETURNING id, user_id
    ), opened AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, created_at,
                              last_activity, ip_address, user_agent, session_epoch, auth_method, authenticated_at)
        SELECT arg.id, account.id, arg.context,
               clock.now + least(arg.idle, arg.absolute) * interval '1 second',
               clock.now + arg.absolute * interval '1 second', clock.now, clock.now,
               arg.ip_address, arg.user_agent, account.session_epoch, arg.auth_method, clock.now
        FROM arg, account, clock
        RETURNING *
    ), ended AS (
        UPDATE sessions SET revoked = true, revoked_at = clock_timestamp()
        FROM arg, account
        WHERE sessions.id = ANY (arg.carried) AND sessions.application_context = arg.context
          AND NOT sessions.revoked
    ), logged AS (
        INSERT INTO audit_log (action, application_context, actor_id, subject_id, session_id, ip_address,
                               user_agent, detail)
        SELECT 'session_created', arg.context, account.id, account.id, arg.id, arg.ip_address, arg.user_agent,
               jsonb_build_object('method', arg.auth_method)
        FROM arg, account
        UNION ALL
        SELECT 'session_adopted', 'web', NULL, overwritten.user_id, overwritten.id, NULL, NULL,
               jsonb_build_object('from', 'auth_token', 'ended', false)
        FROM overwritten
    )
    SELECT id, user_id, application_context, created_at, last_activity, expires_at, absolute_expires_at,
           ip_address, user_agent, revoked, session_epoch, auth_method, authenticated_at, adopted_from
    FROM opened"
}

/// Opens a session: user, session, the end of the sessions that the request carried, and the audit line are
/// one statement. `None` when the person is blocked, gone, or has another credential than the one that was
/// checked; nothing was written then.
///
/// Where the token is also written for the older software, what it overwrites in `users.auth_token` becomes a session
/// too, unless it has been one: a device that has the older token is not logged out by a login on another.
///
/// # Errors
/// When Postgres gives no answer; whether the session exists is then unknown.
pub fn open(conn: &mut PgConnection, login: &Login) -> QueryResult<Option<Session>> {
    #[cfg(feature = "failpoints")]
    if let Some(opened) = unguarded::open(conn, login) {
        return opened;
    }
    write(conn, login)
}

fn write(conn: &mut PgConnection, login: &Login) -> QueryResult<Option<Session>> {
    failpoint!(wait "session::open");
    failpoint!(query "login::statement")?;
    let carried: Vec<&str> = login.carried.iter().map(SessionId::as_str).collect();
    let opened = Open {
        user_id: login.user_id.0,
        credential_version: login.credential_version,
        id: login.session.id.as_str(),
        context: login.session.context.as_str(),
        idle: seconds(login.session.idle),
        absolute: seconds(login.session.absolute),
        ip_address: login.session.origin.ip_address,
        user_agent: login.session.origin.user_agent.as_deref(),
        auth_method: login.session.auth_method,
        carried: &carried,
        auth_token: login.auth_token.as_deref(),
        rehashed: login.rehashed.as_ref().map(HashedPassword::expose),
    }
    .get_result(conn)
    .optional()?;
    failpoint!(query "login::written")?;
    Ok(opened)
}
