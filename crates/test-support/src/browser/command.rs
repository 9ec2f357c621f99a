//! What Chromium's driver understands beyond the standard.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// What a browser wrote into its console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Who says so: `security`, `javascript`, …
    pub source: String,
    /// What.
    pub message: String,
}

/// Reads one of the browser's logs and empties it.
#[derive(Debug)]
pub(super) enum Log {
    /// The console.
    Browser,
    /// What went over the network.
    Performance,
}

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        of_session(base, session, "se/log")
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let kind = match self {
            Self::Browser => "browser",
            Self::Performance => "performance",
        };
        (Method::POST, Some(json!({ "type": kind }).to_string()))
    }
}

/// What developers do by the tools of the browser.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) parameters: Value,
}

impl WebDriverCompatibleCommand for Tool {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        of_session(base, session, "goog/cdp/execute")
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"cmd": self.name, "params": self.parameters}).to_string()))
    }
}

pub(super) fn complaints(entries: Value) -> Vec<Complaint> {
    let Value::Array(entries) = entries else { panic!("no console: {entries}") };
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    entries
        .iter()
        .map(|entry| Complaint { source: text(entry, "source"), message: text(entry, "message") })
        .filter(|complaint| complaint.source != "network")
        .collect()
}

/// What is sent as text because JSON has no bytes.
pub(super) fn decoded(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().unwrap_or_default()).expect("base64 of a picture")
}

fn of_session(base: &Url, session: Option<&str>, rest: &str) -> Result<Url, ParseError> {
    base.join(&format!("session/{}/{rest}", session.unwrap_or_default()))
}
