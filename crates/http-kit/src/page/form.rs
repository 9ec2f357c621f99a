//! What a form brings: read once, and only when it came from a page of ours.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use session_management::SessionToken;

use super::form_token::FormKey;
use super::settings;
use crate::carrier::{Carrier, Presented};
use crate::json;
use crate::problem::{Code, Problem, localized};

/// The fields of a form on a page of a session.
#[derive(Debug)]
pub struct Form<T>(pub T);

/// The fields of a form on a page that strangers see, and whether they count.
#[derive(Debug)]
pub struct StrangerForm<T> {
    typed: T,
    counts: Result<(), Problem>,
}

impl<T> StrangerForm<T> {
    /// What was typed, and whether it counts. A login in another tab takes the key of this one's form away: what does
    /// not count any more is shown again with a token that does, and nothing is done.
    pub fn read(self) -> (T, Result<(), Problem>) {
        (self.typed, self.counts)
    }
}

/// The fields of a form that is only a button.
#[derive(Debug, Deserialize)]
pub struct NoFields {}

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, fields) = (request.clone(), fields(request, payload, of_session));
        Box::pin(async move {
            let (fields, counts) = fields.await?;
            localized(&request, counts.map(|()| Self(fields)))
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for StrangerForm<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let fields = fields(request, payload, of_stranger);
        Box::pin(async move { fields.await.map(|(typed, counts)| Self { typed, counts }) })
    }
}

/// The fields, and whether they came from a page of ours. Of fields that do not and cannot be read either, the former is
/// said.
fn fields<T: DeserializeOwned + 'static>(
    request: &HttpRequest,
    payload: &mut Payload,
    key: fn(&HttpRequest) -> Result<FormKey, Problem>,
) -> Reading<(T, Result<(), Problem>)> {
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
            let counts = key(&request).and_then(|key| has_token(&bytes, &key));
            let fields = serde_urlencoded::from_bytes(&bytes);
            let fields = fields.map_err(|_| Problem::new(Code::ValidationFailed));
            Ok((fields.or_else(|invalid| counts.clone().and(Err(invalid)))?, counts))
        });
        localized(&request, parsed)
    })
}

fn has_token(bytes: &[u8], key: &FormKey) -> Result<(), Problem> {
    let mut tokens = form_urlencoded::parse(bytes).filter(|(name, _)| name == "form_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) if key.made(&token) => Ok(()),
        _ => Err(outdated()),
    }
}

/// Programs have the API: here a token that they hold would go on into the cookies of an answer.
fn of_session(request: &HttpRequest) -> Result<FormKey, Problem> {
    let settings = settings(request).ok_or(Problem::new(Code::Internal))?;
    let presented = Presented::of(request.headers(), settings.cookies.names());
    let (carrier, text) = presented.deciding()?.ok_or(Problem::new(Code::Unauthenticated))?;
    if carrier == Carrier::Bearer {
        return Err(outdated());
    }
    SessionToken::parse(text).as_ref().map(FormKey::of_session).ok_or_else(outdated)
}

fn of_stranger(request: &HttpRequest) -> Result<FormKey, Problem> {
    let settings = settings(request).ok_or(Problem::new(Code::Internal))?;
    FormKey::of_stranger(request, settings).ok_or_else(outdated)
}

const fn outdated() -> Problem {
    Problem::new(Code::Forbidden).because("forbidden-form")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, any_text, for_all};

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Typed {
        email: String,
        #[serde(default)]
        next: String,
    }

    #[test]
    fn of_any_form_its_token_counts_when_it_came_once_and_was_made_for_it() {
        let key = FormKey::of_session(&SessionToken::generate());
        let made = key.token().to_string();
        let name = prop_oneof![3 => Just("form_token".to_owned()), 1 => any_text()];
        let value = prop_oneof![Just(made.clone()), any_text()];
        for_all("form, its token", prop::collection::vec((name, value), 0..4), |pairs| {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let tokens: Vec<&String> =
                pairs.iter().filter(|(name, _)| name == "form_token").map(|(_, value)| value).collect();
            prop_assert_eq!(has_token(body.as_bytes(), &key).is_ok(), tokens == [&made]);
            Ok(())
        });
    }

    #[test]
    fn of_any_form_a_field_is_as_it_was_typed_or_nothing_is_read() {
        let name = prop_oneof![Just("email".to_owned()), Just("next".to_owned()), any_text()];
        for_all("form, its fields", prop::collection::vec((name, any_text()), 0..5), |pairs| {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let typed = |wanted: &str| {
                pairs
                    .iter()
                    .filter(|(name, _)| name == wanted)
                    .map(|(_, value)| value.as_str())
                    .collect::<Vec<_>>()
            };
            let (email, next) = (typed("email"), typed("next"));
            match serde_urlencoded::from_bytes::<Typed>(body.as_bytes()) {
                Ok(read) => {
                    prop_assert_eq!(email, [read.email]);
                    prop_assert_eq!(next.first().copied().unwrap_or_default(), read.next);
                }
                Err(_) => prop_assert!(email.len() != 1 || next.len() > 1),
            }
            Ok(())
        });
        for_all(
            "form, any bytes",
            any_or_almost(&["email=a%40b&form_token=x&next=%2Faccount", "email&email=%ff"]),
            |body| {
                let typed = serde_urlencoded::from_bytes::<Typed>(body.as_bytes()).ok();
                prop_assert!(typed.is_none() || body.contains("mail") || body.contains('%'), "{typed:?}");
                Ok(())
            },
        );
    }
}
