//! What moves while a session lives: its last use, its idle end, the proof of who uses it.

use std::time::Duration;

use constants::ApplicationContext;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use crate::failpoint;
use crate::id::SessionId;
use crate::schema::{sessions, users};
use crate::sql_enum::ContextColumn;
use crate::statement::statement;
use crate::time::{clock_timestamp, seconds};

/// Renews the proof of identity of a live session of an application; `false` when it is not live any more.
///
/// # Errors
/// When Postgres gives no answer.
pub fn renew_proof(
    conn: &mut PgConnection,
    id: &SessionId,
    context: ApplicationContext,
    credential_version: i64,
) -> QueryResult<bool> {
    let current = users::table
        .filter(users::id.eq(sessions::user_id))
        .filter(users::credential_version.eq(credential_version))
        .filter(users::session_epoch.le(sessions::session_epoch))
        .filter(users::blocked_at.is_null());
    let updated = diesel::update(sessions::table)
        .filter(sessions::id.eq(id.as_str()))
        .filter(sessions::application_context.eq(ContextColumn(context)))
        .filter(sessions::revoked.eq(false))
        .filter(sessions::expires_at.gt(clock_timestamp()))
        .filter(sessions::absolute_expires_at.gt(clock_timestamp()))
        .filter(diesel::dsl::exists(current))
        .set(sessions::authenticated_at.eq(clock_timestamp().nullable()))
        .execute(conn)?;
    Ok(updated == 1)
}

/// Moves the idle end of a live session of an application to `idle` from now, never past its absolute end; `false` when it is
/// not live any more.
///
/// # Errors
/// When Postgres gives no answer.
pub fn extend(
    conn: &mut PgConnection,
    id: &SessionId,
    context: ApplicationContext,
    idle: Duration,
) -> QueryResult<bool> {
    if failpoint!("guard::touch_only_live") {
        return move_end_of_any(conn, &[id.as_str()]).map(|moved| moved == 1);
    }
    let extend = Extend { id: id.as_str(), context: context.as_str(), idle: seconds(idle) };
    let (extended,): (i64,) = extend.get_result(conn)?;
    Ok(extended == 1)
}

// It waits for whoever changes the row right now: what that one leaves decides.
statement! {
    struct Extend<'a> {
        id: &'a str => Text, "varchar";
        context: &'a str => Text, "application_type";
        idle: i64 => BigInt, "bigint";
    }
    returns (BigInt,);
    "extended AS (
        UPDATE sessions s SET
            last_activity = greatest(s.last_activity, clock_timestamp()),
            expires_at = greatest(s.expires_at,
                least(clock_timestamp() + arg.idle * interval '1 second', s.absolute_expires_at))
        FROM arg
        WHERE s.id = arg.id AND s.application_context = arg.context AND NOT s.revoked
          AND s.expires_at > clock_timestamp() AND s.absolute_expires_at > clock_timestamp()
        RETURNING 1
    )
    SELECT count(*) FROM extended"
}

statement! {
    struct Touch<'a> {
        ids: &'a [&'a str] => Array<Text>, "varchar[]";
        ages: &'a [i64] => Array<BigInt>, "bigint[]";
        idle: i64 => BigInt, "bigint";
    }
    returns (BigInt,);
    "used AS (
        SELECT u.id, clock_timestamp() - u.age * interval '1 millisecond' AS at
        FROM arg, unnest(arg.ids, arg.ages) AS u (id, age)
    ), live AS (
        SELECT s.id, used.at FROM sessions s JOIN used ON used.id = s.id
        WHERE NOT s.revoked AND s.expires_at > clock_timestamp() AND s.absolute_expires_at > clock_timestamp()
        FOR NO KEY UPDATE OF s SKIP LOCKED
    ), touched AS (
        UPDATE sessions s SET
            last_activity = greatest(s.last_activity, live.at),
            expires_at = greatest(s.expires_at,
                least(live.at + arg.idle * interval '1 second', s.absolute_expires_at))
        FROM live, arg
        WHERE s.id = live.id
        RETURNING 1
    )
    SELECT count(*) FROM touched"
}

/// Writes down uses of sessions, each with how long ago it was, and moves the idle ends with them. Sessions
/// that have ended, or that somebody else is changing right now, are left alone; returns how many were not.
///
/// # Errors
/// When Postgres gives no answer.
pub fn touch(conn: &mut PgConnection, idle: Duration, uses: &[(SessionId, Duration)]) -> QueryResult<i64> {
    let ids: Vec<&str> = uses.iter().map(|(id, _)| id.as_str()).collect();
    if failpoint!("guard::touch_only_live") {
        return move_end_of_any(conn, &ids);
    }
    let ages: Vec<i64> =
        uses.iter().map(|(_, age)| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)).collect();
    let (count,): (i64,) = Touch { ids: &ids, ages: &ages, idle: seconds(idle) }.get_result(conn)?;
    Ok(count)
}

/// What nothing may do: for the tests of the guard that keeps to live sessions.
fn move_end_of_any(conn: &mut PgConnection, ids: &[&str]) -> QueryResult<i64> {
    let later = diesel::dsl::sql::<diesel::sql_types::Timestamptz>("clock_timestamp() + interval '1 hour'");
    let moved = diesel::update(sessions::table.filter(sessions::id.eq_any(ids)))
        .set(sessions::expires_at.eq(later))
        .execute(conn)?;
    Ok(i64::try_from(moved).unwrap_or(i64::MAX))
}
