//! What every answer must be like, whatever it answers. Each that any test gets from an application is read here, and one
//! that breaks a rule fails the test in which it came.

mod body;
mod cookie;
mod header;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tally::tally_sum;

/// Which application answers at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) production: bool,
}

/// A request and its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) site: Site,
    pub(crate) method: &'a str,
    /// With its query.
    pub(crate) path: &'a str,
    /// Headers of the request.
    pub(crate) sent: &'a [(String, String)],
    pub(crate) status: u16,
    /// Headers of the answer; names in lower case.
    pub(crate) headers: &'a [(String, String)],
    /// `None` where only the headers were seen.
    pub(crate) body: Option<&'a [u8]>,
}

/// A rule: its name, and what is wrong with an exchange by it.
pub(crate) type Rule = (&'static str, fn(&Exchange<'_>) -> Result<(), String>);

/// Session tokens that are looked for in answers to others than their owners, the newest.
const REMEMBERED: usize = 64;

static SITES: Mutex<BTreeMap<u16, Site>> = Mutex::new(BTreeMap::new());
static TOKENS: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());
static VIOLATIONS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static LINTED: AtomicUsize = AtomicUsize::new(0);

/// Every rule.
pub(crate) fn rules() -> impl Iterator<Item = Rule> {
    header::RULES.iter().chain(cookie::RULES).chain(body::RULES).copied()
}

/// From here on answers from this port are read.
pub(crate) fn register(port: u16, site: Site) {
    locked(&SITES).insert(port, site);
}

/// Who answers at a port.
pub(crate) fn site(port: u16) -> Option<Site> {
    locked(&SITES).get(&port).copied()
}

/// Reads an answer. Panics when it breaks a rule.
#[track_caller]
pub(crate) fn check(exchange: &Exchange<'_>) {
    LINTED.fetch_add(1, Ordering::Relaxed);
    let broken = violations(exchange);
    remember(exchange);
    if !broken.is_empty() {
        let Exchange { site, method, path, status, headers, .. } = exchange;
        let text = format!("{} answers {method} {path} by {status}: {broken:?}\n{headers:?}", site.name);
        // Noted, since a thread whose panic nobody looks at may have asked.
        locked(&VIOLATIONS).push(text.clone());
        panic!("{text}");
    }
}

/// Reads the first answer on a connection, as far as it came.
#[track_caller]
pub(crate) fn check_raw(port: u16, sent: &[u8], answer: &str) {
    // What merely says that the request is being read is no answer yet.
    let mut answer = answer;
    while let Some((interim, rest)) = answer.split_once("\r\n\r\n")
        && interim.starts_with("HTTP/1.1 1")
    {
        answer = rest;
    }
    let (Some(site), Some((head, body))) = (site(port), answer.split_once("\r\n\r\n")) else { return };
    let sent = String::from_utf8_lossy(sent);
    let mut line = sent.lines().next().unwrap_or_default().split(' ');
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let header =
        |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, length)| length.parse::<usize>().ok());
    let body = length.and_then(|length| body.as_bytes().get(..length));
    check(&Exchange { site, method, path, sent: &[], status, headers: &headers, body });
}

/// Fails where something was found that did not fail a test yet, and adds to what is counted.
pub(crate) fn conclude() {
    let linted = LINTED.swap(0, Ordering::Relaxed);
    if linted > 0 {
        tally_sum("Answers linted", linted);
    }
    let broken = std::mem::take(&mut *locked(&VIOLATIONS));
    assert!(std::thread::panicking() || broken.is_empty(), "{}", broken.join("\n"));
}

/// The names of the rules that an exchange breaks, with what is wrong.
fn violations(exchange: &Exchange<'_>) -> Vec<(&'static str, String)> {
    if exchange.is_of_the_parser() {
        return Vec::new();
    }
    rules().filter_map(|(name, rule)| rule(exchange).err().map(|wrong| (name, wrong))).collect()
}

fn remember(exchange: &Exchange<'_>) {
    let mut tokens = locked(&TOKENS);
    for token in exchange.set_cookies().filter(|cookie| cookie::is_of_session(cookie.name)) {
        if body::is_worth_looking_for(token.value) {
            tokens.push_back(token.value.to_owned());
        }
    }
    let surplus = tokens.len().saturating_sub(REMEMBERED);
    tokens.drain(..surplus);
}

fn remembered() -> Vec<String> {
    locked(&TOKENS).iter().cloned().collect()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A Set-Cookie as it stands.
#[derive(Debug, Clone, Copy)]
struct Cookie<'a> {
    name: &'a str,
    value: &'a str,
    attributes: &'a str,
}

impl<'a> Exchange<'a> {
    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The type of the content without its parameters.
    fn kind(&self) -> &'a str {
        self.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default().trim()
    }

    fn is_page(&self) -> bool {
        self.kind() == "text/html"
    }

    /// Without its query.
    fn place(&self) -> &'a str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// A page or file of the document, which is the same for all.
    fn is_docs(&self) -> bool {
        self.place() == "/docs" || self.place().starts_with("/docs/")
    }

    /// A file that pages load, under an address that changes with its content.
    fn is_asset(&self) -> bool {
        self.place().starts_with("/assets/") && self.status == 200
    }

    /// What is the same for everybody, and no secret.
    fn is_file(&self) -> bool {
        self.is_asset() || (self.is_docs() && self.status < 400)
    }

    /// The body, where one could be read; an answer to HEAD has none.
    fn read(&self) -> Option<&'a [u8]> {
        self.body.filter(|_| self.method != "HEAD")
    }

    /// What was no HTTP is refused before anything of ours sees it: without a body, and the connection ends.
    fn is_of_the_parser(&self) -> bool {
        let is_refusal = matches!(self.status, 400 | 408 | 431);
        let is_bare = self.headers.iter().all(|(name, _)| {
            matches!(name.as_str(), "content-length" | "connection" | "date" | "transfer-encoding")
        });
        is_refusal && is_bare && self.body.is_none_or(<[u8]>::is_empty)
    }

    fn set_cookies(&self) -> impl Iterator<Item = Cookie<'a>> + use<'a> {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.map(|(_, text)| {
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Cookie { name: name.trim(), value: value.trim(), attributes }
        })
    }
}
