//! `/api/audit`: the audit log.

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use constants::ApplicationContext;
use http_kit::{Failure, Gated, Params, Problem, localized, rfc3339};
use serde::{Deserialize, Serialize};
use session_management::administration::Cursor;
use session_management::audit::{Line, Search};
use session_management::{SearchText, UserId};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::paging::{Paging, given, wrong_filter};
use crate::staff::{AuditRead, Staff};

/// Which lines to list, and which page. An empty parameter is as good as none.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filters {
    /// The id of the person to whom something was done.
    pub(crate) user: Option<String>,
    /// The id of the person who did it.
    pub(crate) actor: Option<String>,
    /// What was done, such as `user_blocked`.
    pub(crate) action: Option<String>,
    /// From 1; with `per_page` it reaches 10,000 rows.
    pub(crate) page: Option<String>,
    /// 1 to 1000.
    pub(crate) per_page: Option<String>,
    /// What an earlier page said comes next; `page` then decides nothing.
    #[serde(alias = "cursor")]
    pub(crate) next: Option<String>,
}

impl Filters {
    pub(crate) fn search(&self) -> Result<Search, Problem> {
        let person = |text: Option<&str>| match given(text) {
            Some(text) => text.parse().map(|id| Some(UserId(id))).map_err(|_| wrong_filter()),
            None => Ok(None),
        };
        let action = given(self.action.as_deref());
        if action.is_some_and(|action| SearchText::parse(action).is_none()) {
            return Err(wrong_filter());
        }
        let (subject, actor) = (person(self.user.as_deref())?, person(self.actor.as_deref())?);
        Ok(Search { subject, actor, action: action.map(str::to_owned) })
    }

    /// Every parameter as it came.
    pub(crate) fn asked(&self) -> [(&'static str, Option<&str>); 6] {
        [
            ("user", self.user.as_deref()),
            ("actor", self.actor.as_deref()),
            ("action", self.action.as_deref()),
            ("page", self.page.as_deref()),
            ("per_page", self.per_page.as_deref()),
            ("next", self.next.as_deref()),
        ]
    }

    pub(crate) fn paging(&self) -> Result<Paging, Problem> {
        let of_lines = |cursor: &Cursor| matches!(cursor, Cursor::Audit(_));
        Paging::parse(self.page.as_deref(), self.per_page.as_deref(), self.next.as_deref(), of_lines)
    }
}

/// A page of the audit log, the newest line first.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditLog {
    entries: Vec<EntryView>,
    page: i64,
    per_page: i64,
    /// Hand it back as `next` for the page after this one; `null` on the last.
    next: Option<String>,
}

/// Who did what, to whom, when and from where.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct EntryView {
    id: i64,
    #[serde(serialize_with = "rfc3339")]
    at: DateTime<Utc>,
    action: String,
    /// `null` for the command line.
    #[schema(value_type = Option<String>, example = "admin")]
    application_context: Option<ApplicationContext>,
    /// Who acted; `null` for the command line.
    actor_id: Option<Uuid>,
    /// What their address is now.
    actor_email: Option<String>,
    /// To whom.
    user_id: Option<Uuid>,
    /// What their address is now.
    user_email: Option<String>,
    session_id: Option<String>,
    ip_address: Option<String>,
    user_agent: Option<String>,
    /// Old and new values.
    #[schema(value_type = Option<Object>)]
    detail: Option<serde_json::Value>,
}

impl From<Line> for EntryView {
    fn from(line: Line) -> Self {
        Self {
            id: line.id,
            at: line.at,
            action: line.action,
            application_context: line.context,
            actor_id: line.actor.map(|id| id.0),
            actor_email: line.actor_email,
            user_id: line.subject.map(|id| id.0),
            user_email: line.subject_email,
            session_id: line.session,
            ip_address: line.origin.ip_address.map(|network| network.ip().to_string()),
            user_agent: line.origin.user_agent,
            detail: line.detail,
        }
    }
}

/// Lines of the audit log.
#[utoipa::path(
    get, path = "/api/audit", tag = "audit", security(("cookie" = []), ("bearer" = [])), params(Filters),
    responses(
        (status = 200, body = AuditLog), Gated, (status = 422, response = Failure),
    ),
    extensions(("x-permission" = json!("audit.read")))
)]
pub(crate) async fn list(
    request: HttpRequest,
    staff: Staff<AuditRead>,
    Params(filters): Params<Filters>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let (search, Paging { page, number, per_page }) = (filters.search()?, filters.paging()?);
        let found = staff.administration().audit_log(search, page, per_page).await?;
        Ok::<_, Problem>(HttpResponse::Ok().json(AuditLog {
            entries: found.lines.into_iter().map(EntryView::from).collect(),
            page: number,
            per_page,
            next: found.next.map(|cursor| cursor.to_string()),
        }))
    };
    localized(&request, outcome.await)
}
