//! Carrying people and sessions of a process' memory over into Postgres, as often as need be: what is there already is
//! only brought up to date, an end is never undone, and what was deleted here does not come back.

mod person;
mod session;

use std::time::Duration;

use chrono::{DateTime, Utc};
use constants::{ApplicationContext, AuditAction};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Uuid};

use crate::id::SessionId;
use crate::right::{self, Grant};
use crate::session::Session;
use crate::statement::statement;
use crate::time::seconds;
use crate::user::Credential;

/// A person of the memory, with what was changed there since Postgres had them.
#[derive(Debug, Clone)]
pub struct Person {
    /// The person.
    pub credential: Credential,
    /// Whether Postgres has had them: then they are not made again.
    pub known: bool,
    /// Role and verification were changed.
    pub attributes: bool,
    /// They were blocked there. A block that is here stays as it is.
    pub blocked: bool,
    /// A block was lifted there: the one of this moment. Another one that is here stays.
    pub lifted: Option<DateTime<Utc>>,
    /// The password was changed.
    pub password: bool,
    /// Every session that began before this moment was ended; with the audit log's name for it.
    pub ended_before: Option<(DateTime<Utc>, AuditAction)>,
    /// Rights that were granted or taken.
    pub grants: Vec<GrantChange>,
}

/// What became of one right of a person in the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantChange {
    /// What it lets them do.
    pub permission: String,
    /// In which application.
    pub context: ApplicationContext,
    /// As it stands there; `None` when it was taken.
    pub grant: Option<Grant>,
}

/// A session of the memory.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The session.
    pub session: Session,
    /// When its id began: with the login, or with the change that gave it a new id.
    pub began: DateTime<Utc>,
    /// Whether it was ended.
    pub ended: bool,
    /// Whether Postgres has had it: then it is not made again.
    pub known: bool,
}

/// Everything of one person that is to be carried.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Whose it is.
    pub person: Person,
    /// Their sessions.
    pub sessions: Vec<Carried>,
    /// The token of one of the sessions, where it is also written for the older software. What it overwrites there
    /// becomes a session, unless it has been one.
    pub auth_token: Option<String>,
    /// How long such a session lives unused.
    pub idle: Duration,
    /// How long at most.
    pub absolute: Duration,
    /// The application that carries them.
    pub context: ApplicationContext,
    /// The audit log's name for a session that is new here.
    pub action: AuditAction,
}

/// What Postgres has of it now.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The person.
    pub credential: Credential,
    /// Their rights, where the memory may have others.
    pub grants: Option<Vec<Grant>>,
    /// Sessions that are not live here: they were ended, or their rows are gone.
    pub dead: Vec<SessionId>,
    /// Live sessions that an end of all of the person's sessions has ended here now.
    pub ended: Vec<SessionId>,
}

/// Carries a person and their sessions; runs in a transaction. `None` when the person was here and is not any more.
///
/// Where an address, a phone or a Telegram id is another person's here, the column stays empty and the value goes to
/// `legacy_attributes`: nobody becomes somebody else because of an address that nobody has proved.
///
/// # Errors
/// When Postgres gives no answer; also when somebody makes a person of the same address at the same moment.
pub fn carry(conn: &mut PgConnection, bundle: &Bundle) -> QueryResult<Option<Arrived>> {
    let Bundle { person, sessions, auth_token, idle, absolute, context, action } = bundle;
    let Some(mut credential) = person::carry(conn, person, *context)? else { return Ok(None) };
    let id = credential.user.id;
    let mut ended = Vec::new();
    if let Some((before, action)) = person.ended_before {
        ended = person::end_before(conn, id, before, action)?;
    }
    let is_same = credential.user.version == person.credential.user.version;
    for change in &person.grants {
        right::carry(conn, id, change)?;
    }
    let has_others = !person.grants.is_empty() || (person.known && !is_same);
    let grants = has_others.then(|| right::list(conn, id)).transpose()?;
    if let Some(token) = auth_token {
        WriteToken { user_id: id.0, token, idle: seconds(*idle), absolute: seconds(*absolute) }
            .get_result::<(bool,)>(conn)?;
    }
    let mut dead = Vec::new();
    for session in sessions {
        if !session::carry(conn, session, *action)? {
            dead.push(session.session.id);
        }
    }
    if person.ended_before.is_some() || !person.grants.is_empty() {
        credential = crate::user::credential(conn, id)?.unwrap_or(credential);
    }
    Ok(Some(Arrived { credential, grants, dead, ended }))
}

statement! {
    struct WriteToken<'a> {
        user_id: uuid::Uuid => Uuid, "uuid";
        token: &'a str => Text, "varchar";
        idle: i64 => BigInt, "bigint";
        absolute: i64 => BigInt, "bigint";
    }
    returns (Bool,);
    "clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    before AS (
        SELECT users.id, users.session_epoch, users.auth_token FROM users JOIN arg ON arg.user_id = users.id
        FOR NO KEY UPDATE OF users
    ), overwritten AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, created_at,
                              last_activity, session_epoch, auth_method, adopted_from)
        SELECT session_digest(before.auth_token), before.id, 'web',
               clock.now + least(arg.idle, arg.absolute) * interval '1 second',
               clock.now + arg.absolute * interval '1 second', clock.now, clock.now, before.session_epoch,
               'legacy', 'auth_token'
        FROM before, arg, clock
        WHERE NOT EXISTS (SELECT FROM cleanup)
          AND before.auth_token ~ '^[A-Za-z0-9_-]+$' AND length(before.auth_token) BETWEEN 6 AND 255
          AND NOT EXISTS (SELECT FROM users other WHERE other.id <> before.id
                          AND session_digest(other.auth_token) = session_digest(before.auth_token))
        ON CONFLICT (id) DO NOTHING
        RETURNING id, user_id
    ), logged AS (
        INSERT INTO audit_log (action, application_context, subject_id, session_id, detail)
        SELECT 'session_adopted', 'web', overwritten.user_id, overwritten.id,
               jsonb_build_object('from', 'auth_token', 'ended', false)
        FROM overwritten
    ), written AS (
        UPDATE users SET auth_token = arg.token FROM arg, before
        WHERE users.id = before.id AND NOT EXISTS (SELECT FROM cleanup)
    )
    SELECT true"
}
