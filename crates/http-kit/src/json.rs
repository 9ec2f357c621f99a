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
    // First whether it is JSON at all: reading it as a `T` stops at the first thing that fits no `T`. What is ignored is not
    // looked at for its encoding.
    let malformed = || Problem::new(Code::MalformedRequest).because("malformed-json");
    let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| malformed())?;
    // Every body is an object; serde would take an array for the values of its members.
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    is_object
        .then(|| serde_json::from_str(text).ok())
        .flatten()
        .ok_or_else(|| Problem::new(Code::ValidationFailed))
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;
    use test_support::{any_json, any_object, any_text, for_all};

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        email: String,
        password: Option<String>,
    }

    fn status(bytes: &[u8]) -> Option<u16> {
        parse::<Fields>(bytes).err().map(|problem| problem.status_code().as_u16())
    }

    #[test]
    fn of_any_json_exactly_an_object_of_the_right_members_is_a_body() {
        let inputs = prop_oneof![any_object(&["email", "password", "is_admin"]), any_json()];
        for_all("JSON body", inputs, |value| {
            let members = value.as_object();
            let fits = members.is_some_and(|members| {
                members.get("email").is_some_and(serde_json::Value::is_string)
                    && members.get("password").is_none_or(|value| value.is_string() || value.is_null())
                    && members.keys().all(|name| name == "email" || name == "password")
            });
            prop_assert_eq!(status(value.to_string().as_bytes()), (!fits).then_some(422));
            Ok(())
        });
    }

    #[test]
    fn a_member_that_comes_twice_is_no_body_whichever_it_is() {
        let member = prop_oneof![Just("email"), Just("password")];
        for_all("JSON body, a member twice", (member, any_text(), any_text()), |(member, first, second)| {
            let (first, second) = (json!(first), json!(second));
            let other = if member == "email" { "password" } else { "email" };
            let text = format!(r#"{{"{member}":{first},"{other}":"x","{member}":{second}}}"#);
            prop_assert_eq!(status(text.as_bytes()), Some(422));
            Ok(())
        });
    }

    #[test]
    fn of_any_bytes_what_is_no_json_is_malformed() {
        let bytes = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            any_text().prop_map(String::into_bytes),
            (any_json(), any_text()).prop_map(|(value, text)| format!("{value}{text}").into_bytes()),
        ];
        for_all("JSON body, any bytes", bytes, |bytes| {
            let is_json = serde_json::from_slice::<serde_json::Value>(&bytes).is_ok();
            // A number that no double can hold is JSON, too, and none that anyone asks for.
            let status = status(&bytes);
            prop_assert!(std::str::from_utf8(&bytes).is_ok() || status == Some(400), "{status:?}");
            prop_assert!(if is_json { status != Some(400) } else { status.is_some() }, "{status:?}");
            Ok(())
        });
    }

    #[test]
    fn a_body_that_is_no_utf_8_is_malformed_wherever_it_is_not() {
        for bytes in
            [&b"{\"\xff\":1}"[..], b"{\"email\":\"\xc3\x28\"}", b"{\"email\":\"a\",\"x\":\"\xed\xa0\x80\"}"]
        {
            assert_eq!(status(bytes), Some(400), "{bytes:?}");
        }
        assert_eq!(status("{\"email\":\"\u{e9}\"}".as_bytes()), None);
    }
}
