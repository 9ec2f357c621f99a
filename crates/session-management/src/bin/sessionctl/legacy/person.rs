//! A row of the file's `users` as a person: what the new schema has a column for, and all the rest.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Map, json};
use session_management::{SessionId, SessionToken};
use sha2::{Digest, Sha256};

use super::report::Reason;
use super::rows::{Token, UserRow};
use super::value::Value;

/// Bytes of one person's attributes at most; Postgres takes objects of a quarter of a gigabyte.
const LONGEST_ATTRIBUTES: usize = 64 << 20;

/// Someone of the file.
pub(super) struct Person {
    /// The id in the file.
    pub(super) legacy_id: i64,
    pub(super) email: Contact<String>,
    pub(super) phone: Contact<String>,
    pub(super) telegram_id: Contact<i64>,
    /// When the account was made, where the file says it.
    pub(super) created_at: Option<DateTime<Utc>>,
    /// Columns that the new schema does not know, and values that were not accepted, under the columns' names.
    pub(super) attributes: Map<String, serde_json::Value>,
    /// The token in `users.auth_token`, where it is one and nobody else in the file has it.
    pub(super) token: Option<SessionToken>,
    /// The digest of all of this: that of the same row is the same.
    pub(super) fingerprint: String,
    /// What was not accepted.
    pub(super) findings: Vec<Reason>,
}

/// A value that one person alone may have.
pub(super) struct Contact<T> {
    pub(super) value: Option<T>,
    /// As it stands in the file.
    pub(super) raw: serde_json::Value,
}

impl<T> Default for Contact<T> {
    fn default() -> Self {
        Self { value: None, raw: serde_json::Value::Null }
    }
}

impl Person {
    pub(super) fn of(row: UserRow, region: Option<phonenumber::country::Id>) -> Self {
        let mut person = Self {
            legacy_id: row.id,
            email: Contact::default(),
            phone: Contact::default(),
            telegram_id: Contact::default(),
            created_at: None,
            attributes: Map::new(),
            token: None,
            fingerprint: String::new(),
            findings: Vec::new(),
        };
        let mut room = LONGEST_ATTRIBUTES;
        for (name, value) in row.cells {
            let known = name.to_ascii_lowercase();
            match known.as_str() {
                "id" => {}
                "auth_token" => person.take_token(&value, row.shared_token),
                "created_at" => {
                    person.created_at = value.to_time();
                    if person.created_at.is_none() {
                        person.reject(&known, value.to_json(), Reason::CreatedAtUnreadable);
                    }
                }
                "email" => {
                    let email = value.to_email().map(|email| email.as_str().to_owned());
                    person.email = person.contact(&known, &value, email, Reason::EmailInvalid);
                }
                "phone" => {
                    let phone = value.to_phone(region);
                    person.phone = person.contact(&known, &value, phone, Reason::PhoneInvalid);
                }
                "telegram_id" => {
                    let id = value.to_telegram_id();
                    person.telegram_id = person.contact(&known, &value, id, Reason::TelegramIdInvalid);
                }
                _ => person.keep(name, &value, &mut room),
            }
        }
        person.fingerprint = person.fingerprint();
        person
    }

    /// The id of the session of the token.
    pub(super) fn token_id(&self) -> Option<SessionId> {
        self.token.as_ref().map(SessionToken::id)
    }

    fn take_token(&mut self, cell: &Value, shared: bool) {
        match (Token::of(cell, shared), cell) {
            (Token::Of(_), Value::Text(text)) => self.token = SessionToken::parse(text),
            (Token::Shared, _) => self.findings.push(Reason::TokenOfTwoUsers),
            // Who never logged in has none, and that is no fault.
            (Token::Empty, Value::Null) => {}
            (Token::Empty, _) => self.findings.push(Reason::TokenEmpty),
            (Token::Invalid | Token::Of(_), _) => self.findings.push(Reason::TokenInvalid),
        }
    }

    fn contact<T>(&mut self, name: &str, cell: &Value, value: Option<T>, otherwise: Reason) -> Contact<T> {
        let raw = cell.to_json();
        if value.is_none() && !cell.is_absent() {
            self.reject(name, raw.clone(), otherwise);
        }
        Contact { value, raw }
    }

    fn reject(&mut self, name: &str, raw: serde_json::Value, why: Reason) {
        self.attributes.insert(name.to_owned(), raw);
        self.findings.push(why);
    }

    fn keep(&mut self, name: String, value: &Value, room: &mut usize) {
        let json = match value.to_json() {
            json if size(&json) <= *room => json,
            json => json!({ "omitted_bytes": size(&json) }),
        };
        *room = room.saturating_sub(size(&json));
        if json.get("omitted_bytes").is_some() {
            self.findings.push(Reason::ValueTooLong);
        }
        self.attributes.insert(name, json);
    }

    fn fingerprint(&self) -> String {
        let token = self.token_id();
        let all = json!([
            self.email.value,
            self.phone.value,
            self.telegram_id.value,
            self.created_at.map(|at| at.timestamp_micros()),
            self.attributes,
            token,
        ]);
        URL_SAFE_NO_PAD.encode(Sha256::digest(all.to_string()))
    }
}

/// Bytes that a value takes, near enough.
fn size(json: &serde_json::Value) -> usize {
    match json {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Object(members) => members.values().map(size).sum(),
        _ => 8,
    }
}
