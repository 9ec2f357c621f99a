//! What a browser got from applications, held against the rules for every answer: its headers, since the log of what went
//! over the network has no bodies.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use crate::lint::{self, Exchange};

/// What was asked for and what came, of one request with its redirects, both in order.
#[derive(Default)]
struct Chain {
    asked: Vec<(String, Url)>,
    came: Vec<(u16, Vec<(String, String)>)>,
}

/// Reads a log of the browser. Panics when an answer of an application breaks a rule.
pub(super) fn lint(log: &Value) {
    for Chain { asked, came } in chains(log).into_values() {
        for ((method, url), (status, headers)) in asked.iter().zip(came) {
            let Some(site) = url.port().filter(|_| url.host_str() == Some("127.0.0.1")).and_then(lint::site)
            else {
                continue;
            };
            let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
            lint::check(&Exchange { site, method, path, sent: &[], status, headers: &headers, body: None });
        }
    }
}

fn chains(log: &Value) -> BTreeMap<String, Chain> {
    let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
    for entry in log.as_array().into_iter().flatten() {
        let text = entry["message"].as_str().unwrap_or_default();
        let event = serde_json::from_str::<Value>(text).unwrap_or_default();
        let (name, parameters) = (&event["message"]["method"], &event["message"]["params"]);
        let id = parameters["requestId"].to_string();
        match name.as_str() {
            Some("Network.requestWillBeSent") => {
                let request = &parameters["request"];
                let url = request["url"].as_str().and_then(|url| url.parse().ok());
                let method = request["method"].as_str().unwrap_or_default().to_owned();
                chains.entry(id).or_default().asked.extend(url.map(|url| (method, url)));
            }
            // Other events leave out what scripts may not see, such as cookies.
            Some("Network.responseReceivedExtraInfo") => {
                let status = parameters["statusCode"].as_u64().and_then(|status| status.try_into().ok());
                let headers = headers(&parameters["headers"]);
                chains.entry(id).or_default().came.extend(status.map(|status| (status, headers)));
            }
            _ => {}
        }
    }
    chains
}

/// Headers that came more than once stand there as one, a line each.
fn headers(found: &Value) -> Vec<(String, String)> {
    let all = found.as_object().into_iter().flatten();
    let lines = all.flat_map(|(name, value)| {
        let lines = value.as_str().unwrap_or_default().split('\n');
        lines.map(|line| (name.to_ascii_lowercase(), line.to_owned()))
    });
    lines.collect()
}
