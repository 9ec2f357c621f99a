//! The person of a bundle.

use chrono::{DateTime, Utc};
use constants::{ApplicationContext, AuditAction};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid};

use super::Person;
use crate::HashedPassword;
use crate::id::{SessionId, UserId};
use crate::schema::sql_types::UserRole;
use crate::statement::{statement, user_columns};
use crate::user::{Credential, User};

statement! {
    struct Carry<'a> {
        id: uuid::Uuid => Uuid, "uuid";
        context: &'a str => Text, "application_type";
        known: bool => Bool, "boolean";
        email: Option<&'a str> => Nullable<Text>, "varchar";
        phone: Option<&'a str> => Nullable<Text>, "varchar";
        telegram_id: Option<i64> => Nullable<BigInt>, "bigint";
        hashed_password: Option<&'a str> => Nullable<Text>, "text";
        is_verified: bool => Bool, "boolean";
        role: &'a str => Text, "user_role";
        created_at: DateTime<Utc> => Timestamptz, "timestamptz";
        last_login_at: Option<DateTime<Utc>> => Nullable<Timestamptz>, "timestamptz";
        blocked_at: Option<DateTime<Utc>> => Nullable<Timestamptz>, "timestamptz";
        credential_version: i64 => BigInt, "bigint";
        attributes: bool => Bool, "boolean";
        blocked: bool => Bool, "boolean";
        lifted: Option<DateTime<Utc>> => Nullable<Timestamptz>, "timestamptz";
        password: bool => Bool, "boolean";
    }
    returns (Uuid, Nullable<Text>, Nullable<Text>, Nullable<BigInt>, Bool, UserRole, Timestamptz,
             Nullable<Timestamptz>, Nullable<Timestamptz>, BigInt, BigInt, BigInt, Nullable<Text>);
    concat!("before AS (
        SELECT users.id, users.is_verified, users.role, users.blocked_at FROM users JOIN arg ON arg.known AND arg.id = users.id
        FOR NO KEY UPDATE OF users
    ), free AS (
        SELECT CASE WHEN NOT EXISTS (SELECT FROM users u WHERE u.email = arg.email AND u.id <> arg.id) THEN arg.email END AS email,
               CASE WHEN NOT EXISTS (SELECT FROM users u WHERE u.phone = arg.phone AND u.id <> arg.id) THEN arg.phone END AS phone,
               CASE WHEN NOT EXISTS (SELECT FROM users u WHERE u.telegram_id = arg.telegram_id AND u.id <> arg.id)
                    THEN arg.telegram_id END AS telegram_id
        FROM arg
    ), came AS (
        INSERT INTO users (id, email, phone, telegram_id, hashed_password, is_verified, role, created_at, last_login_at,
                           blocked_at, credential_version, legacy_attributes)
        SELECT arg.id, free.email, free.phone, free.telegram_id, arg.hashed_password, arg.is_verified, arg.role,
               arg.created_at, arg.last_login_at, arg.blocked_at, arg.credential_version,
               nullif(jsonb_strip_nulls(jsonb_build_object(
                   'email', CASE WHEN free.email IS NULL THEN arg.email END,
                   'phone', CASE WHEN free.phone IS NULL THEN arg.phone END,
                   'telegram_id', CASE WHEN free.telegram_id IS NULL THEN arg.telegram_id END)), '{}')
        FROM arg, free WHERE NOT arg.known
        -- They are here when an answer was lost; what was changed since counts.
        ON CONFLICT (id) DO UPDATE SET last_login_at = greatest(users.last_login_at, excluded.last_login_at),
            is_verified = CASE WHEN (SELECT attributes FROM arg) THEN excluded.is_verified ELSE users.is_verified END,
            role = CASE WHEN (SELECT attributes FROM arg) THEN excluded.role ELSE users.role END,
            blocked_at = CASE WHEN (SELECT blocked FROM arg) THEN coalesce(users.blocked_at, excluded.blocked_at)
                              WHEN users.blocked_at = (SELECT lifted FROM arg) THEN NULL ELSE users.blocked_at END,
            hashed_password = CASE WHEN (SELECT password FROM arg) AND excluded.credential_version > users.credential_version
                                   THEN excluded.hashed_password ELSE users.hashed_password END,
            credential_version = CASE WHEN (SELECT password FROM arg) THEN greatest(users.credential_version, excluded.credential_version)
                                      ELSE users.credential_version END
        RETURNING users.*, users.xmax = 0 AS is_new
    ), moved AS (
        UPDATE users SET
            last_login_at = greatest(users.last_login_at, arg.last_login_at),
            is_verified = CASE WHEN arg.attributes THEN arg.is_verified ELSE users.is_verified END,
            role = CASE WHEN arg.attributes THEN arg.role ELSE users.role END,
            blocked_at = CASE WHEN arg.blocked THEN coalesce(users.blocked_at, arg.blocked_at)
                              WHEN users.blocked_at = arg.lifted THEN NULL ELSE users.blocked_at END,
            hashed_password = CASE WHEN arg.password AND arg.credential_version > users.credential_version
                                   THEN arg.hashed_password ELSE users.hashed_password END,
            credential_version = CASE WHEN arg.password THEN greatest(users.credential_version, arg.credential_version)
                                      ELSE users.credential_version END
        FROM arg, before WHERE users.id = before.id
        RETURNING users.*
    ), logged AS (
        INSERT INTO audit_log (action, application_context, actor_id, subject_id, detail)
        SELECT 'user_created', arg.context, came.id, came.id, jsonb_build_object('from', 'memory') FROM came, arg WHERE came.is_new
        UNION ALL
        SELECT change.action, arg.context, NULL, moved.id, change.detail || jsonb_build_object('from', 'memory')
        FROM arg, moved JOIN before ON before.id = moved.id, LATERAL (VALUES
            ('user_role_changed', moved.role <> before.role,
             jsonb_build_object('role', jsonb_build_object('old', before.role, 'new', moved.role))),
            ('user_verification_changed', moved.is_verified <> before.is_verified,
             jsonb_build_object('is_verified', jsonb_build_object('old', before.is_verified, 'new', moved.is_verified))),
            ('user_blocked', before.blocked_at IS NULL AND moved.blocked_at IS NOT NULL,
             jsonb_build_object('blocked', jsonb_build_object('old', false, 'new', true))),
            ('user_unblocked', before.blocked_at IS NOT NULL AND moved.blocked_at IS NULL,
             jsonb_build_object('blocked', jsonb_build_object('old', true, 'new', false)))
        ) AS change (action, is_so, detail)
        WHERE change.is_so
    )
    SELECT ", user_columns!(), ", hashed_password FROM came
    UNION ALL
    SELECT ", user_columns!(), ", hashed_password FROM moved")
}

type Columns = (
    UserId,
    Option<String>,
    Option<String>,
    Option<i64>,
    bool,
    crate::sql_enum::RoleColumn,
    DateTime<Utc>,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    i64,
    i64,
    i64,
    Option<String>,
);

/// What Postgres has of the person now; `None` when it had them and has them no more.
pub(super) fn carry(
    conn: &mut PgConnection,
    person: &Person,
    context: ApplicationContext,
) -> QueryResult<Option<Credential>> {
    let Credential { user, hashed_password } = &person.credential;
    let row: Option<Columns> = Carry {
        id: user.id.0,
        context: context.as_str(),
        known: person.known,
        email: user.email.as_deref(),
        phone: user.phone.as_deref(),
        telegram_id: user.telegram_id,
        hashed_password: hashed_password.as_ref().map(HashedPassword::expose),
        is_verified: user.is_verified,
        role: user.role.as_str(),
        created_at: user.created_at,
        last_login_at: user.last_login_at,
        blocked_at: user.blocked_at,
        credential_version: user.credential_version,
        attributes: person.attributes,
        blocked: person.blocked,
        lifted: person.lifted,
        password: person.password,
    }
    .get_result(conn)
    .optional()?;
    Ok(row.map(credential))
}

fn credential(row: Columns) -> Credential {
    let (id, email, phone, telegram_id, is_verified, role, created_at, last_login_at, blocked_at, ..) = row;
    let (.., session_epoch, credential_version, version, hash) = row;
    Credential {
        user: User {
            id,
            email,
            phone,
            telegram_id,
            is_verified,
            role: role.0,
            created_at,
            last_login_at,
            blocked_at,
            session_epoch,
            credential_version,
            version,
        },
        hashed_password: hash.map(HashedPassword::new),
    }
}

statement! {
    struct EndBefore<'a> {
        user_id: uuid::Uuid => Uuid, "uuid";
        before: DateTime<Utc> => Timestamptz, "timestamptz";
        action: &'a str => Text, "varchar";
    }
    returns (Text, Bool);
    "raised AS (
        UPDATE users SET sessions_valid_after = arg.before FROM arg
        WHERE users.id = arg.user_id AND coalesce(users.sessions_valid_after < arg.before, true)
        RETURNING users.id, users.auth_token, users.session_id, users.session_epoch
    ), ended AS (
        UPDATE sessions SET revoked = true, revoked_at = clock_timestamp()
        FROM arg, raised
        WHERE sessions.user_id = raised.id AND NOT sessions.revoked AND sessions.created_at < arg.before
        RETURNING sessions.id, sessions.session_epoch >= raised.session_epoch
                  AND least(sessions.expires_at, sessions.absolute_expires_at) > clock_timestamp() AS live
    ), tombstones AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, revoked, session_epoch)
        SELECT DISTINCT session_digest(legacy.token), raised.id, 'web'::application_type, clock_timestamp(),
               clock_timestamp(), true, raised.session_epoch
        FROM raised, unnest(ARRAY[raised.auth_token, raised.session_id]) AS legacy (token)
        WHERE legacy.token IS NOT NULL AND NOT EXISTS (SELECT FROM cleanup)
          AND NOT EXISTS (SELECT FROM sessions s WHERE s.id = session_digest(legacy.token))
        ON CONFLICT (id) DO UPDATE SET revoked = true, revoked_at = clock_timestamp()
    ), logged AS (
        INSERT INTO audit_log (action, actor_id, subject_id, detail)
        SELECT arg.action, raised.id, raised.id, jsonb_build_object('from', 'memory') FROM arg, raised
    )
    SELECT id, live FROM ended"
}

/// Ends every session of a person that began before a moment, unless that was done. Returns those that were live.
pub(super) fn end_before(
    conn: &mut PgConnection,
    user: UserId,
    before: DateTime<Utc>,
    action: AuditAction,
) -> QueryResult<Vec<SessionId>> {
    let ended: Vec<(SessionId, bool)> =
        EndBefore { user_id: user.0, before, action: action.as_str() }.load(conn)?;
    Ok(ended.into_iter().filter(|(_, live)| *live).map(|(id, _)| id).collect())
}
