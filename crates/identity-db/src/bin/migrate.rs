//! Brings a database to the schema of this version, or back.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use identity_db::PgConnection;
use identity_db::migration::{self, Contents, MigrationError, Step};
use identity_db::setting::{self, SettingError};
use url::Url;

/// The migrations of the identity and of the web database, which are one unless told otherwise.
///
/// Runs as the owner of the databases. Two runs at once do not race: the second waits for the first.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The owner's database; default DATABASE_URL.
    #[arg(long, env = "DATABASE_OWNER_URL", hide_env_values = true)]
    database_owner_url: Option<String>,
    /// The applications' database; where its role is another than the owner's, `run` gives it its rights.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Where people and sessions are, if not in DATABASE_URL; the owner's name and password are those of DATABASE_OWNER_URL.
    #[arg(long, env = "DATABASE_IDENTITY_URL", hide_env_values = true)]
    database_identity_url: Option<String>,
    /// Where the web application's own data are, if not in DATABASE_URL; likewise.
    #[arg(long, env = "DATABASE_WEB_URL", hide_env_values = true)]
    database_web_url: Option<String>,
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
    let mut databases = Place::all(arguments)?;
    Ok(match arguments.command {
        Command::Run => (listed("applied", run(&mut databases)?), ExitCode::SUCCESS),
        Command::Revert => (listed("reverted", revert(&mut databases)?), ExitCode::SUCCESS),
        Command::Status => {
            let line =
                |step: Step| format!("{} {}", if step.applied { "applied" } else { "pending" }, step.name);
            (steps(&mut databases)?.into_iter().map(line).collect(), ExitCode::SUCCESS)
        }
        Command::Check => {
            let pending = steps(&mut databases)?.into_iter().filter(|step| !step.applied);
            let names: Vec<String> = pending.map(|step| step.name).collect();
            let code = if names.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            (listed("pending", (names, Vec::new())), code)
        }
    })
}

/// Names of migrations, and lines on what was noted of an adopted database.
type Outcome = (Vec<String>, Vec<String>);

fn run(databases: &mut [Place]) -> Result<Outcome, Failure> {
    let mut all = Outcome::default();
    for place in databases {
        let (contents, role) = (place.contents, place.app_role.clone());
        let (applied, notes) =
            noted(&mut place.conn, |conn| migration::run_in(conn, contents, role.as_deref()))?;
        all.0.extend(applied);
        all.1.extend(notes);
    }
    Ok(all)
}

/// Undoes the newest of all databases.
fn revert(databases: &mut [Place]) -> Result<Outcome, Failure> {
    let mut newest: Option<(String, usize)> = None;
    for (position, place) in databases.iter_mut().enumerate() {
        let steps = migration::status(&mut place.conn, place.contents)?;
        let last = steps.into_iter().filter(|step| step.applied).map(|step| step.name).max();
        newest = newest.max(last.map(|name| (name, position)));
    }
    let Some((_, position)) = newest else { return Ok(Outcome::default()) };
    let place = &mut databases[position];
    let contents = place.contents;
    let (reverted, notes) = noted(&mut place.conn, |conn| migration::revert_in(conn, contents))?;
    Ok((reverted.into_iter().collect(), notes))
}

fn steps(databases: &mut [Place]) -> Result<Vec<Step>, Failure> {
    let mut all = Vec::new();
    for place in databases {
        all.extend(migration::status(&mut place.conn, place.contents)?);
    }
    Ok(all)
}

/// A database to be migrated.
struct Place {
    conn: PgConnection,
    contents: Contents,
    /// Who is to get rights in it.
    app_role: Option<String>,
}

impl Place {
    fn all(arguments: &Arguments) -> Result<Vec<Self>, Failure> {
        let owner = checked("DATABASE_OWNER_URL", arguments.database_owner_url.as_deref())?;
        let app = checked("DATABASE_URL", arguments.database_url.as_deref())?;
        let identity = checked("DATABASE_IDENTITY_URL", arguments.database_identity_url.as_deref())?;
        let web = checked("DATABASE_WEB_URL", arguments.database_web_url.as_deref())?;
        let open = |own: Option<&String>, contents| {
            let missing = || SettingError::missing("DATABASE_OWNER_URL", "postgres://… (or DATABASE_URL)");
            let url = match (own, &owner) {
                (Some(place), Some(owner)) => setting::logged_in_as(place, owner),
                (None, Some(owner)) => owner.clone(),
                (place, None) => place.or(app.as_ref()).cloned().ok_or_else(missing)?,
            };
            let app_role = own.or(app.as_ref()).and_then(|url| role(url));
            Ok::<_, Failure>(Self { conn: migration::connect(&url)?, contents, app_role })
        };
        let place = |own: &Option<String>| own.as_ref().or(app.as_ref()).map(|url| location(url));
        if place(&identity) == place(&web) {
            return Ok(vec![open(identity.as_ref(), Contents::Both)?]);
        }
        Ok(vec![open(identity.as_ref(), Contents::Identity)?, open(web.as_ref(), Contents::Web)?])
    }
}

/// Which database a URL means, whoever asks.
fn location(url: &str) -> Option<(String, u16, String)> {
    let url = Url::parse(url).ok()?;
    Some((url.host_str()?.to_owned(), url.port().unwrap_or(5432), url.path().to_owned()))
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
    let url = Url::parse(url).ok()?;
    (!url.username().is_empty()).then(|| url.username().to_owned())
}

fn listed(what: &str, (names, notes): Outcome) -> Vec<String> {
    if names.is_empty() {
        return [vec![format!("nothing {what}")], notes].concat();
    }
    names.iter().map(|name| format!("{what} {name}")).chain(notes).collect()
}
