//! Rules about cookies.

use constants::Application;

use super::{Cookie, Exchange, Rule};

pub(super) const RULES: &[Rule] = &[
    ("cookie-name", name),
    ("cookie-attributes", attributes),
    ("cookie-value", value),
    ("cookie-once", once),
    ("cookie-kept", kept),
];

const PREFIX: &str = "__Host-";

/// What a browser keeps at most.
const LONGEST: usize = 4096;

/// Names of session cookies, with and without [`PREFIX`].
pub(super) fn is_of_session(name: &str) -> bool {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    name == "auth_token" || Application::ALL.iter().any(|known| known.cookies.session == name)
}

/// Those of web alone: of the older software, and of a login by phone that is under way.
const OF_WEB: [&str; 2] = ["auth_token", "loginPhone"];

/// Whether a cookie is one of an application; there are no others. Of one that is built elsewhere the table says nothing.
fn is_known(site: &str, name: &str) -> bool {
    let Some(of) = Application::ALL.iter().find(|known| known.scope.as_str() == site) else { return true };
    let own = [of.cookies.session, of.cookies.form_key, of.cookies.notice];
    own.contains(&name) || (site == "web" && OF_WEB.contains(&name))
}

fn each(exchange: &Exchange<'_>, rule: impl Fn(Cookie<'_>) -> Option<&'static str>) -> Result<(), String> {
    match exchange.set_cookies().find_map(|cookie| rule(cookie).map(|wrong| (cookie.name, wrong))) {
        Some((name, wrong)) => Err(format!("{name}: {wrong}")),
        None => Ok(()),
    }
}

fn attribute<'a>(cookie: Cookie<'a>, name: &str) -> Option<&'a str> {
    let mut all = cookie.attributes.split(';').map(str::trim);
    all.find_map(|attribute| {
        let (known, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        (known == name).then_some(value)
    })
}

fn clears(cookie: Cookie<'_>) -> bool {
    attribute(cookie, "Max-Age") == Some("0")
}

/// In production all are bound to the host, but those of the older software, of which one is only cleared.
fn name(exchange: &Exchange<'_>) -> Result<(), String> {
    each(exchange, |cookie| {
        let plain = cookie.name.strip_prefix(PREFIX);
        if !is_known(exchange.site.name, plain.unwrap_or(cookie.name)) {
            return Some("no cookie of this application");
        }
        let is_older = cookie.name == "auth_token" || (cookie.name == "sessionId" && clears(cookie));
        let is_bound = plain.is_some();
        (is_bound != exchange.site.production && !(exchange.site.production && is_older))
            .then_some("not the name of this environment")
    })
}

fn attributes(exchange: &Exchange<'_>) -> Result<(), String> {
    each(exchange, |cookie| {
        for (name, value) in [("HttpOnly", ""), ("SameSite", "Lax"), ("Path", "/")] {
            if attribute(cookie, name) != Some(value) {
                return Some(name);
            }
        }
        if attribute(cookie, "Secure").is_some() != exchange.site.production {
            return Some("Secure");
        }
        let known = ["HttpOnly", "SameSite", "Path", "Secure", "Max-Age", "Expires"];
        let name = |attribute: &str| attribute.split('=').next().unwrap_or_default().trim().to_owned();
        let is_known = |attribute: &str| known.contains(&name(attribute).as_str());
        if !cookie.attributes.split(';').all(is_known) {
            return Some("an attribute that none should have");
        }
        let age = attribute(cookie, "Max-Age").map(str::parse::<u32>);
        match age {
            Some(Err(_)) => Some("Max-Age"),
            None if is_of_session(cookie.name) => Some("no Max-Age"),
            _ => None,
        }
    })
}

fn value(exchange: &Exchange<'_>) -> Result<(), String> {
    each(exchange, |cookie| {
        let is_legal = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
        if !cookie.value.bytes().all(is_legal) {
            return Some("a character that no cookie may have");
        }
        if cookie.name.len() + cookie.value.len() + cookie.attributes.len() > LONGEST {
            return Some("longer than browsers take");
        }
        (cookie.value.is_empty() != clears(cookie)).then_some("neither set nor cleared")
    })
}

fn once(exchange: &Exchange<'_>) -> Result<(), String> {
    each(exchange, |cookie| {
        let same = exchange.set_cookies().filter(|other| other.name == cookie.name);
        (same.count() > 1).then_some("twice")
    })
}

/// An outage logs nobody out.
fn kept(exchange: &Exchange<'_>) -> Result<(), String> {
    each(exchange, |cookie| {
        (exchange.status >= 500 && is_of_session(cookie.name)).then_some("changed by an answer that failed")
    })
}
