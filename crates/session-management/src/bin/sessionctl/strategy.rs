//! The migration strategy of all processes: what was set, what each of them runs, and another one.

use std::time::Duration;

use clap::Subcommand;
use constants::{AuditAction, Environment, MigrationStrategy};
use identity_db::Database;
use identity_db::audit::{self, Entry};
use identity_db::strategy::{self, Process, Recorded};
use serde::Serialize;
use session_management::{Clock, SettingError, SystemClock};

use super::Failure;
use super::connection::Connection;
use super::output::Output;

/// How often it is looked whether every process runs what was set.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows what was set, and what each running process runs.
    Show,
    /// Sets the strategy of all processes, and waits until each of them runs it.
    Set {
        /// mock-only, mock-with-write-through, gradual or production-only.
        strategy: String,
        /// Seconds to wait for the processes; 0 does not wait.
        #[arg(long, default_value_t = 60)]
        wait_seconds: u32,
    },
}

/// What `show` prints.
#[derive(Serialize)]
struct Shown {
    /// `recorded` when it was set, else `environment`: each process follows its own `MIGRATION_STRATEGY`.
    source: &'static str,
    recorded: Option<Recorded>,
    processes: Vec<Process>,
}

pub(crate) async fn execute(
    command: Command,
    connection: &Connection,
    output: &Output,
) -> Result<(), Failure> {
    let database = connection.database()?;
    if let Command::Set { strategy, wait_seconds } = command {
        let wrong = |error| SettingError::wrong("the strategy", &strategy, error);
        let strategy: MigrationStrategy = strategy.parse().map_err(wrong)?;
        refuse_mock_in_production(strategy, connection.environment()?, &database).await?;
        let detail = Some(serde_json::json!({ "strategy": strategy }));
        let entry = Entry { detail, ..Entry::of(AuditAction::StrategySet) };
        database
            .transaction(move |conn| {
                strategy::set(conn, strategy)?;
                audit::append(conn, &entry)
            })
            .await?;
        wait(&database, strategy, Duration::from_secs(wait_seconds.into())).await?;
    }
    let recorded = database.read(strategy::recorded).await?;
    let processes = database.read(strategy::processes).await?;
    let source = if recorded.is_some() { "recorded" } else { "environment" };
    output.print(&Shown { source, recorded, processes }, text);
    Ok(())
}

/// What one process keeps in its memory alone is nothing to run a company on.
async fn refuse_mock_in_production(
    strategy: MigrationStrategy,
    environment: Environment,
    database: &Database,
) -> Result<(), Failure> {
    if strategy != MigrationStrategy::MockOnly {
        return Ok(());
    }
    let processes = database.read(strategy::processes).await?;
    let production = Environment::Production.as_str();
    if environment == Environment::Production || processes.iter().any(|p| p.environment == production) {
        return Err(Failure::Refused(
            "mock-only is refused in production; allowed: production-only, gradual, mock-with-write-through"
                .into(),
        ));
    }
    Ok(())
}

async fn wait(database: &Database, strategy: MigrationStrategy, patience: Duration) -> Result<(), Failure> {
    let until = SystemClock.uptime() + patience;
    loop {
        let processes = database.read(strategy::processes).await?;
        let late: Vec<String> =
            processes.iter().filter(|process| process.running != strategy).map(line).collect();
        if late.is_empty() || patience.is_zero() {
            return Ok(());
        }
        if SystemClock.uptime() >= until {
            let late = late.join("; ");
            return Err(Failure::Refused(format!(
                "{strategy} was set, but after {} seconds not every process runs it: {late}",
                patience.as_secs()
            )));
        }
        // Processes say themselves what they run; nobody rings here.
        tokio::time::sleep(LOOK).await;
    }
}

fn text(shown: &Shown) -> String {
    let mut lines = vec![match &shown.recorded {
        Some(recorded) => {
            format!("{}, set {} UTC", recorded.strategy, recorded.set_at.format("%F %T"))
        }
        None => "never set: each process follows its own MIGRATION_STRATEGY".into(),
    }];
    lines.extend(shown.processes.iter().map(line));
    if shown.processes.is_empty() {
        lines.push("no process is running".into());
    }
    lines.join("\n")
}

fn line(process: &Process) -> String {
    let Process { application_context, host, pid, running, configured, problem, .. } = process;
    let problem = problem.as_ref().map(|problem| format!(", {problem}")).unwrap_or_default();
    format!("{application_context} {host}:{pid} runs {running} (MIGRATION_STRATEGY={configured}){problem}")
}
