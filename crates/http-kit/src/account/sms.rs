//! Logging in by a code that is sent to a phone.

use actix_web::{HttpRequest, HttpResponse, web};
use constants::lifetime;
use delivery::{DeliveryError, Kind, Postman};
use serde::{Deserialize, Serialize};
use session_management::{Code, LoggedIn, OneTimeProof, Phone, SessionService};
use templates::Locale;
use utoipa::ToSchema;

use super::login::{Transport, answer_login, login_of};
use crate::client::Client;
use crate::json::Body;
use crate::locale;
use crate::openapi::{Failure, WithBody};
use crate::outgoing;
use crate::problem::{self, Problem, localized};
use crate::view::LoginView;

/// Where a code is to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRequest {
    /// With its country code, such as +447400123456.
    phone: String,
}

/// A code is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CodeSent {
    /// Seconds for which it counts.
    expires_in: u64,
}

/// A code as it came to the phone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeLogin {
    /// As in the request for the code.
    phone: String,
    /// Six digits.
    code: String,
    /// How the client will carry its token.
    #[serde(default)]
    transport: Transport,
}

/// A code as a proof of identity.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeProof {
    phone: String,
    code: String,
}

/// Sends a code to a phone, whoever has it. An older code counts no more.
#[utoipa::path(
    post, path = "/api/login/sms/request", tag = "account", request_body = CodeRequest,
    responses(
        (status = 202, body = CodeSent), WithBody, (status = 429, response = Failure),
        (status = 503, response = Failure),
    )
)]
pub async fn request_code(
    request: HttpRequest,
    service: web::Data<SessionService>,
    postman: web::Data<Postman>,
    Body(form): Body<CodeRequest>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let sent = send_code(&request, &service, &postman, form.phone, locale::of(&request)).await?;
        sent.doubt.map_or(Ok(()), Err)?;
        Ok::<_, Problem>(HttpResponse::Accepted().json(CodeSent { expires_in: lifetime::CODE.as_secs() }))
    };
    localized(&request, outcome.await)
}

/// Logs in by the code that was sent. Who is new becomes a person. The session that the request carries ends.
#[utoipa::path(
    post, path = "/api/login/sms/verify", tag = "account", request_body = CodeLogin,
    responses(
        (status = 200, body = LoginView), WithBody, (status = 401, response = Failure),
        (status = 429, response = Failure), (status = 503, response = Failure),
    )
)]
pub async fn verify_code(
    request: HttpRequest,
    service: web::Data<SessionService>,
    Body(form): Body<CodeLogin>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let logged_in = prove_code(&request, &service, form.phone, &form.code, form.transport).await?;
        Ok::<_, Problem>(answer_login(HttpResponse::Ok(), &request, &logged_in, form.transport))
    };
    localized(&request, outcome.await)
}

/// A code that counts.
#[derive(Debug)]
pub struct SentCode {
    /// The phone that was meant.
    pub phone: Phone,
    /// Where nobody knows whether it is on its way, or comes late: what a program is told.
    pub doubt: Option<Problem>,
}

/// Sends a code to a phone in this language.
///
/// # Errors
/// When it is no phone, too many codes were asked for, or none can be sent.
pub async fn send_code(
    request: &HttpRequest,
    service: &SessionService,
    postman: &Postman,
    phone: String,
    locale: Locale,
) -> Result<SentCode, Problem> {
    let phone = phone_of(phone).await?;
    if !postman.reaches(Kind::Sms) {
        return Err(DeliveryError::NoWay(Kind::Sms).into());
    }
    let issued = service.issue_code(phone.clone(), Client::of_request(request).address).await?;
    let doubt = match postman.send(outgoing::code(&issued, locale)).await {
        Ok(()) => None,
        Err(error @ DeliveryError::Unknown(_)) => Some(error.into()),
        Err(error) => {
            service.take_back(issued).await;
            return Err(error.into());
        }
    };
    Ok(SentCode { phone, doubt })
}

/// Logs in by a code that came to a phone.
///
/// # Errors
/// When the code is not the one that was sent.
pub async fn prove_code(
    request: &HttpRequest,
    service: &SessionService,
    phone: String,
    code: &str,
    transport: Transport,
) -> Result<LoggedIn, Problem> {
    let login = login_of(request, transport)?;
    let (phone, code) = (phone_of(phone).await?, code_of(code)?);
    Ok(service.log_in_by_code(phone, code, login).await?)
}

impl CodeProof {
    pub(super) async fn proof(self) -> Result<OneTimeProof, Problem> {
        Ok(OneTimeProof::Code(phone_of(self.phone).await?, code_of(&self.code)?))
    }
}

/// On a thread where it may take its time: the first number of a country makes the library build its patterns.
async fn phone_of(text: String) -> Result<Phone, Problem> {
    let phone = web::block(move || Phone::parse(&text)).await;
    phone.ok().flatten().ok_or(Problem::new(problem::Code::ValidationFailed).because("validation-phone"))
}

fn code_of(text: &str) -> Result<Code, Problem> {
    Code::parse(text).ok_or(Problem::new(problem::Code::ValidationFailed).because("validation-code"))
}
