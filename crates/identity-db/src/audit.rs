//! The audit log: who did what, to whom, from where and when.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use constants::{ApplicationContext, AuditAction};
use diesel::prelude::*;
use ipnetwork::IpNetwork;

use crate::failpoint;
use crate::id::{SessionId, UserId};
use crate::schema::{audit_log, users};
use crate::sql_enum::ContextColumn;

/// A line to be added. It is added in the transaction of the act that it tells of.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was done.
    pub action: AuditAction,
    /// In which application; `None` for the command line.
    pub context: Option<ApplicationContext>,
    /// Who acted; `None` for the command line.
    pub actor: Option<UserId>,
    /// To whom.
    pub subject: Option<UserId>,
    /// To which session.
    pub session: Option<SessionId>,
    /// From where.
    pub origin: Origin,
    /// Old and new values; never a secret.
    pub detail: Option<serde_json::Value>,
}

impl Entry {
    /// A line of the command line.
    #[must_use]
    pub fn of(action: AuditAction) -> Self {
        Self {
            action,
            context: None,
            actor: None,
            subject: None,
            session: None,
            origin: Origin::default(),
            detail: None,
        }
    }
}

/// Where a request came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub ip_address: Option<IpNetwork>,
    /// The client's own words about itself.
    pub user_agent: Option<String>,
}

/// Adds a line.
///
/// # Errors
/// When Postgres gives no answer.
pub fn append(conn: &mut PgConnection, entry: &Entry) -> QueryResult<()> {
    failpoint!(query "audit::statement")?;
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::action.eq(entry.action.as_str()),
            audit_log::application_context.eq(entry.context.map(ContextColumn)),
            audit_log::actor_id.eq(entry.actor.map(|id| id.0)),
            audit_log::subject_id.eq(entry.subject.map(|id| id.0)),
            audit_log::session_id.eq(entry.session.as_ref().map(SessionId::as_str)),
            audit_log::ip_address.eq(entry.origin.ip_address),
            audit_log::user_agent.eq(entry.origin.user_agent.as_deref()),
            audit_log::detail.eq(&entry.detail),
        ))
        .execute(conn)
        .map(|_| ())
}

/// Which lines to look for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Only acts upon this person.
    pub subject: Option<UserId>,
    /// Only acts of this person.
    pub actor: Option<UserId>,
    /// Only acts of this name.
    pub action: Option<String>,
}

/// Where a page ends and the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// When the last line on the page was written.
    pub at: DateTime<Utc>,
    /// And its number.
    pub id: i64,
}

/// A line as staff see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What was done.
    pub action: String,
    /// In which application; `None` for the command line.
    pub context: Option<ApplicationContext>,
    /// Who acted; `None` for the command line.
    pub actor: Option<UserId>,
    /// What their address is now.
    pub actor_email: Option<String>,
    /// To whom.
    pub subject: Option<UserId>,
    /// What their address is now.
    pub subject_email: Option<String>,
    /// To which session.
    pub session: Option<String>,
    /// From where.
    pub origin: Origin,
    /// Old and new values.
    pub detail: Option<serde_json::Value>,
}

/// People whose addresses one statement asks for.
const NAMES_AT_ONCE: usize = 100;

/// Lines that match, the newest first.
///
/// # Errors
/// When Postgres gives no answer.
pub fn search(
    conn: &mut PgConnection,
    search: &Search,
    after: Option<Position>,
    limit: i64,
    offset: i64,
) -> QueryResult<Vec<Line>> {
    let mut query = audit_log::table
        .select((
            (audit_log::id, audit_log::at, audit_log::action, audit_log::application_context),
            (audit_log::actor_id, audit_log::subject_id, audit_log::session_id),
            (audit_log::ip_address, audit_log::user_agent, audit_log::detail),
        ))
        .into_boxed();
    if let Some(id) = search.subject {
        query = query.filter(audit_log::subject_id.eq(id.0));
    }
    if let Some(id) = search.actor {
        query = query.filter(audit_log::actor_id.eq(id.0));
    }
    if let Some(action) = &search.action {
        query = query.filter(audit_log::action.eq(action));
    }
    if let Some(Position { at, id }) = after {
        query = query.filter(audit_log::at.lt(at).or(audit_log::at.eq(at).and(audit_log::id.lt(id))));
        // The index is entered here.
        query = query.filter(audit_log::at.le(at));
    }
    let rows: Vec<Row> =
        query.order((audit_log::at.desc(), audit_log::id.desc())).limit(limit).offset(offset).load(conn)?;
    let named = rows.iter().flat_map(|(_, (actor, subject, _), _)| [*actor, *subject]).flatten();
    let named: Vec<UserId> = named.collect::<HashSet<_>>().into_iter().collect();
    let mut emails: HashMap<UserId, Option<String>> = HashMap::new();
    // By the index: of many at once Postgres would rather read the whole table.
    for some in named.chunks(NAMES_AT_ONCE) {
        let found = users::table.filter(users::id.eq_any(some)).select((users::id, users::email));
        emails.extend(found.load::<(UserId, Option<String>)>(conn)?);
    }
    Ok(rows.into_iter().map(|row| line(row, &emails)).collect())
}

type Row = (
    (i64, DateTime<Utc>, String, Option<ContextColumn>),
    (Option<UserId>, Option<UserId>, Option<String>),
    (Option<IpNetwork>, Option<String>, Option<serde_json::Value>),
);

fn line((what, whom, rest): Row, emails: &HashMap<UserId, Option<String>>) -> Line {
    let ((id, at, action, context), (actor, subject, session)) = (what, whom);
    let (ip_address, user_agent, detail) = rest;
    let email = |id: Option<UserId>| emails.get(&id?).cloned()?;
    Line {
        id,
        at,
        action,
        context: context.map(Into::into),
        actor,
        actor_email: email(actor),
        subject,
        subject_email: email(subject),
        session,
        origin: Origin { ip_address, user_agent },
        detail,
    }
}
