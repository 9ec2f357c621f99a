//! Changing the password, and proving anew who one is.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use session_management::{AppContext, OthersEnded, OwnSession, Password, SessionError, SessionService};
use utoipa::ToSchema;

use super::login::refused;
use super::sms::CodeProof;
use super::telegram::{SignedFields, TelegramLogin, with_signature};
use crate::carrier::Carrier;
use crate::client::Client;
use crate::gate::Current;
use crate::json::Body;
use crate::openapi::{Failure, Gated, WithBody};
use crate::problem::{Problem, localized};
use crate::settings::Settings;

/// A change of password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// `null` only for people who have no password yet; they need a recent proof.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    current_password: Option<String>,
    /// 8 to 256 characters.
    #[schema(min_length = 8, max_length = 256)]
    new_password: String,
}

/// A password as a proof of identity.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordProof {
    password: String,
}

/// A proof of identity: the password, or a fresh code or payload of the caller's own.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Proof {
    Password(PasswordProof),
    Code(CodeProof),
    #[schema(value_type = TelegramLogin)]
    Telegram(#[serde(deserialize_with = "with_signature")] SignedFields),
}

/// The caller's new token; for callers by Bearer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Token {
    token: String,
}

/// Changes the caller's password and ends all their other sessions, in every application.
#[utoipa::path(
    post, path = "/api/password", tag = "account", request_body = NewPassword,
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = Token, description = "For callers by Bearer"),
        (status = 204, description = "For callers by cookie, which the answer sets anew"), Gated, WithBody,
        (status = 429, response = Failure),
    )
)]
pub(crate) async fn change_password<C: AppContext>(
    request: HttpRequest,
    (settings, service): (web::Data<Settings>, web::Data<SessionService>),
    (current, client): (Current<C>, Client),
    Body(form): Body<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let own = current.own_session(&client);
        let ended = exchange_password(&service, own, form.current_password, form.new_password).await?;
        if current.carrier == Carrier::Bearer {
            return Ok(HttpResponse::Ok().json(Token { token: ended.token.expose().to_owned() }));
        }
        let mut response = HttpResponse::NoContent();
        settings.cookies.set(&mut response, &ended.token, ended.dual_written);
        Ok::<_, Problem>(response.finish())
    };
    localized(&request, outcome.await)
}

/// Changes a password to what a form or a program sent.
///
/// # Errors
/// When the current one is wrong, or the new one cannot be one.
pub async fn exchange_password(
    service: &SessionService,
    own: OwnSession,
    current: Option<String>,
    new: String,
) -> Result<OthersEnded, Problem> {
    let new = Password::new(new).map_err(refused)?;
    // What no password can be is not the current one, and that is all that is to be said of it.
    let current = current.map(Password::claimed).transpose();
    let current = current.map_err(|_| SessionError::InvalidCredentials)?;
    Ok(service.change_password(own, current, new).await?)
}

/// Proves anew who the caller is, for acts that need a recent proof.
#[utoipa::path(
    post, path = "/api/reauthenticate", tag = "account", request_body = Proof,
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 204), Gated, WithBody, (status = 404, response = Failure),
        (status = 429, response = Failure),
    )
)]
pub(crate) async fn reauthenticate<C: AppContext>(
    request: HttpRequest,
    service: web::Data<SessionService>,
    (current, client): (Current<C>, Client),
    Body(form): Body<Proof>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let own = current.own_session(&client);
        match form {
            Proof::Password(PasswordProof { password }) => {
                service.reauthenticate(own, Password::claimed(password).map_err(refused)?).await?;
            }
            Proof::Code(code) => service.reauthenticate_once(own, code.proof().await?).await?,
            Proof::Telegram(SignedFields(fields)) => {
                let proof = service.telegram_proof(&fields)?.ok_or(SessionError::InvalidCredentials)?;
                service.reauthenticate_once(own, proof).await?;
            }
        }
        Ok::<_, Problem>(HttpResponse::NoContent().finish())
    };
    localized(&request, outcome.await)
}
