//! Ending sessions: some, or all of a person.

#[cfg(feature = "failpoints")]
mod unguarded;

use constants::{ApplicationContext, AuditAction};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Inet, Nullable, Text, Uuid};
use ipnetwork::IpNetwork;

use crate::audit::Origin;
use crate::failpoint;
use crate::id::{SessionId, UserId};
use crate::schema::sessions;
use crate::sql_enum::ContextColumn;
use crate::statement::statement;
use crate::time::clock_timestamp;
use crate::user::User;

statement! {
    struct Revoke<'a> {
        ids: &'a [&'a str] => Array<Text>, "varchar[]";
        user_id: Option<uuid::Uuid> => Nullable<Uuid>, "uuid";
        actor_id: Option<uuid::Uuid> => Nullable<Uuid>, "uuid";
        context: Option<&'a str> => Nullable<Text>, "application_type";
        action: &'a str => Text, "varchar";
        ip_address: Option<IpNetwork> => Nullable<Inet>, "inet";
        user_agent: Option<&'a str> => Nullable<Text>, "text";
    }
    returns (Text, Bool, Bool);
    "ended AS (
        UPDATE sessions SET revoked = true, revoked_at = clock_timestamp()
        FROM arg
        WHERE sessions.id = ANY (arg.ids) AND NOT sessions.revoked
          AND (arg.context IS NULL OR sessions.application_context = arg.context)
          AND (arg.user_id IS NULL OR sessions.user_id = arg.user_id)
        RETURNING sessions.id, sessions.user_id, sessions.session_epoch, sessions.application_context,
                  sessions.adopted_from IS NOT DISTINCT FROM 'redis' AS keyed,
                  least(sessions.expires_at, sessions.absolute_expires_at) > clock_timestamp() AS unexpired
    ), logged AS (
        INSERT INTO audit_log (action, application_context, actor_id, subject_id, session_id, ip_address, user_agent)
        SELECT arg.action, ended.application_context, coalesce(arg.actor_id, arg.user_id, ended.user_id), ended.user_id,
               ended.id, arg.ip_address, arg.user_agent
        FROM arg, ended
    )
    SELECT ended.id, ended.unexpired AND ended.session_epoch >= users.session_epoch, ended.keyed
    FROM ended JOIN users ON users.id = ended.user_id"
}

/// Who ends sessions, and within which bounds.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// The sessions to end.
    pub ids: Vec<SessionId>,
    /// Only those of this person.
    pub of_user: Option<UserId>,
    /// Only those of this application.
    pub context: Option<ApplicationContext>,
    /// Who acts; the sessions' own user when absent.
    pub actor: Option<UserId>,
    /// The audit log's name for it.
    pub action: AuditAction,
    /// From where.
    pub origin: Origin,
}

/// What [`revoke`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Sessions that were live until now.
    pub live: Vec<SessionId>,
    /// Those and the rows of sessions that had run out, which now are tombstones.
    pub all: Vec<SessionId>,
    /// Of all these the ones that also stand in Redis under a key of the older software.
    pub keyed: Vec<SessionId>,
}

/// Ends sessions in one statement. Ending one that has ended or never was is no error.
///
/// # Errors
/// When Postgres gives no answer; whether they ended is then unknown.
pub fn revoke(conn: &mut PgConnection, revocation: &Revocation) -> QueryResult<Revoked> {
    failpoint!(query "revoke::statement")?;
    let ids: Vec<&str> = revocation.ids.iter().map(SessionId::as_str).collect();
    let ended: Vec<(SessionId, bool, bool)> = Revoke {
        ids: &ids,
        user_id: revocation.of_user.map(|id| id.0),
        actor_id: revocation.actor.map(|id| id.0),
        context: revocation.context.map(ApplicationContext::as_str),
        action: revocation.action.as_str(),
        ip_address: revocation.origin.ip_address,
        user_agent: revocation.origin.user_agent.as_deref(),
    }
    .load(conn)?;
    failpoint!(query "revoke::written")?;
    Ok(Revoked {
        live: ended.iter().filter(|(_, live, _)| *live).map(|(id, ..)| *id).collect(),
        keyed: ended.iter().filter(|(.., keyed)| *keyed).map(|(id, ..)| *id).collect(),
        all: ended.into_iter().map(|(id, ..)| id).collect(),
    })
}

statement! {
    struct EndAll<'a> {
        user_id: uuid::Uuid => Uuid, "uuid";
        session_epoch: i64 => BigInt, "bigint";
        keep: Option<&'a str> => Nullable<Text>, "varchar";
        replacement: Option<&'a str> => Nullable<Text>, "varchar";
        proven: bool => Bool, "boolean";
        auth_token: Option<&'a str> => Nullable<Text>, "varchar";
    }
    returns (Text, Bool, Bool);
    "ended AS (
        UPDATE sessions SET revoked = true, revoked_at = clock_timestamp()
        FROM arg
        WHERE sessions.user_id = arg.user_id AND NOT sessions.revoked
        RETURNING sessions.*
    ), counted AS (
        SELECT ended.*, ended.session_epoch >= arg.session_epoch - 1
               AND least(ended.expires_at, ended.absolute_expires_at) > clock_timestamp() AS live
        FROM ended, arg
    ), kept AS (
        INSERT INTO sessions (id, user_id, application_context, data, expires_at, absolute_expires_at, created_at,
                              last_activity, ip_address, user_agent, session_epoch, auth_method, authenticated_at)
        SELECT arg.replacement, old.user_id, old.application_context, old.data, old.expires_at,
               old.absolute_expires_at, old.created_at, clock_timestamp(), old.ip_address, old.user_agent,
               arg.session_epoch, old.auth_method,
               CASE WHEN arg.proven THEN clock_timestamp() ELSE old.authenticated_at END
        FROM arg JOIN counted old ON old.id = arg.keep AND old.live
        WHERE arg.replacement IS NOT NULL
    ), tombstones AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, revoked,
                              session_epoch)
        SELECT DISTINCT session_digest(legacy.token), users.id, 'web'::application_type, clock_timestamp(),
               clock_timestamp(), true, arg.session_epoch - 1
        FROM arg JOIN users ON users.id = arg.user_id,
             unnest(ARRAY[users.auth_token, users.session_id]) AS legacy (token)
        WHERE legacy.token IS NOT NULL AND NOT EXISTS (SELECT FROM cleanup)
          AND NOT EXISTS (SELECT FROM sessions s WHERE s.id = session_digest(legacy.token))
        ON CONFLICT (id) DO UPDATE SET revoked = true, revoked_at = clock_timestamp()
    ), carried_over AS (
        UPDATE users SET auth_token = arg.auth_token FROM arg
        WHERE users.id = arg.user_id AND arg.auth_token IS NOT NULL AND NOT EXISTS (SELECT FROM cleanup)
    )
    SELECT counted.id, counted.live, counted.id = arg.keep IS TRUE FROM counted, arg"
}

/// What becomes of the caller's own session when all of a person's sessions end.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The session that goes on.
    pub keep: SessionId,
    /// Under which new id.
    pub replacement: SessionId,
    /// Whether the act proved anew who the person is.
    pub proven: bool,
    /// The new token itself, where it is also written for the older software.
    pub auth_token: Option<String>,
}

/// The sessions that [`end_all`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Live ones, without the one that goes on under a new id.
    pub live: Vec<SessionId>,
    /// Every row that was revoked, for those who hold copies.
    pub all: Vec<SessionId>,
    /// Whether the session to be kept was live, and so goes on.
    pub kept: bool,
}

/// Ends every session of a person in every application, puts tombstones for what stands in the legacy
/// columns, and lets one session go on under a new id. Runs in the transaction in which
/// [`crate::user::raise_epoch`] has just made `session_epoch`: its lock on the user keeps logins and
/// adoptions out.
///
/// # Errors
/// When Postgres gives no answer.
pub fn end_all(
    conn: &mut PgConnection,
    user_id: UserId,
    session_epoch: i64,
    rotation: Option<&Rotation>,
) -> QueryResult<Ended> {
    #[cfg(feature = "failpoints")]
    if let Some(ended) = unguarded::end_all(conn, user_id, session_epoch, rotation) {
        return ended;
    }
    write(conn, user_id, session_epoch, rotation)
}

fn write(
    conn: &mut PgConnection,
    user_id: UserId,
    session_epoch: i64,
    rotation: Option<&Rotation>,
) -> QueryResult<Ended> {
    failpoint!(query "end_all::statement")?;
    let rows: Vec<(SessionId, bool, bool)> = EndAll {
        user_id: user_id.0,
        session_epoch,
        keep: rotation.map(|rotation| rotation.keep.as_str()),
        replacement: rotation.map(|rotation| rotation.replacement.as_str()),
        proven: rotation.is_some_and(|rotation| rotation.proven),
        auth_token: rotation.and_then(|rotation| rotation.auth_token.as_deref()),
    }
    .load(conn)?;
    failpoint!(query "end_all::written")?;
    Ok(Ended {
        live: rows.iter().filter(|(_, live, own)| *live && !own).map(|(id, ..)| *id).collect(),
        kept: rows.iter().any(|(_, live, own)| *live && *own),
        all: rows.into_iter().map(|(id, ..)| id).collect(),
    })
}

/// Ends one live session of a person, whom the transaction has locked, in whatever application it is; which that was.
/// `None` when they have no such session.
///
/// # Errors
/// When Postgres gives no answer.
pub fn end_one(
    conn: &mut PgConnection,
    user: &User,
    id: &SessionId,
) -> QueryResult<Option<ApplicationContext>> {
    diesel::update(
        sessions::table
            .find(id.as_str())
            .filter(sessions::user_id.eq(user.id))
            .filter(sessions::revoked.eq(false))
            .filter(sessions::session_epoch.ge(user.session_epoch))
            .filter(sessions::expires_at.gt(clock_timestamp()))
            .filter(sessions::absolute_expires_at.gt(clock_timestamp())),
    )
    .set((sessions::revoked.eq(true), sessions::revoked_at.eq(clock_timestamp().nullable())))
    .returning(sessions::application_context)
    .get_result::<ContextColumn>(conn)
    .optional()
    .map(|context| context.map(Into::into))
}
