//! Registering, logging in, logging out.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use session_management::{Email, LoggedIn, Login, Password, PasswordError, SessionService};
use utoipa::ToSchema;

use crate::carrier::Presented;
use crate::client::Client;
use crate::json::Body;
use crate::openapi::{Failure, WithBody};
use crate::problem::{Code, Problem, localized};
use crate::settings::Settings;
use crate::view::{LoginView, SessionView, UserView};

/// How the client will carry its token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// In a cookie that the answer sets.
    #[default]
    Cookie,
    /// In `Authorization: Bearer`; the answer has the token and sets no cookie.
    Bearer,
}

/// What a person logs in or registers with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    email: String,
    /// 8 to 256 characters.
    #[schema(min_length = 8, max_length = 256)]
    password: String,
    /// How the client will carry its token.
    #[serde(default)]
    transport: Transport,
}

/// The answer to a logout.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoggedOut {
    ok: bool,
}

/// Creates an account and logs it in.
#[utoipa::path(
    post, path = "/api/register", tag = "account", request_body = Credentials,
    responses(
        (status = 201, body = LoginView), WithBody, (status = 409, response = Failure),
        (status = 429, response = Failure), (status = 503, response = Failure),
    )
)]
pub async fn register(
    request: HttpRequest,
    service: web::Data<SessionService>,
    Body(form): Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let logged_in = open_account(&request, &service, &form.email, form.password, form.transport).await?;
        Ok::<_, Problem>(answer_login(HttpResponse::Created(), &request, &logged_in, form.transport))
    };
    localized(&request, outcome.await)
}

/// Logs in with an e-mail address and a password. The session that the request carries ends.
#[utoipa::path(
    post, path = "/api/login", tag = "account", request_body = Credentials,
    responses(
        (status = 200, body = LoginView), WithBody, (status = 401, response = Failure),
        (status = 429, response = Failure), (status = 503, response = Failure),
    )
)]
pub(crate) async fn log_in(
    request: HttpRequest,
    service: web::Data<SessionService>,
    Body(form): Body<Credentials>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let logged_in =
            prove_password(&request, &service, &form.email, form.password, form.transport).await?;
        Ok::<_, Problem>(answer_login(HttpResponse::Ok(), &request, &logged_in, form.transport))
    };
    localized(&request, outcome.await)
}

/// Creates an account out of what a form or a program sent, and logs it in.
///
/// # Errors
/// When the address or the password cannot be one, or the address is taken.
pub async fn open_account(
    request: &HttpRequest,
    service: &SessionService,
    email: &str,
    password: String,
    transport: Transport,
) -> Result<LoggedIn, Problem> {
    let login = login_of(request, transport)?;
    let invalid = Problem::new(Code::ValidationFailed).because("validation-email");
    let email = Email::parse(email).ok_or(invalid)?;
    let password = Password::new(password).map_err(refused)?;
    Ok(service.register(email, password, login).await?)
}

/// Logs in by what a form or a program sent.
pub(crate) async fn prove_password(
    request: &HttpRequest,
    service: &SessionService,
    email: &str,
    password: String,
    transport: Transport,
) -> Result<LoggedIn, Problem> {
    let login = login_of(request, transport)?;
    let password = Password::claimed(password).map_err(refused)?;
    Ok(service.log_in(Email::parse(email), password, login).await?)
}

/// Ends every session that the request carries and clears its cookies, whatever the tokens are.
#[utoipa::path(
    post, path = "/api/logout", tag = "account",
    responses(
        (status = 200, body = LoggedOut), (status = 403, response = Failure),
        (status = 503, response = Failure),
    )
)]
pub(crate) async fn log_out(
    request: HttpRequest,
    settings: web::Data<Settings>,
    service: web::Data<SessionService>,
    client: Client,
) -> Result<HttpResponse, Problem> {
    let tokens = Presented::of(request.headers(), settings.cookies.names()).all();
    localized(&request, service.log_out(&tokens, client.origin()).await)?;
    let mut response = HttpResponse::Ok();
    settings.cookies.clear(&mut response);
    Ok(response.json(LoggedOut { ok: true }))
}

/// The answer to a login by any method.
pub fn answer_login(
    mut response: actix_web::HttpResponseBuilder,
    request: &HttpRequest,
    logged_in: &LoggedIn,
    transport: Transport,
) -> HttpResponse {
    let LoggedIn { token, user, session, dual_written } = logged_in;
    if transport == Transport::Cookie
        && let Some(settings) = request.app_data::<web::Data<Settings>>()
    {
        settings.cookies.set(&mut response, token, *dual_written);
    }
    response.json(LoginView {
        user: UserView::new(user, session.application_context),
        session: SessionView::new(session, &session.id),
        token: (transport == Transport::Bearer).then(|| token.expose().to_owned()),
    })
}

/// What a login must know of the request that asks for it.
///
/// # Errors
/// When a cookie came twice.
pub fn login_of(request: &HttpRequest, transport: Transport) -> Result<Login, Problem> {
    let internal = || Problem::new(Code::Internal);
    let settings = request.app_data::<web::Data<Settings>>().ok_or_else(internal)?;
    let presented = Presented::of(request.headers(), settings.cookies.names());
    presented.deciding()?;
    let client = Client::of_request(request);
    Ok(Login {
        origin: client.origin(),
        address: client.address,
        carried: presented.all(),
        by_cookie: transport == Transport::Cookie,
    })
}

/// Why a password was not even compared or hashed.
#[must_use]
pub fn refused(error: PasswordError) -> Problem {
    Problem::new(Code::ValidationFailed).because(match error {
        PasswordError::TooShort => "validation-password-short",
        PasswordError::TooLong => "validation-password-long",
    })
}
