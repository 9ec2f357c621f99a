//! Numbers for staff, by statements that stay fast however much there is.

use chrono::{DateTime, NaiveDate, Utc};
use constants::{ApplicationContext, AuditAction};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double};

use crate::schema::sql_types::ApplicationType;
use crate::schema::{audit_log, legacy_uses};
use crate::sql_enum::ContextColumn;
use crate::time::clock_timestamp;

/// Blocks of the table of sessions that are looked at, about: 6 MiB, some 20,000 sessions. One estimate in three is off by
/// more than a twenty-fifth.
const BLOCKS: i64 = 800;

/// The audit log's name for a login.
const LOGIN: &str = AuditAction::SessionCreated.as_str();

/// How many sessions are neither revoked nor run out. Those of people who are blocked, or whose sessions were all ended and
/// are not yet marked as such, are among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSessions {
    /// In each application, in the order of [`ApplicationContext::ALL`].
    pub by_context: Vec<(ApplicationContext, i64)>,
    /// Whether every row was looked at; otherwise a sample was, and these are estimates.
    pub exact: bool,
}

#[derive(QueryableByName)]
struct Blocks {
    #[diesel(sql_type = BigInt)]
    blocks: i64,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = ApplicationType)]
    context: ContextColumn,
    #[diesel(sql_type = BigInt)]
    live: i64,
}

/// How many sessions count now. Of a large table a sample of its blocks is looked at.
///
/// # Errors
/// When Postgres gives no answer.
pub fn live_sessions(conn: &mut PgConnection) -> QueryResult<LiveSessions> {
    let size = "SELECT pg_relation_size('sessions') / current_setting('block_size')::bigint AS blocks";
    let Blocks { blocks } = diesel::sql_query(size).get_result(conn)?;
    let exact = blocks <= BLOCKS;
    let share = if exact { 1.0 } else { as_float(BLOCKS) / as_float(blocks) };
    let sample = "SELECT application_context AS context, count(*) AS live FROM sessions TABLESAMPLE SYSTEM ($1)
                  WHERE NOT revoked AND expires_at > clock_timestamp() AND absolute_expires_at > clock_timestamp()
                  GROUP BY application_context";
    let rows: Vec<Counted> = diesel::sql_query(sample).bind::<Double, _>(share * 100.0).load(conn)?;
    let of = |context: ApplicationContext| {
        let live = rows.iter().find(|row| row.context.0 == context).map_or(0, |row| row.live);
        whole(as_float(live) / share)
    };
    Ok(LiveSessions { by_context: LiveSessions::each(of), exact })
}

impl LiveSessions {
    /// What `count` says of every application.
    pub fn each(count: impl Fn(ApplicationContext) -> i64) -> Vec<(ApplicationContext, i64)> {
        ApplicationContext::ALL.iter().map(|context| (*context, count(*context))).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn as_float(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a count of rows; `as` saturates")]
fn whole(number: f64) -> i64 {
    number.round() as i64
}

/// Now, by the clock of Postgres.
///
/// # Errors
/// When Postgres gives no answer.
pub fn now(conn: &mut PgConnection) -> QueryResult<DateTime<Utc>> {
    diesel::select(clock_timestamp()).get_result(conn)
}

/// Logins from one moment up to another, in all applications.
///
/// # Errors
/// When Postgres gives no answer.
pub fn logins(conn: &mut PgConnection, from: DateTime<Utc>, to: DateTime<Utc>) -> QueryResult<i64> {
    audit_log::table
        .filter(audit_log::action.eq(LOGIN))
        .filter(audit_log::at.ge(from))
        .filter(audit_log::at.lt(to))
        .count()
        .get_result(conn)
}

/// Uses of tokens of the older software on one day.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct LegacyUses {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// Where the tokens were found.
    pub source: String,
    /// How often.
    pub uses: i64,
}

/// Uses of tokens of the older software since a day, by day and source. A day without has no entry.
///
/// # Errors
/// When Postgres gives no answer.
pub fn legacy_uses(conn: &mut PgConnection, since: NaiveDate) -> QueryResult<Vec<LegacyUses>> {
    legacy_uses::table
        .filter(legacy_uses::day.ge(since))
        .order((legacy_uses::day, legacy_uses::source))
        .select((legacy_uses::day, legacy_uses::source, legacy_uses::uses))
        .load(conn)
}
