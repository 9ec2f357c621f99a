//! Sessions: listing and ending them.

use clap::Subcommand;
use identity_db::session::{self, Everyone, Purged, Session};
use identity_db::{Database, UserId, user};
use serde::Serialize;
use session_management::administration::{self, Actor};
use session_management::{Clock, SessionId, SystemClock};

use super::Failure;
use super::output::Output;
use super::user::{find, unknown as unknown_person};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists a person's live sessions in every application.
    List {
        /// E-mail address or id.
        person: String,
    },
    /// Deletes rows of sessions that ended long ago, in small batches. It may be interrupted and run again.
    Purge {
        /// Days since the end.
        #[arg(long, default_value_t = 7)]
        older_than_days: u32,
    },
    /// Ends all sessions of a person, or one; or all of everybody.
    Revoke {
        /// E-mail address or id.
        #[arg(required_unless_present = "all_before_now", conflicts_with_all = ["all_before_now"])]
        person: Option<String>,
        /// Every session of everybody that began before now, as after a restore: what was ended since the backup would be
        /// back. When it is interrupted it has to be run again.
        #[arg(long, conflicts_with = "session")]
        all_before_now: bool,
        /// Only the session with this id, which may begin with a hyphen.
        #[arg(long, allow_hyphen_values = true)]
        session: Option<String>,
    },
}

#[derive(Serialize)]
struct Revoked {
    revoked: usize,
}

#[derive(Serialize)]
struct Gone {
    deleted: i64,
    kept: i64,
}

/// Rows a statement deletes at most: some milliseconds of work.
const BATCH: i64 = 2_000;

async fn purge(database: &Database, older_than_days: u32, output: &Output) -> Result<(), Failure> {
    let age = chrono::Duration::days(i64::from(older_than_days));
    let before = SystemClock.now() - age;
    let total = database.read(move |conn| session::count_ended(conn, before)).await?;
    let progress = output.progress(total);
    let mut purged = Purged::default();
    while purged.more {
        purged = database.run(move |conn| session::purge(conn, before, BATCH, purged)).await?;
        progress.set_position(u64::try_from(purged.seen).unwrap_or_default());
    }
    progress.finish_and_clear();
    let gone = Gone { deleted: purged.deleted, kept: purged.seen - purged.deleted };
    output.print(&gone, |gone| {
        format!(
            "{} deleted, {} kept because what the older software left still names them",
            gone.deleted, gone.kept
        )
    });
    Ok(())
}

/// People whose sessions one transaction ends at most: while it runs they cannot log in.
const PEOPLE: i64 = 500;

async fn end_everyone(database: &Database, output: &Output) -> Result<(), Failure> {
    let progress = output.progress(database.read(user::count).await?);
    let mut everyone = Everyone::default();
    while !everyone.done {
        everyone = database.run(move |conn| session::end_everyone(conn, PEOPLE, everyone)).await?;
        progress.set_position(u64::try_from(everyone.people).unwrap_or_default());
    }
    progress.finish_and_clear();
    let revoked = usize::try_from(everyone.ended).unwrap_or_default();
    output.print(&Revoked { revoked }, told);
    Ok(())
}

pub(crate) async fn execute(command: Command, database: &Database, output: &Output) -> Result<(), Failure> {
    match command {
        Command::List { person } => {
            let id = find(database, &person).await?.id;
            let sessions = database.read(move |conn| session::list(conn, id, None)).await?;
            output.list(&sessions, line);
        }
        Command::Purge { older_than_days } => purge(database, older_than_days, output).await?,
        Command::Revoke { person: None, .. } => end_everyone(database, output).await?,
        Command::Revoke { person: Some(person), session, .. } => {
            let id = find(database, &person).await?.id;
            let revoked = match session {
                None => end_all(database, id, &person).await?,
                Some(text) => end_one(database, id, &text).await?,
            };
            output.print(&Revoked { revoked }, told);
        }
    }
    Ok(())
}

async fn end_all(database: &Database, id: UserId, person: &str) -> Result<usize, Failure> {
    let actor = Actor::command_line();
    let ended = database.transaction(move |conn| administration::end_sessions(conn, &actor, id)).await??;
    Ok(ended.ok_or_else(|| unknown_person(person))?.ended.live.len())
}

async fn end_one(database: &Database, id: UserId, text: &str) -> Result<usize, Failure> {
    let session = SessionId::parse(text).ok_or_else(|| unknown(text))?;
    let actor = Actor::command_line();
    let ended = database.transaction(move |conn| administration::end_session(conn, &actor, id, &session));
    ended.await??.map(|_| 1).ok_or_else(|| unknown(text))
}

fn line(session: &Session) -> String {
    format!(
        "{} {} since {} last seen {} from {}",
        session.id,
        session.application_context,
        session.created_at.format("%F %T"),
        session.last_activity.format("%F %T"),
        session.ip_address.map_or_else(|| "-".into(), |network| network.ip().to_string()),
    )
}

fn told(revoked: &Revoked) -> String {
    format!("{} ended", revoked.revoked)
}

fn unknown(text: &str) -> Failure {
    Failure::Refused(format!("this person has no live session {text}"))
}
