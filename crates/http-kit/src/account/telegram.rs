//! Logging in by Telegram's Login Widget.

use std::collections::BTreeMap;
use std::fmt;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use session_management::{SessionService, TelegramFields};
use utoipa::ToSchema;

use super::login::{Transport, answer_login, login_of};
use crate::json::Body;
use crate::openapi::{Failure, WithBody};
use crate::problem::{Code, Problem, localized};
use crate::view::LoginView;

/// What the Login Widget hands over. Every field is signed, also one that is not listed here.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by the document alone")]
pub(super) struct TelegramLogin {
    /// Telegram's id of the person.
    id: i64,
    first_name: Option<String>,
    last_name: Option<String>,
    username: Option<String>,
    photo_url: Option<String>,
    /// When Telegram signed it, in seconds since 1970; at most five minutes ago.
    auth_date: i64,
    /// The signature, in hexadecimal digits.
    hash: String,
}

/// The fields of a body as they were signed: a widget's script hands numbers over, a redirect texts.
pub struct SignedFields(pub(super) TelegramFields);

/// How the client will carry its token, beside a body in which there is no room for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    transport: Transport,
}

/// Logs in whom Telegram names. Who is new becomes a person. The session that the request carries ends.
#[utoipa::path(
    post, path = "/api/login/telegram", tag = "account", request_body = TelegramLogin,
    params(("transport" = Option<Transport>, Query, description = "How the client will carry its token")),
    responses(
        (status = 200, body = LoginView), WithBody, (status = 401, response = Failure),
        (status = 404, response = Failure), (status = 503, response = Failure),
    )
)]
pub async fn log_in_by_telegram(
    request: HttpRequest,
    service: web::Data<SessionService>,
    Body(SignedFields(fields)): Body<SignedFields>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let options = web::Query::<Options>::from_query(request.query_string());
        let transport = options.map_err(|_| Problem::new(Code::ValidationFailed))?.transport;
        let login = login_of(&request, transport)?;
        let logged_in = service.log_in_by_telegram(&fields, login).await?;
        Ok::<_, Problem>(answer_login(HttpResponse::Ok(), &request, &logged_in, transport))
    };
    localized(&request, outcome.await)
}

impl<'de> Deserialize<'de> for SignedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = deserializer.deserialize_map(Fields)?;
        Ok(Self(TelegramFields::new(fields)))
    }
}

/// Fields of a proof, which are Telegram's when they are signed.
pub(super) fn with_signature<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedFields, D::Error> {
    let fields = deserializer.deserialize_map(Fields)?;
    if !fields.contains_key("hash") {
        return Err(D::Error::missing_field("hash"));
    }
    Ok(SignedFields(TelegramFields::new(fields)))
}

/// Reads an object of single values, none of them twice.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of the Telegram Login Widget")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) if !number.is_f64() => number.to_string(),
                Value::Bool(bool) => bool.to_string(),
                _ => return Err(A::Error::custom("neither a text nor a whole number")),
            };
            if fields.insert(name, text).is_some() {
                return Err(A::Error::custom("a field twice"));
            }
        }
        if fields.is_empty() { Err(A::Error::missing_field("hash")) } else { Ok(fields) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use test_support::{any_json, any_object, any_text, for_all};

    use super::*;

    fn read(text: &str) -> Option<BTreeMap<String, String>> {
        serde_json::Deserializer::from_str(text).deserialize_map(Fields).ok()
    }

    #[test]
    fn of_any_body_the_fields_are_its_single_values_each_as_it_was_written_b4() {
        let inputs =
            prop_oneof![any_object(&["id", "first_name", "auth_date", "hash", "photo_url"]), any_json()];
        for_all("Telegram payload, its JSON", inputs, |value| {
            let text = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) if number.is_f64() => None,
                Value::Null | Value::Array(_) | Value::Object(_) => None,
                other => Some(other.to_string()),
            };
            let members = value.as_object().filter(|members| !members.is_empty());
            let expected: Option<BTreeMap<String, String>> = members.and_then(|members| {
                members.iter().map(|(name, value)| Some((name.clone(), text(value)?))).collect()
            });
            prop_assert_eq!(read(&value.to_string()), expected);
            Ok(())
        });
    }

    #[test]
    fn a_field_that_comes_twice_is_no_payload_b4() {
        let pairs = prop::collection::vec((any_text(), any_text()), 1..5);
        for_all(
            "Telegram payload, a field twice",
            (pairs, any::<prop::sample::Index>()),
            |(pairs, twice)| {
                let again = twice.get(&pairs).0.clone();
                let members = pairs.iter().map(|(name, value)| (name, value)).chain([(&again, &again)]);
                let members: Vec<String> =
                    members.map(|(name, value)| format!("{}:{}", json!(name), json!(value))).collect();
                prop_assert_eq!(read(&format!("{{{}}}", members.join(","))), None);
                Ok(())
            },
        );
    }
}
