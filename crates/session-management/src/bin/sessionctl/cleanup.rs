//! The clean-up at the end of the move: its checklist, and applying it.

use std::io::{IsTerminal, Write};

use clap::Subcommand;
use identity_db::cleanup::{self, Applied};
use identity_db::{Database, migration};
use serde::Serialize;
use session_management::{Checklist, CleanupProbe, Point};

use super::Failure;
use super::connection::Connection;
use super::output::Output;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Measures each point of the checklist; ends with 1 while one fails that must hold.
    Check,
    /// Ends what the older software left, for good, in every process and without a restart.
    Apply {
        /// The name of the database, for scripts; otherwise it is asked for.
        #[arg(long)]
        confirm: Option<String>,
    },
}

#[derive(Serialize)]
struct Done {
    #[serde(flatten)]
    applied: Applied,
    /// Whether it was applied by this call.
    now: bool,
}

pub(crate) async fn execute(
    command: Command,
    connection: &Connection,
    output: &Output,
) -> Result<(), Failure> {
    let database = connection.database()?;
    match command {
        Command::Check => {
            let checklist = measure(connection, &database, output).await?;
            output.print(&checklist, text);
            let failing: Vec<&str> = checklist.failing().map(|point| point.id).collect();
            if failing.is_empty() { Ok(()) } else { Err(Failure::Failing(failing.join(", "))) }
        }
        Command::Apply { confirm } => {
            let done = match database.read(cleanup::applied).await {
                Ok(Some(applied)) => Done { applied, now: false },
                _ => apply(connection, &database, confirm, output).await?,
            };
            output.print(&done, |done| {
                let Done { applied: Applied { applied_at, applied_by }, now } = done;
                let before = if *now { "" } else { " before" };
                let at = applied_at.format("%F %T UTC");
                format!("the clean-up was applied{before}, {at}, as {applied_by}: the strict mode is on in every process")
            });
            Ok(())
        }
    }
}

async fn apply(
    connection: &Connection,
    database: &Database,
    confirm: Option<String>,
    output: &Output,
) -> Result<Done, Failure> {
    let mut checklist = passed(connection, database, output).await?;
    let name = match confirm {
        Some(name) => name,
        None => {
            let name = ask(&checklist.database)?;
            // Whoever was asked may have taken their time.
            checklist = passed(connection, database, output).await?;
            name
        }
    };
    if name != checklist.database {
        return Err(Failure::Refused(format!("this is the database {}, not {name:?}", checklist.database)));
    }
    let url = connection.config()?.url;
    let record = serde_json::to_value(&checklist).map_err(|error| Failure::Refused(error.to_string()))?;
    let work = tokio::task::spawn_blocking(move || cleanup::apply(&mut migration::connect(&url)?, &record));
    let (applied, now) = work.await.map_err(|error| Failure::Refused(error.to_string()))??;
    Ok(Done { applied, now })
}

/// The checklist, when nothing on it fails.
async fn passed(connection: &Connection, database: &Database, output: &Output) -> Result<Checklist, Failure> {
    let checklist = measure(connection, database, output).await?;
    let failing: Vec<String> =
        checklist.failing().map(|point| format!("{} ({})", point.id, point.measured)).collect();
    if failing.is_empty() {
        Ok(checklist)
    } else {
        Err(Failure::Refused(format!("the clean-up waits for: {}", failing.join("; "))))
    }
}

async fn measure(
    connection: &Connection,
    database: &Database,
    output: &Output,
) -> Result<Checklist, Failure> {
    let probe = CleanupProbe::new(&connection.config()?, connection.redis()?.as_ref())?;
    let progress = output.progress(0);
    let told = |seen, total| {
        progress.set_length(total);
        progress.set_position(seen);
    };
    let measured = probe.measure(&told).await;
    progress.finish_and_clear();
    match measured {
        Ok(checklist) => Ok(checklist),
        // An older schema has no table to measure by.
        Err(_) if database.read(migration::pending).await? > 0 => {
            Err(Failure::Refused("migrations are pending on this database; run migrate first".into()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks for the name of the database. Where it comes by a pipe it counts too; where nothing comes, nobody was asked.
#[expect(clippy::print_stderr, reason = "a command line program")]
fn ask(database: &str) -> Result<String, Failure> {
    let by_hand = std::io::stdin().is_terminal();
    if by_hand {
        eprint!(
            "There is no way back but a backup. The name of the database, to apply the clean-up to {database}: "
        );
        let _ = std::io::stderr().flush();
    }
    let mut name = String::new();
    let read = std::io::stdin().read_line(&mut name).map_err(|error| Failure::Refused(error.to_string()))?;
    if read == 0 && !by_hand {
        return Err(Failure::Refused(format!(
            "nobody is there to be asked; name the database by --confirm {database}"
        )));
    }
    Ok(name.trim().to_owned())
}

fn text(checklist: &Checklist) -> String {
    let mode = match &checklist.applied {
        Some(Applied { applied_at, applied_by }) => {
            format!("strict mode: on since {}, as {applied_by}", applied_at.format("%F %T UTC"))
        }
        None => "strict mode: off".to_owned(),
    };
    let points = checklist.points.iter().map(line);
    std::iter::once(format!("database {}, {mode}", checklist.database))
        .chain(points)
        .collect::<Vec<_>>()
        .join("\n")
}

fn line(point: &Point) -> String {
    let word = match (point.holds, point.required) {
        (true, _) => "holds",
        (false, true) => "FAILS",
        (false, false) => "note",
    };
    let since = point.since.map_or_else(|| "-".to_owned(), |at| at.format("%F %R").to_string());
    format!("{word:<6} {:<12} {:<70} since {since:<17} {}", point.id, point.sentence, point.measured)
}
