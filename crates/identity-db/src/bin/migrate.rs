//! Brings a database to the schema of this version, or back.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use identity_db::PgConnection;
use identity_db::migration::{self, MigrationError, Step};
use identity_db::setting::{self, SettingError};

/// The migrations of the identity database.
///
/// Runs as the owner of the database. Two runs at once do not race: the second waits for the first.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The owner's database; default DATABASE_URL.
    #[arg(long, env = "DATABASE_OWNER_URL", hide_env_values = true)]
    database_owner_url: Option<String>,
    /// The applications' database; where its role is another than the owner's, `run` gives it its rights.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Clone, Copy)]
enum Command {
    /// Applies what is pending.
    Run,
    /// Undoes the newest one.
    Revert,
    /// Lists every migration and whether it was applied.
    Status,
    /// Exits with 1 when something is pending.
    Check,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Setting(#[from] SettingError),
    #[error("{0}")]
    Migration(#[from] MigrationError),
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]
fn main() -> ExitCode {
    match execute(&Arguments::parse()) {
        Ok((lines, code)) => {
            lines.iter().for_each(|line| println!("{line}"));
            code
        }
        Err(failure) => {
            eprintln!("migrate: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: &Arguments) -> Result<(Vec<String>, ExitCode), Failure> {
    let app = checked("DATABASE_URL", arguments.database_url.as_deref())?;
    let owner = checked("DATABASE_OWNER_URL", arguments.database_owner_url.as_deref())?
        .or_else(|| app.clone())
        .ok_or_else(|| SettingError::missing("DATABASE_OWNER_URL", "postgres://… (or DATABASE_URL)"))?;
    let conn = &mut migration::connect(&owner)?;
    Ok(match arguments.command {
        Command::Run => {
            let (applied, notes) =
                noted(conn, |conn| migration::run(conn, app.as_deref().and_then(role).as_deref()))?;
            ([listed("applied", &applied), notes].concat(), ExitCode::SUCCESS)
        }
        Command::Revert => {
            let (reverted, notes) = noted(conn, migration::revert)?;
            let reverted: Vec<String> = reverted.into_iter().collect();
            ([listed("reverted", &reverted), notes].concat(), ExitCode::SUCCESS)
        }
        Command::Status => {
            let line =
                |step: Step| format!("{} {}", if step.applied { "applied" } else { "pending" }, step.name);
            (migration::status(conn)?.into_iter().map(line).collect(), ExitCode::SUCCESS)
        }
        Command::Check => {
            let pending: Vec<Step> =
                migration::status(conn)?.into_iter().filter(|step| !step.applied).collect();
            let code = if pending.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            let names: Vec<String> = pending.into_iter().map(|step| step.name).collect();
            (listed("pending", &names), code)
        }
    })
}

/// What `work` gives, and a line for each thing that it noted of an adopted database.
fn noted<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, MigrationError>,
) -> Result<(T, Vec<String>), MigrationError> {
    let last = migration::last_note(conn)?;
    let result = work(conn)?;
    let notes = migration::notes(conn, last)?.into_iter().map(|(_, message)| format!("note: {message}"));
    Ok((result, notes.collect()))
}

fn checked(name: &'static str, value: Option<&str>) -> Result<Option<String>, SettingError> {
    setting::set(value).map(|url| setting::postgres_url(name, url)).transpose()
}

/// The role that a URL logs in as.
fn role(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    (!url.username().is_empty()).then(|| url.username().to_owned())
}

fn listed(what: &str, names: &[String]) -> Vec<String> {
    if names.is_empty() {
        return vec![format!("nothing {what}")];
    }
    names.iter().map(|name| format!("{what} {name}")).collect()
}
