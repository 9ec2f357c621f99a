//! Rules about what stands in answers.

use serde_json::Value;

use super::cookie::is_of_session;
use super::{Exchange, Rule, remembered};

pub(super) const RULES: &[Rule] = &[
    ("content-type", content_type),
    ("readable", readable),
    ("problem", problem),
    ("no-body", no_body),
    ("secret", secret),
    ("token", token),
    ("inner-life", inner_life),
];

/// The codes of problems by their status.
const CODES: &[(u16, &[&str])] = &[
    (400, &["malformed_request"]),
    (401, &["unauthenticated", "invalid_credentials"]),
    (403, &["forbidden", "reauthentication_required"]),
    (404, &["not_found"]),
    (405, &["method_not_allowed"]),
    (409, &["conflict"]),
    (413, &["payload_too_large"]),
    (415, &["unsupported_media_type"]),
    (422, &["validation_failed"]),
    (429, &["rate_limited"]),
    (500, &["internal"]),
    (503, &["unavailable"]),
];

/// Where a token may stand in a body: what programs log in by, and what replaces their session.
const GIVES_TOKENS: &[&str] = &[
    "/api/login",
    "/api/login/sms/verify",
    "/api/login/telegram",
    "/api/register",
    "/api/password",
    "/api/sessions/revoke-others",
];

/// What only somebody sees who looks behind the answers.
const INNER_LIFE: &[&str] = &[
    "$argon2",
    "hashed_password",
    "password_hash",
    "credential_version",
    "session_epoch",
    "sessions_valid_after",
    "panicked at",
    "stack backtrace",
    "postgres://",
    "postgresql://",
    "redis://",
    "diesel::",
    ".cargo/registry",
];

/// Whether a text is long enough that it cannot stand somewhere by chance.
pub(super) fn is_worth_looking_for(token: &str) -> bool {
    token.len() >= 20
}

fn text(exchange: &Exchange<'_>) -> Option<String> {
    exchange.read().map(|body| String::from_utf8_lossy(body).into_owned())
}

fn json(exchange: &Exchange<'_>) -> Option<Value> {
    serde_json::from_slice(exchange.read()?).ok()
}

fn content_type(exchange: &Exchange<'_>) -> Result<(), String> {
    let found = exchange.header("content-type");
    let is_empty = exchange.read().is_some_and(<[u8]>::is_empty);
    let kind = exchange.kind();
    let is_right = match kind {
        "" => is_empty || exchange.read().is_none(),
        "application/json" | "application/problem+json" => found == Some(kind),
        "application/javascript" | "image/png" | "image/svg+xml" | "image/x-icon" => exchange.is_file(),
        "text/html" | "text/plain" | "text/css" | "text/javascript" => {
            found.is_some_and(|found| found.ends_with("; charset=utf-8"))
        }
        _ => false,
    };
    if is_right { Ok(()) } else { Err(format!("{found:?}")) }
}

/// What calls itself JSON or a page is.
fn readable(exchange: &Exchange<'_>) -> Result<(), String> {
    let Some(body) = exchange.read() else { return Ok(()) };
    let is_right = match exchange.kind() {
        "application/json" | "application/problem+json" => json(exchange).is_some(),
        "text/html" if exchange.is_docs() => true,
        "text/html" => {
            let begin = String::from_utf8_lossy(&body[..body.len().min(200)]).to_ascii_lowercase();
            begin.trim_start().starts_with("<!doctype html>") && begin.contains("<html lang=")
        }
        _ => true,
    };
    if is_right { Ok(()) } else { Err(format!("no {}", exchange.kind())) }
}

/// What failed is a problem that says so, or a page.
fn problem(exchange: &Exchange<'_>) -> Result<(), String> {
    let is_problem = exchange.kind() == "application/problem+json";
    if exchange.status < 400 {
        return if is_problem { Err("of something that went well".to_owned()) } else { Ok(()) };
    }
    let is_readiness = exchange.place() == "/readyz" && exchange.status == 503;
    if exchange.is_page() || is_readiness || exchange.read().is_none() {
        return Ok(());
    }
    let found = json(exchange).filter(|_| is_problem).ok_or("none")?;
    let members = found.as_object().ok_or("no object")?;
    let wanted = ["code", "detail", "status", "title", "type"];
    let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
    names.sort_unstable();
    let codes =
        CODES.iter().find(|(status, _)| *status == exchange.status).map_or(&[][..], |(_, codes)| codes);
    let is_right = names == wanted
        && found["status"] == exchange.status
        && found["code"].as_str().is_some_and(|code| codes.contains(&code))
        && matches!(exchange.header("content-language"), Some("en" | "ru"));
    if is_right { Ok(()) } else { Err(format!("{found}")) }
}

fn no_body(exchange: &Exchange<'_>) -> Result<(), String> {
    let is_none = matches!(exchange.status, 204 | 300..400) || exchange.method == "HEAD";
    let is_empty = exchange.body.is_none_or(<[u8]>::is_empty);
    if is_none && !is_empty { Err("there is one".to_owned()) } else { Ok(()) }
}

/// A session's token stands in its cookie, or where a program asked for it, and nowhere else.
fn secret(exchange: &Exchange<'_>) -> Result<(), String> {
    if exchange.is_file() {
        return Ok(());
    }
    let mut body = text(exchange).unwrap_or_default();
    if let Some(given) = given(exchange) {
        body = body.replacen(&given, "", 1);
    }
    let mut places = vec![body];
    let is_kept = |value: &str| value.split_once('=').is_some_and(|(name, _)| is_of_session(name.trim()));
    let others = exchange.headers.iter().filter(|(name, value)| name != "set-cookie" || !is_kept(value));
    places.extend(others.map(|(_, value)| value.clone()));
    let own = exchange.set_cookies().filter(|cookie| is_of_session(cookie.name));
    let mut tokens: Vec<String> = own.map(|cookie| cookie.value.to_owned()).collect();
    tokens.extend(exchange.sent.iter().flat_map(|(name, value)| carried(name, value)));
    tokens.extend(remembered());
    let is_found = |token: &&String| {
        is_worth_looking_for(token) && places.iter().any(|place| place.contains(token.as_str()))
    };
    match tokens.iter().find(is_found) {
        Some(token) => {
            Err(format!("the token that begins with {}", token.chars().take(6).collect::<String>()))
        }
        None => Ok(()),
    }
}

/// The tokens in a header of a request.
fn carried(name: &str, value: &str) -> Vec<String> {
    if name.eq_ignore_ascii_case("authorization") {
        return value.split_once(' ').map(|(_, token)| token.trim().to_owned()).into_iter().collect();
    }
    if !name.eq_ignore_ascii_case("cookie") {
        return Vec::new();
    }
    let pairs = value.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| is_of_session(name)).map(|(_, token)| token.to_owned()).collect()
}

/// The token in a body.
fn given(exchange: &Exchange<'_>) -> Option<String> {
    json(exchange)?.get("token")?.as_str().map(str::to_owned)
}

/// A program that gets a token gets no cookie, and only where it asked.
fn token(exchange: &Exchange<'_>) -> Result<(), String> {
    if exchange.is_file() || given(exchange).is_none() {
        return Ok(());
    }
    if !GIVES_TOKENS.contains(&exchange.place()) {
        return Err("not here".to_owned());
    }
    let sets = exchange.set_cookies().any(|cookie| is_of_session(cookie.name) && !cookie.value.is_empty());
    if sets { Err("in a cookie, too".to_owned()) } else { Ok(()) }
}

fn inner_life(exchange: &Exchange<'_>) -> Result<(), String> {
    if exchange.is_file() {
        return Ok(());
    }
    let body = text(exchange).unwrap_or_default();
    match INNER_LIFE.iter().find(|part| body.contains(**part)) {
        Some(part) => Err(format!("{part:?}")),
        None => Ok(()),
    }
}
