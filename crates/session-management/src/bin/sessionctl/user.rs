//! People: creating, listing, changing roles, blocking.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Subcommand;
use constants::{AuditAction, Role};
use identity_db::audit::{self, Entry};
use identity_db::user::{self, NewUser, User};
use identity_db::{Database, UserId};
use serde::Serialize;
use session_management::administration::{self, Actor, PersonChange};
use session_management::{Email, Password, PasswordHasher};

use super::Failure;
use super::output::Output;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Creates a person. Without --password-stdin a password is drawn and printed once.
    Create {
        #[arg(long)]
        email: String,
        /// user, admin, operator or support.
        #[arg(long, default_value = "user")]
        role: String,
        /// Reads the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists people, the newest first.
    List {
        #[arg(long)]
        role: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[arg(long, default_value_t = 0)]
        offset: u32,
    },
    /// Changes a person's role.
    Role {
        /// E-mail address or id.
        person: String,
        /// user, admin, operator or support.
        role: String,
    },
    /// Blocks a person and ends all their sessions; with --undo lets them log in again.
    Block {
        /// E-mail address or id.
        person: String,
        #[arg(long)]
        undo: bool,
    },
}

/// A person as a command shows them.
#[derive(Serialize)]
struct Shown {
    id: UserId,
    email: Option<String>,
    role: Role,
    blocked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

impl Shown {
    fn of(user: User, password: Option<String>) -> Self {
        let User { id, email, role, blocked_at, .. } = user;
        Self { id, email, role, blocked: blocked_at.is_some(), password }
    }

    fn line(&self) -> String {
        let email = self.email.as_deref().unwrap_or("-");
        let blocked = if self.blocked { " blocked" } else { "" };
        let password = self.password.as_ref().map(|text| format!(" password: {text}")).unwrap_or_default();
        format!("{} {email} {}{blocked}{password}", self.id, self.role)
    }
}

pub(crate) async fn execute(command: Command, database: &Database, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Create { email, role, password_stdin } => {
            let created = create(database, &email, parse_role(&role)?, password_stdin).await?;
            output.print(&created, Shown::line);
        }
        Command::List { role, limit, offset } => {
            let role = role.as_deref().map(parse_role).transpose()?;
            let people = database
                .read(move |conn| user::list(conn, role, i64::from(limit), i64::from(offset)))
                .await?;
            let people: Vec<Shown> = people.into_iter().map(|user| Shown::of(user, None)).collect();
            output.list(&people, Shown::line);
        }
        Command::Role { person, role } => {
            let role = Some(parse_role(&role)?);
            let changed = change(database, &person, PersonChange { role, ..PersonChange::default() }).await?;
            output.print(&Shown::of(changed, None), Shown::line);
        }
        Command::Block { person, undo } => {
            let blocked = Some(!undo);
            let changed =
                change(database, &person, PersonChange { blocked, ..PersonChange::default() }).await?;
            output.print(&Shown::of(changed, None), Shown::line);
        }
    }
    Ok(())
}

async fn create(database: &Database, email: &str, role: Role, from_stdin: bool) -> Result<Shown, Failure> {
    let email =
        Email::parse(email).ok_or_else(|| Failure::Refused(format!("{email:?} is no e-mail address")))?;
    let (password, shown) = if from_stdin { (read_password()?, None) } else { draw_password()? };
    let user = insert(database, email, role, password).await?;
    Ok(Shown::of(user, shown))
}

/// Creates a person with the audit line of the command line.
pub(super) async fn insert(
    database: &Database,
    email: Email,
    role: Role,
    password: Password,
) -> Result<User, Failure> {
    let hashed_password = Some(PasswordHasher::new()?.hash(password).await?);
    let address = email.as_str().to_owned();
    let new = NewUser { email: Some(address.clone()), hashed_password, role, is_verified: true };
    let created = database.transaction(move |conn| {
        let created = user::create(conn, &new)?;
        if let Some(user) = &created {
            let detail = Some(serde_json::json!({ "role": role }));
            audit::append(
                conn,
                &Entry { subject: Some(user.id), detail, ..Entry::of(AuditAction::UserCreated) },
            )?;
        }
        Ok(created)
    });
    created.await?.ok_or_else(|| Failure::Refused(format!("{address} is already in use")))
}

async fn change(database: &Database, person: &str, change: PersonChange) -> Result<User, Failure> {
    let id = find(database, person).await?.id;
    let actor = Actor::command_line();
    let changed = database.transaction(move |conn| administration::change_person(conn, &actor, id, change));
    Ok(changed.await??.ok_or_else(|| unknown(person))?.user)
}

/// The person with this address or id.
pub(super) async fn find(database: &Database, person: &str) -> Result<User, Failure> {
    let found = if let Ok(id) = person.parse() {
        database.read(move |conn| user::find(conn, UserId(id))).await?
    } else if let Some(email) = Email::parse(person) {
        database.read(move |conn| user::find_by_email(conn, email.as_str())).await?
    } else {
        return Err(Failure::Refused(format!("{person:?} is neither an e-mail address nor an id")));
    };
    found.ok_or_else(|| unknown(person))
}

pub(super) fn unknown(person: &str) -> Failure {
    Failure::Refused(format!("there is no person {person}"))
}

fn parse_role(role: &str) -> Result<Role, Failure> {
    role.parse().map_err(|error| Failure::Refused(format!("{role:?} is no role; allowed: {error}")))
}

fn read_password() -> Result<Password, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
    Password::new(text).map_err(|error| Failure::Refused(format!("the password has {error}")))
}

fn draw_password() -> Result<(Password, Option<String>), Failure> {
    let mut bytes = [0_u8; 18];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Refused(error.to_string()))?;
    let text = URL_SAFE_NO_PAD.encode(bytes);
    let password = Password::new(text.clone()).map_err(|error| Failure::Refused(error.to_string()))?;
    Ok((password, Some(text)))
}
