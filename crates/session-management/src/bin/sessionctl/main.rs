//! Operations from a shell: people, their sessions, what the older software left, the migration strategy, backups, keys, demo data.

mod backup;
mod cleanup;
mod connection;
mod demo;
mod key;
mod legacy;
mod output;
mod session;
mod strategy;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use session_management::{SessionError, SettingError};

use connection::Connection;
use output::Output;

/// Operations on people and sessions.
///
/// Works on Postgres directly, as the owner where DATABASE_OWNER_URL is set; the applications need not run.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Prints JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// People.
    #[command(subcommand)]
    User(user::Command),
    /// Their sessions.
    #[command(subcommand)]
    Session(session::Command),
    /// The older software: importing its people and sessions, and what of it is still standing.
    #[command(subcommand)]
    Legacy(legacy::Command),
    /// Which store answers, the memory of the processes or Postgres, while a migration is under way.
    #[command(subcommand)]
    Strategy(strategy::Command),
    /// The end of the move: after it nothing of the older software counts any more.
    #[command(subcommand)]
    Cleanup(cleanup::Command),
    Backup(backup::Backup),
    /// The keys that sign what is cached.
    #[command(subcommand)]
    Key(key::Command),
    /// Demo data, in development only.
    #[command(subcommand)]
    Demo(demo::Command),
}

/// Why a command did nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Setting(#[from] SettingError),
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("{0}")]
    Database(#[from] identity_db::DatabaseError),
    #[error("the SQLite file: {0}")]
    Source(#[from] rusqlite::Error),
    #[error("{0}")]
    Query(#[from] identity_db::QueryError),
    #[error("{0}")]
    Migration(#[from] identity_db::migration::MigrationError),
    #[error("these points of the checklist fail: {0}")]
    Failing(String),
    #[error("{0}")]
    Refused(String),
}

#[expect(clippy::print_stderr, reason = "a command line program")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(execute(arguments)),
        Err(error) => Err(Failure::Refused(error.to_string())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sessionctl: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { connection, json, command } = arguments;
    let output = Output::new(json);
    match command {
        Command::User(command) => user::execute(command, &connection.database()?, &output).await,
        Command::Session(command) => session::execute(command, &connection.database()?, &output).await,
        Command::Legacy(command) => legacy::execute(command, &connection, &output).await,
        Command::Strategy(command) => strategy::execute(command, &connection, &output).await,
        Command::Cleanup(command) => cleanup::execute(command, &connection, &output).await,
        Command::Backup(given) => backup::execute(given, &connection, &output).await,
        Command::Key(command) => key::execute(command, &connection.database()?, &output).await,
        Command::Demo(command) => demo::execute(command, &connection, &output).await,
    }
}
