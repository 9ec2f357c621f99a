//! Sessions: listing and ending them.

use clap::Subcommand;
use identity_db::Database;
use identity_db::audit::{self, Entry, Origin};
use identity_db::session::{self, Revocation, Session};
use serde::Serialize;
use session_management::SessionId;

use super::Failure;
use super::output::Output;
use super::user::{end_all, find};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists a person's live sessions in every application.
    List {
        /// E-mail address or id.
        person: String,
    },
    /// Ends all sessions of a person, or one.
    Revoke {
        /// E-mail address or id.
        person: String,
        /// Only the session with this id.
        #[arg(long)]
        session: Option<String>,
    },
}

#[derive(Serialize)]
struct Revoked {
    revoked: usize,
}

pub(crate) async fn execute(command: Command, database: &Database, output: &Output) -> Result<(), Failure> {
    match command {
        Command::List { person } => {
            let id = find(database, &person).await?.id;
            let sessions = database.read(move |conn| session::list(conn, id, None)).await?;
            output.list(&sessions, line);
        }
        Command::Revoke { person, session: None } => {
            let id = find(database, &person).await?.id;
            let revoked = database.transaction(move |conn| {
                let revoked = end_all(conn, id)?;
                let detail = Some(serde_json::json!({ "revoked": revoked }));
                let entry = Entry { action: "sessions_ended", subject: Some(id), detail, ..Entry::default() };
                audit::append(conn, &entry)?;
                Ok(revoked)
            });
            output.print(&Revoked { revoked: revoked.await? }, told);
        }
        Command::Revoke { person, session: Some(text) } => {
            let revocation = Revocation {
                ids: vec![SessionId::parse(&text).ok_or_else(|| unknown(&text))?],
                of_user: Some(find(database, &person).await?.id),
                context: None,
                actor: None,
                action: "session_ended",
                origin: Origin::default(),
            };
            let ended = database.run(move |conn| session::revoke(conn, &revocation)).await?;
            if ended.is_empty() {
                return Err(unknown(&text));
            }
            output.print(&Revoked { revoked: ended.len() }, told);
        }
    }
    Ok(())
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
