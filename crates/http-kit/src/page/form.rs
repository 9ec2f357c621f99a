//! What a form brings: read once, and only when it came from a page of ours.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use session_management::SessionToken;

use super::form_token::FormKey;
use super::settings;
use crate::carrier::Presented;
use crate::json;
use crate::problem::{Code, Problem, localized};

/// The fields of a form on a page of a session.
#[derive(Debug)]
pub struct Form<T>(pub T);

/// The fields of a form on a page that strangers see.
#[derive(Debug)]
pub struct StrangerForm<T>(pub T);

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = fields(request, payload, of_session);
        Box::pin(async move { body.await.map(Self) })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for StrangerForm<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = fields(request, payload, of_stranger);
        Box::pin(async move { body.await.map(Self) })
    }
}

fn fields<T: DeserializeOwned + 'static>(
    request: &HttpRequest,
    payload: &mut Payload,
    key: fn(&HttpRequest) -> Result<FormKey, Problem>,
) -> Reading<T> {
    let request = request.clone();
    let payload = web::Payload::from_request(&request, payload).into_inner();
    Box::pin(async move {
        let bytes = match payload {
            Ok(payload) => json::read(payload).await,
            Err(_) => Err(Problem::new(Code::MalformedRequest)),
        };
        let parsed = bytes.and_then(|bytes| {
            if !json::is_of_type(&request, "application/x-www-form-urlencoded") {
                return Err(Problem::new(Code::UnsupportedMediaType).because("unsupported_media_type-form"));
            }
            let key = key(&request)?;
            let mut tokens = form_urlencoded::parse(&bytes).filter(|(name, _)| name == "form_token");
            let (first, second) = (tokens.next(), tokens.next());
            if second.is_some() || !first.is_some_and(|(_, token)| key.made(&token)) {
                return Err(outdated());
            }
            serde_urlencoded::from_bytes(&bytes).map_err(|_| Problem::new(Code::ValidationFailed))
        });
        localized(&request, parsed)
    })
}

fn of_session(request: &HttpRequest) -> Result<FormKey, Problem> {
    let settings = settings(request).ok_or(Problem::new(Code::Internal))?;
    let presented = Presented::of(request.headers(), settings.cookies.names());
    let (_, text) = presented.deciding()?.ok_or(Problem::new(Code::Unauthenticated))?;
    SessionToken::parse(text).as_ref().map(FormKey::of_session).ok_or_else(outdated)
}

fn of_stranger(request: &HttpRequest) -> Result<FormKey, Problem> {
    let settings = settings(request).ok_or(Problem::new(Code::Internal))?;
    FormKey::of_stranger(request, settings).ok_or_else(outdated)
}

const fn outdated() -> Problem {
    Problem::new(Code::Forbidden).because("forbidden-form")
}
