//! `/api/users/{id}/sessions`: where a person is logged in, in every application.

use actix_web::{HttpRequest, HttpResponse};
use http_kit::{Failure, Gated, Problem, SessionView, localized};
use serde::Serialize;
use session_management::SessionId;
use utoipa::ToSchema;

use crate::staff::{SessionsEnd, Staff, Subject, UsersRead, not_found};

/// A person's live sessions, the most recently used first.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionsOf {
    sessions: Vec<SessionView>,
}

/// How many sessions ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ended {
    revoked: usize,
}

/// A person's live sessions in every application.
#[utoipa::path(
    get, path = "/api/users/{id}/sessions", tag = "users", security(("cookie" = []), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = SessionsOf), Gated, (status = 404, response = Failure),
    ),
    extensions(("x-permission" = json!("users.read")))
)]
pub(crate) async fn list(
    request: HttpRequest,
    staff: Staff<UsersRead>,
    Subject(id): Subject,
) -> Result<HttpResponse, Problem> {
    let sessions = localized(&request, staff.administration().sessions_of(id).await)?;
    let sessions = localized(&request, sessions.ok_or_else(not_found))?;
    let sessions = sessions.iter().map(|session| SessionView::new(session, staff.session())).collect();
    Ok(HttpResponse::Ok().json(SessionsOf { sessions }))
}

/// Ends every session of a person, in every application.
#[utoipa::path(
    delete, path = "/api/users/{id}/sessions", tag = "users", security(("cookie" = []), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = Ended), Gated, (status = 404, response = Failure),
    ),
    extensions(("x-permission" = json!("sessions.end")))
)]
pub(crate) async fn end_all(
    request: HttpRequest,
    staff: Staff<SessionsEnd>,
    Subject(id): Subject,
) -> Result<HttpResponse, Problem> {
    let ended = localized(&request, staff.administration().end_sessions_of(staff.actor(), id).await)?;
    let revoked = localized(&request, ended.ok_or_else(not_found))?;
    Ok(HttpResponse::Ok().json(Ended { revoked }))
}

/// Ends one session of a person, whatever application it is in.
#[utoipa::path(
    delete, path = "/api/users/{id}/sessions/{sid}", tag = "users", security(("cookie" = []), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path), ("sid" = String, Path, description = "The session's id")),
    responses(
        (status = 204), Gated, (status = 404, response = Failure),
    ),
    extensions(("x-permission" = json!("sessions.end")))
)]
pub(crate) async fn end(
    request: HttpRequest,
    staff: Staff<SessionsEnd>,
    Subject(id): Subject,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let session = request.match_info().get("sid").and_then(SessionId::parse).ok_or_else(not_found)?;
        let ended = staff.administration().end_session_of(staff.actor(), id, session).await?;
        ended.map(|()| HttpResponse::NoContent().finish()).ok_or_else(not_found)
    };
    localized(&request, outcome.await)
}
