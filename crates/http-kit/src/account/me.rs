//! Who am I: for people and their programs, and for a proxy in front of another application.

use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, ResponseError};
use session_management::{AppContext, SessionError, Snapshot};

use crate::gate::Current;
use crate::openapi::Gated;
use crate::problem::Problem;
use crate::view::{LoginView, SessionView, UserView};

/// The caller and their session.
#[utoipa::path(
    get, path = "/api/me", tag = "account", security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = LoginView), Gated,
    )
)]
pub(crate) async fn me<C: AppContext>(current: Current<C>) -> HttpResponse {
    answer_me(current.principal.snapshot())
}

/// What an answer takes, so that it is not moved while it grows.
const ABOUT_AS_LONG: usize = 640;

/// The answer is made once of what was read, and sent as it is as long as that may be repeated.
pub(crate) fn answer_me(snapshot: &Snapshot) -> HttpResponse {
    let body = snapshot.memo.rendered(|| {
        let view = LoginView {
            user: UserView::new(&snapshot.user, snapshot.session.application_context),
            session: SessionView::new(&snapshot.session, &snapshot.session.id),
            token: None,
        };
        let mut body = Vec::with_capacity(ABOUT_AS_LONG);
        serde_json::to_writer(&mut body, &view).map(|()| Bytes::from(body.into_boxed_slice()))
    });
    let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match body {
        Ok(body) => HttpResponse::Ok().insert_header(json).body(body),
        Err(error) => Problem::from(SessionError::Internal(error.to_string())).error_response(),
    }
}

/// Forward-auth: whether a request may pass, and whose it is, in headers.
#[utoipa::path(
    get, path = "/api/verify", tag = "account", security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, description = "A live session", headers(
            ("X-User-Id" = String), ("X-User-Role" = String), ("X-Session-Id" = String),
        )),
        Gated,
    )
)]
pub(crate) async fn verify<C: AppContext>(current: Current<C>) -> HttpResponse {
    answer_verify(current.principal.snapshot())
}

pub(crate) fn answer_verify(snapshot: &Snapshot) -> HttpResponse {
    const USER: HeaderName = HeaderName::from_static("x-user-id");
    const ROLE: HeaderName = HeaderName::from_static("x-user-role");
    const SESSION: HeaderName = HeaderName::from_static("x-session-id");
    HttpResponse::Ok()
        .insert_header((USER, snapshot.user.id.to_string()))
        .insert_header((ROLE, HeaderValue::from_static(snapshot.user.role.as_str())))
        .insert_header((SESSION, snapshot.session.id.as_str()))
        .finish()
}
