//! Who am I: for people and their programs, and for a proxy in front of another application.

use actix_web::HttpResponse;
use session_management::AppContext;

use crate::gate::Current;
use crate::view::{LoginView, SessionView, UserView};

/// The caller and their session.
#[utoipa::path(
    get, path = "/api/me", tag = "account", security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = LoginView), (status = 400, response = crate::openapi::Failure),
        (status = 401, response = crate::openapi::Failure), (status = 503, response = crate::openapi::Failure),
    )
)]
pub(crate) async fn me<C: AppContext>(current: Current<C>) -> HttpResponse {
    let session = current.principal.session();
    HttpResponse::Ok().json(LoginView {
        user: UserView::from(current.principal.user()),
        session: SessionView::new(session, &session.id),
        token: None,
    })
}

/// Forward-auth: whether a request may pass, and whose it is, in headers.
#[utoipa::path(
    get, path = "/api/verify", tag = "account", security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "A live session", headers(
            ("X-User-Id" = String), ("X-User-Role" = String), ("X-Session-Id" = String),
        )),
        (status = 400, response = crate::openapi::Failure), (status = 401, response = crate::openapi::Failure),
        (status = 503, response = crate::openapi::Failure),
    )
)]
pub(crate) async fn verify<C: AppContext>(current: Current<C>) -> HttpResponse {
    let user = current.principal.user();
    HttpResponse::Ok()
        .insert_header(("X-User-Id", user.id.to_string()))
        .insert_header(("X-User-Role", user.role.as_str()))
        .insert_header(("X-Session-Id", current.principal.session().id.as_str()))
        .finish()
}
