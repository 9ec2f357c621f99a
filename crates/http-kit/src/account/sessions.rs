//! A person's sessions: seeing them, ending one, ending all others.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use session_management::{AppContext, Origin, SessionId, SessionService, UserId};
use utoipa::ToSchema;

use crate::carrier::Carrier;
use crate::client::Client;
use crate::gate::Current;
use crate::openapi::{Failure, Gated};
use crate::problem::{Code, Problem, localized};
use crate::settings::Settings;
use crate::view::SessionView;

/// The caller's live sessions in this application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    sessions: Vec<SessionView>,
}

/// How many sessions ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Revoked {
    revoked: usize,
    /// The caller's new token; only for callers by Bearer.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// The caller's live sessions in this application, the most recently used first.
#[utoipa::path(
    get, path = "/api/sessions", tag = "sessions", security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = Sessions), Gated,
    )
)]
pub(crate) async fn list_sessions<C: AppContext>(
    request: HttpRequest,
    service: web::Data<SessionService>,
    current: Current<C>,
) -> Result<HttpResponse, Problem> {
    let own = current.principal.session();
    let sessions = localized(&request, service.sessions(own.user_id).await)?;
    let sessions = sessions.iter().map(|session| SessionView::new(session, &own.id)).collect();
    Ok(HttpResponse::Ok().json(Sessions { sessions }))
}

/// Ends one of the caller's sessions.
#[utoipa::path(
    delete, path = "/api/sessions/{id}", tag = "sessions", security(("cookie" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 204), Gated, (status = 404, response = Failure),
    )
)]
pub(crate) async fn end_session<C: AppContext>(
    request: HttpRequest,
    service: web::Data<SessionService>,
    current: Current<C>,
    (client, id): (Client, web::Path<String>),
) -> Result<HttpResponse, Problem> {
    let ended = end_one(&service, current.principal.user().id, &id, client.origin()).await;
    localized(&request, ended).map(|()| HttpResponse::NoContent().finish())
}

/// Ends one of a person's sessions, as a form or a program names it.
///
/// # Errors
/// When it is none of theirs.
pub async fn end_one(
    service: &SessionService,
    user: UserId,
    id: &str,
    origin: Origin,
) -> Result<(), Problem> {
    let not_found = || Problem::new(Code::NotFound);
    let id = SessionId::parse(id).ok_or_else(not_found)?;
    service.end_session(user, &id, origin).await?.then_some(()).ok_or_else(not_found)
}

/// Ends all other sessions of the caller, in every application. The caller's own goes on with a new token.
#[utoipa::path(
    post, path = "/api/sessions/revoke-others", tag = "sessions", security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = Revoked), Gated,
    )
)]
pub(crate) async fn revoke_others<C: AppContext>(
    request: HttpRequest,
    settings: web::Data<Settings>,
    service: web::Data<SessionService>,
    (current, client): (Current<C>, Client),
) -> Result<HttpResponse, Problem> {
    let own = current.own_session(&client);
    let ended = localized(&request, service.end_others(own).await)?;
    let mut response = HttpResponse::Ok();
    let by_bearer = current.carrier == Carrier::Bearer;
    if !by_bearer {
        settings.cookies.set(&mut response, &ended.token, ended.dual_written);
    }
    let token = by_bearer.then(|| ended.token.expose().to_owned());
    Ok(response.json(Revoked { revoked: ended.revoked, token }))
}
