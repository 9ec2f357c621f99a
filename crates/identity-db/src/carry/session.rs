//! A session of a bundle.

use chrono::{DateTime, Utc};
use constants::{ApplicationContext, AuditAction, LegacySource};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Inet, Nullable, Text, Timestamptz, Uuid};
use ipnetwork::IpNetwork;

use super::Carried;
use crate::statement::statement;

statement! {
    struct Carry<'a> {
        id: &'a str => Text, "varchar";
        user_id: uuid::Uuid => Uuid, "uuid";
        context: &'a str => Text, "application_type";
        created_at: DateTime<Utc> => Timestamptz, "timestamptz";
        last_activity: DateTime<Utc> => Timestamptz, "timestamptz";
        expires_at: DateTime<Utc> => Timestamptz, "timestamptz";
        absolute_expires_at: DateTime<Utc> => Timestamptz, "timestamptz";
        ip_address: Option<IpNetwork> => Nullable<Inet>, "inet";
        user_agent: Option<&'a str> => Nullable<Text>, "text";
        auth_method: &'a str => Text, "varchar";
        authenticated_at: Option<DateTime<Utc>> => Nullable<Timestamptz>, "timestamptz";
        adopted_from: Option<&'a str> => Nullable<Text>, "varchar";
        began: DateTime<Utc> => Timestamptz, "timestamptz";
        ended: bool => Bool, "boolean";
        known: bool => Bool, "boolean";
        action: &'a str => Text, "varchar";
    }
    returns (Bool,);
    "owner AS (
        SELECT users.id, users.session_epoch, users.sessions_valid_after FROM users JOIN arg ON arg.user_id = users.id
        FOR NO KEY UPDATE OF users
    ), came AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, created_at,
                              last_activity, ip_address, user_agent, session_epoch, auth_method, authenticated_at,
                              adopted_from, revoked)
        SELECT arg.id, owner.id, arg.context, arg.expires_at, arg.absolute_expires_at, arg.created_at,
               arg.last_activity, arg.ip_address, arg.user_agent, owner.session_epoch, arg.auth_method,
               arg.authenticated_at, CASE WHEN NOT EXISTS (SELECT FROM cleanup) THEN arg.adopted_from END,
               arg.ended OR coalesce(arg.began < owner.sessions_valid_after, false)
        FROM arg, owner WHERE NOT arg.known
        ON CONFLICT (id) DO UPDATE SET revoked = sessions.revoked OR excluded.revoked
        RETURNING sessions.*, sessions.xmax = 0 AS is_new
    ), moved AS (
        UPDATE sessions SET
            revoked = sessions.revoked OR arg.ended,
            last_activity = greatest(sessions.last_activity, arg.last_activity),
            authenticated_at = greatest(sessions.authenticated_at, arg.authenticated_at),
            expires_at = CASE WHEN arg.ended OR sessions.revoked THEN sessions.expires_at
                ELSE greatest(sessions.expires_at, least(arg.expires_at, sessions.absolute_expires_at)) END
        FROM arg, owner
        WHERE arg.known AND sessions.id = arg.id AND sessions.user_id = owner.id
        RETURNING sessions.*, false AS is_new
    ), arrived AS (
        SELECT * FROM came UNION ALL SELECT * FROM moved
    ), logged AS (
        INSERT INTO audit_log (action, application_context, actor_id, subject_id, session_id, ip_address, user_agent,
                               detail)
        SELECT CASE WHEN arg.ended THEN 'session_ended_in_memory' ELSE arg.action END, arg.context, arg.user_id,
               arg.user_id, arg.id, arg.ip_address, arg.user_agent, jsonb_build_object('method', arg.auth_method)
        FROM arg, arrived
        -- What the statement itself changes is not seen here.
        WHERE arrived.is_new OR (arg.ended AND NOT EXISTS (SELECT FROM sessions s WHERE s.id = arg.id AND s.revoked))
    )
    SELECT coalesce((SELECT NOT arrived.revoked AND arrived.session_epoch >= owner.session_epoch
                     FROM arrived JOIN owner ON owner.id = arrived.user_id), false)"
}

/// Carries a session; whether it is live here then, its ends aside. It is not, whatever the memory says, when it was
/// ended here, when it was known here and its row is gone, or when it began before all sessions of its user were ended.
pub(super) fn carry(conn: &mut PgConnection, carried: &Carried, action: AuditAction) -> QueryResult<bool> {
    let Carried { session, began, ended, known } = carried;
    let (live,): (bool,) = Carry {
        id: session.id.as_str(),
        user_id: session.user_id.0,
        context: ApplicationContext::as_str(session.application_context),
        created_at: session.created_at,
        last_activity: session.last_activity,
        expires_at: session.expires_at,
        absolute_expires_at: session.absolute_expires_at,
        ip_address: session.ip_address,
        user_agent: session.user_agent.as_deref(),
        auth_method: &session.auth_method,
        authenticated_at: session.authenticated_at,
        adopted_from: session.adopted_from.map(LegacySource::as_str),
        began: *began,
        ended: *ended,
        known: *known,
        action: action.as_str(),
    }
    .get_result(conn)?;
    Ok(live)
}
