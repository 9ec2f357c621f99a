//! A JSON body, refused in the right way when it is none.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::problem::{Code, Problem, localized};

/// Bytes of a body at most.
const LIMIT: usize = 64 * 1024;

/// Bytes that are read and thrown away of a body that is too large, so that the client, which may still be
/// sending, gets to read the answer.
const DRAIN: usize = 8 * 1024 * 1024;

/// The JSON body of a request.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = web::Payload::from_request(&request, payload).into_inner();
        Box::pin(async move {
            let bytes = match payload {
                Ok(payload) => read(payload).await,
                Err(_) => Err(Problem::new(Code::MalformedRequest)),
            };
            let parsed = bytes.and_then(|bytes| {
                if is_of_type(&request, "application/json") {
                    parse(&bytes)
                } else {
                    Err(Problem::new(Code::UnsupportedMediaType))
                }
            });
            localized(&request, parsed).map(Self)
        })
    }
}

/// The whole body, if it is not too large.
pub(crate) async fn read(mut payload: web::Payload) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::MalformedRequest))?;
        length += chunk.len();
        if length <= LIMIT {
            bytes.extend_from_slice(&chunk);
        } else if length > DRAIN {
            break;
        }
    }
    if length > LIMIT { Err(Problem::new(Code::PayloadTooLarge)) } else { Ok(bytes) }
}

/// Whether the body says that it is of this type, whatever its parameters are.
pub(crate) fn is_of_type(request: &HttpRequest, kind: &str) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(kind))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // First whether it is JSON at all: reading it as a `T` stops at the first thing that fits no `T`.
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map_err(|_| Problem::new(Code::MalformedRequest).because("malformed-json"))?;
    // Every body is an object; serde would take an array for the values of its members.
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    is_object
        .then(|| serde_json::from_slice(bytes).ok())
        .flatten()
        .ok_or_else(|| Problem::new(Code::ValidationFailed))
}
