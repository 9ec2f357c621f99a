//! The migration strategy that was set for all processes, and what each process says it runs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use constants::{ApplicationContext, Environment, MigrationStrategy};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text, Uuid};
use serde::Serialize;

use crate::schema::{migration_strategy, strategy_processes};
use crate::sql_enum::{ContextColumn, StrategyColumn};
use crate::statement::statement;
use crate::time::clock_timestamp;

/// After so long without a word a process counts as gone.
const SILENCE: Duration = Duration::from_secs(15);

/// What was set, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Queryable)]
pub struct Recorded {
    /// What every process is to run.
    #[diesel(deserialize_as = StrategyColumn)]
    pub strategy: MigrationStrategy,
    /// Since when.
    pub set_at: DateTime<Utc>,
}

/// What one process says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Drawn when it began.
    pub id: uuid::Uuid,
    /// Its application.
    pub context: ApplicationContext,
    /// Its `APP_ENV`.
    pub environment: Environment,
    /// The machine.
    pub host: String,
    /// Its number there.
    pub pid: i32,
    /// Its `MIGRATION_STRATEGY`.
    pub configured: MigrationStrategy,
    /// What it runs.
    pub running: MigrationStrategy,
    /// What keeps it from what was set.
    pub problem: Option<String>,
}

/// A process as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable)]
pub struct Process {
    /// Its application.
    #[diesel(deserialize_as = ContextColumn)]
    pub application_context: ApplicationContext,
    /// Its `APP_ENV`.
    pub environment: String,
    /// The machine.
    pub host: String,
    /// Its number there.
    pub pid: i32,
    /// Its `MIGRATION_STRATEGY`.
    #[diesel(deserialize_as = StrategyColumn)]
    pub configured: MigrationStrategy,
    /// What it runs.
    #[diesel(deserialize_as = StrategyColumn)]
    pub running: MigrationStrategy,
    /// What keeps it from what was set.
    pub problem: Option<String>,
    /// When it last said so.
    pub seen_at: DateTime<Utc>,
}

statement! {
    struct Say<'a> {
        id: uuid::Uuid => Uuid, "uuid";
        context: &'a str => Text, "application_type";
        environment: &'a str => Text, "varchar";
        host: &'a str => Text, "varchar";
        pid: i32 => Integer, "integer";
        configured: &'a str => Text, "varchar";
        running: &'a str => Text, "varchar";
        problem: Option<&'a str> => Nullable<Text>, "text";
    }
    returns (Nullable<Text>,);
    "said AS (
        INSERT INTO strategy_processes (id, application_context, environment, host, pid, configured, running, problem)
        SELECT id, context, environment, host, pid, configured, running, problem FROM arg
        ON CONFLICT (id) DO UPDATE SET running = excluded.running, problem = excluded.problem, seen_at = clock_timestamp()
    ), silent AS (
        DELETE FROM strategy_processes WHERE seen_at < clock_timestamp() - interval '1 hour'
    )
    SELECT (SELECT strategy FROM migration_strategy)"
}

/// Says what a process runs, and hears what it is to run; `None` when that was never set.
///
/// # Errors
/// When Postgres gives no answer.
pub fn report(conn: &mut PgConnection, report: &Report) -> QueryResult<Option<MigrationStrategy>> {
    let (set,): (Option<String>,) = Say {
        id: report.id,
        context: report.context.as_str(),
        environment: report.environment.as_str(),
        host: &report.host,
        pid: report.pid,
        configured: report.configured.as_str(),
        running: report.running.as_str(),
        problem: report.problem.as_deref(),
    }
    .get_result(conn)?;
    Ok(set.and_then(|set| set.parse().ok()))
}

/// Takes a process that ends from the list.
///
/// # Errors
/// When Postgres gives no answer.
pub fn leave(conn: &mut PgConnection, id: uuid::Uuid) -> QueryResult<()> {
    diesel::delete(strategy_processes::table.find(id)).execute(conn).map(|_| ())
}

/// What was set; `None` when nothing ever was.
///
/// # Errors
/// When Postgres gives no answer.
pub fn recorded(conn: &mut PgConnection) -> QueryResult<Option<Recorded>> {
    migration_strategy::table
        .select((migration_strategy::strategy, migration_strategy::set_at))
        .first(conn)
        .optional()
}

/// Sets what every process is to run; they are told at commit.
///
/// # Errors
/// When Postgres gives no answer.
pub fn set(conn: &mut PgConnection, strategy: MigrationStrategy) -> QueryResult<()> {
    let row = (
        migration_strategy::only_row.eq(true),
        migration_strategy::strategy.eq(strategy.as_str()),
        migration_strategy::set_at.eq(clock_timestamp()),
    );
    diesel::insert_into(migration_strategy::table)
        .values(row)
        .on_conflict(migration_strategy::only_row)
        .do_update()
        .set(row)
        .execute(conn)
        .map(|_| ())
}

/// Every process that has said something within the last 15 seconds.
///
/// # Errors
/// When Postgres gives no answer.
pub fn processes(conn: &mut PgConnection) -> QueryResult<Vec<Process>> {
    let columns = (
        strategy_processes::application_context,
        strategy_processes::environment,
        strategy_processes::host,
        strategy_processes::pid,
        strategy_processes::configured,
        strategy_processes::running,
        strategy_processes::problem,
        strategy_processes::seen_at,
    );
    let rows: Vec<(Process, DateTime<Utc>)> = strategy_processes::table
        .select((columns, clock_timestamp()))
        .order((strategy_processes::application_context, strategy_processes::host, strategy_processes::pid))
        .load(conn)?;
    Ok(rows.into_iter().filter(|(process, now)| process.seen_at + SILENCE > *now).map(|(p, _)| p).collect())
}
