//! The older software: bringing its people and sessions here, and what of it is still standing.

mod import;
mod people;
mod person;
mod report;
mod rows;
mod sessions;
mod source;
mod status;
mod value;

use clap::{Args, Subcommand};
use constants::ApplicationContext;
use session_management::Lifetimes;
use session_management::setting::SettingError;

use super::Failure;
use super::connection::Connection;
use super::output::Output;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Brings the people and sessions of an SQLite file of the older software. It may be interrupted and run again.
    Import(Import),
    /// Shows what of the older software is still standing, and how much it is used.
    Status,
}

#[derive(Args)]
pub(crate) struct Import {
    /// The file: sqlite:PATH. It is read and never written.
    #[arg(long)]
    from: String,
    /// Writes nothing and prints what an import would do.
    #[arg(long)]
    dry_run: bool,
    /// The country whose phone numbers may stand in the file without their country code, such as RU.
    #[arg(long)]
    region: Option<String>,
    /// Rows that one transaction takes at most.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    batch: u32,
    /// Web's life of an unused session; default 30 days.
    #[arg(long, env = "SESSION_IDLE_SECONDS")]
    session_idle_seconds: Option<String>,
    /// Web's life of any session; default 90 days.
    #[arg(long, env = "SESSION_ABSOLUTE_SECONDS")]
    session_absolute_seconds: Option<String>,
}

pub(crate) async fn execute(
    command: Command,
    connection: &Connection,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        Command::Status => status::execute(&connection.database()?, output).await,
        Command::Import(given) => {
            let order = order(&given)?;
            let database_url = connection.config()?.url;
            let progress = output.progress(0);
            // Reading the file blocks, and so does the one connection on which an import works.
            let work = tokio::task::spawn_blocking(move || import::run(&order, &database_url, &progress));
            let report = work.await.map_err(|error| Failure::Refused(error.to_string()))??;
            output.print(&report, report::Report::text);
            Ok(())
        }
    }
}

fn order(given: &Import) -> Result<import::Order, Failure> {
    let path = given.from.strip_prefix("sqlite:").filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| SettingError::wrong("--from", &given.from, "sqlite:PATH"))?;
    let region = given.region.as_deref().map(|name| {
        let allowed = "the two letters of a country, such as RU";
        name.to_uppercase().parse().map_err(|_| SettingError::wrong("--region", name, allowed))
    });
    let lifetimes = Lifetimes::checked(
        ApplicationContext::Web,
        given.session_idle_seconds.as_deref(),
        given.session_absolute_seconds.as_deref(),
    );
    Ok(import::Order {
        path: path.into(),
        dry_run: given.dry_run,
        region: region.transpose()?,
        batch: given.batch,
        lifetimes: lifetimes?,
    })
}
