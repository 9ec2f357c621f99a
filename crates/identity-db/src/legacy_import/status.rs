//! What of the older software is still standing, and how much it is used.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date, Text};
use serde::Serialize;

use crate::schema::{legacy_uses, sessions, users};
use crate::statement::statement;

/// How far the move has come.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// People who came by an import.
    pub imported_users: i64,
    /// Sessions that the older software opened, by where they were found.
    pub sessions: Vec<Source>,
    /// The legacy columns of `users`.
    pub columns: Vec<Column>,
    /// Uses of tokens of the older software in the last 14 days, the newest first. A day without has no entry.
    pub uses: Vec<Uses>,
}

/// Sessions that were found in one place.
#[derive(Debug, Clone, Serialize, Queryable)]
pub struct Source {
    /// Where.
    pub adopted_from: String,
    /// Those that count.
    pub live: i64,
    /// Those that were ended or have expired.
    pub ended: i64,
}

/// A legacy column.
#[derive(Debug, Clone, Serialize, Queryable)]
pub struct Column {
    /// Its name.
    pub column: String,
    /// Rows in which a token stands.
    pub standing: i64,
    /// Those of them whose token no row of `sessions` knows: it was not used here yet.
    pub not_adopted: i64,
}

/// Uses of a day.
#[derive(Debug, Clone, Serialize, Queryable)]
pub struct Uses {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// Where the tokens were found.
    pub source: String,
    /// How often.
    pub uses: i64,
}

statement! {
    struct Columns<'a> { names: &'a [&'a str] => Array<Text>, "text[]"; }
    returns (Text, BigInt, BigInt);
    "standing AS (
        SELECT 'auth_token' AS name, session_digest(auth_token) AS id FROM users WHERE auth_token IS NOT NULL
        UNION ALL SELECT 'session_id', session_digest(session_id) FROM users WHERE session_id IS NOT NULL
    )
    SELECT asked.name, count(standing.id),
           count(standing.id) FILTER (WHERE NOT EXISTS (SELECT FROM sessions WHERE sessions.id = standing.id))
    FROM arg, unnest(arg.names) AS asked (name) LEFT JOIN standing ON standing.name = asked.name
    GROUP BY asked.name ORDER BY asked.name"
}

/// Counts.
///
/// # Errors
/// When Postgres gives no answer.
pub fn status(conn: &mut PgConnection) -> QueryResult<Status> {
    let since = diesel::dsl::sql::<Date>("(clock_timestamp() AT TIME ZONE 'UTC')::date - 13");
    Ok(Status {
        imported_users: users::table.filter(users::legacy_id.is_not_null()).count().get_result(conn)?,
        sessions: sources(conn)?,
        columns: Columns { names: &["auth_token", "session_id"] }.load(conn)?,
        uses: legacy_uses::table
            .filter(legacy_uses::day.ge(since))
            .order((legacy_uses::day.desc(), legacy_uses::source.asc()))
            .load(conn)?,
    })
}

fn sources(conn: &mut PgConnection) -> QueryResult<Vec<Source>> {
    const LIVE: &str = "NOT sessions.revoked AND sessions.session_epoch >= users.session_epoch \
        AND users.blocked_at IS NULL AND least(sessions.expires_at, sessions.absolute_expires_at) > clock_timestamp()";
    let count = |which: &str| diesel::dsl::sql::<BigInt>(&format!("count(*) FILTER (WHERE {which})"));
    sessions::table
        .inner_join(users::table)
        .filter(sessions::adopted_from.is_not_null())
        .group_by(sessions::adopted_from)
        .order(sessions::adopted_from)
        .select((sessions::adopted_from.assume_not_null(), count(LIVE), count(&format!("NOT ({LIVE})"))))
        .load(conn)
}
