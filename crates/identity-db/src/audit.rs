//! The audit log: who did what, to whom, from where and when.

use constants::ApplicationContext;
use diesel::prelude::*;
use ipnetwork::IpNetwork;

use crate::id::{SessionId, UserId};
use crate::schema::audit_log;
use crate::sql_enum::ContextColumn;

/// A line to be added. It is added in the transaction of the act that it tells of.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// What was done, such as `user_created`.
    pub action: &'static str,
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
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::action.eq(entry.action),
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
