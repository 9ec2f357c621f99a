//! What Telegram's Login Widget gives a site, signed as Telegram signs it.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The token of a bot that nobody has.
pub const BOT_TOKEN: &str = "1234567890:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Fields of a person, as the widget hands them to a page's script, with their signature.
#[must_use]
pub fn telegram_payload(id: i64, auth_date: i64) -> Value {
    sign(BOT_TOKEN, &json!({"id": id, "first_name": "Ann", "username": "ann", "auth_date": auth_date}))
}

/// Adds the signature of these fields by this bot.
#[must_use]
pub fn sign(token: &str, fields: &Value) -> Value {
    let mut fields: Map<String, Value> = fields.as_object().expect("fields").clone();
    fields.remove("hash");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut lines: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    lines.sort();
    let secret = Sha256::digest(token.as_bytes());
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a key");
    mac.update(lines.join("\n").as_bytes());
    let hash: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    fields.insert("hash".into(), hash.into());
    Value::Object(fields)
}
