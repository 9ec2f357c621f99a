//! The ways to end a session.

use std::fmt;
use std::time::Instant;

use serde_json::json;

use super::stage::{PASSWORD, Stage};
use super::victim::Victim;
use crate::app::program;
use crate::command::bare_command;
use crate::http::{Client, Response};

/// A way to end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// `POST /api/logout`.
    LogOut,
    /// `DELETE /api/sessions/{id}` by another device.
    EndedByAnother,
    /// `POST /api/sessions/revoke-others` by another device.
    OthersEnded,
    /// `POST /api/password` by another device.
    NewPassword,
    /// `sessionctl session revoke`.
    ByOperator,
    /// An UPDATE of the session by SQL.
    BySql,
    /// `sessionctl user block`.
    Blocked,
}

impl Act {
    pub(super) const ALL: [Self; 7] = [
        Self::LogOut,
        Self::EndedByAnother,
        Self::OthersEnded,
        Self::NewPassword,
        Self::ByOperator,
        Self::BySql,
        Self::Blocked,
    ];

    /// Whether the first process of the application ended it by itself: then it refuses at once.
    pub(super) const fn is_request(self) -> bool {
        matches!(self, Self::LogOut | Self::EndedByAnother | Self::OthersEnded | Self::NewPassword)
    }

    /// Ends the session; the answer is when it was acknowledged, if it was: on a busy machine Postgres may take
    /// too long, and then nobody is told anything.
    pub(super) fn perform(self, stage: &Stage, victim: &Victim) -> Option<Instant> {
        let here = &stage.processes(victim.application)[0];
        let other = here.with_bearer(&victim.other_token);
        match self {
            Self::LogOut => acknowledged(&here.with_bearer(&victim.token).post_empty("/api/logout")),
            Self::EndedByAnother => acknowledged(&other.delete(&format!("/api/sessions/{}", victim.id))),
            Self::OthersEnded => acknowledged(&other.post_empty("/api/sessions/revoke-others")),
            Self::NewPassword => acknowledged(&new_password(&other)),
            Self::ByOperator => {
                sessionctl(stage, &["session", "revoke", &victim.email, "--session", &victim.id])
            }
            Self::BySql => {
                // Each on a connection of its own: they do not wait for each other.
                let mut psql = stage.database.connect();
                let update = format!("UPDATE sessions SET revoked = true WHERE id = '{}'", victim.id);
                psql.batch_execute(&update).expect("the UPDATE");
                Some(Instant::now())
            }
            Self::Blocked => sessionctl(stage, &["user", "block", &victim.email]),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LogOut => "logout",
            Self::EndedByAnother => "DELETE session",
            Self::OthersEnded => "revoke-others",
            Self::NewPassword => "new password",
            Self::ByOperator => "sessionctl session revoke",
            Self::BySql => "UPDATE by SQL",
            Self::Blocked => "sessionctl user block",
        })
    }
}

fn new_password(client: &Client) -> Response {
    let body = json!({"current_password": PASSWORD, "new_password": "another horse battery"});
    client.post("/api/password", &body)
}

fn acknowledged(answer: &Response) -> Option<Instant> {
    let now = Instant::now();
    assert!(matches!(answer.status, 200 | 204 | 503), "{}: {}", answer.status, answer.text());
    (answer.status != 503).then_some(now)
}

fn sessionctl(stage: &Stage, arguments: &[&str]) -> Option<Instant> {
    let mut command = bare_command(program("sessionctl"));
    command.args(arguments).env("DATABASE_OWNER_URL", stage.database.owner_url());
    let output = command.output().expect("sessionctl");
    let now = Instant::now();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(now)
}
