//! Who is at the other end of the connection: address and user agent.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, USER_AGENT};
use actix_web::{FromRequest, HttpRequest, web};
use ipnet::IpNet;
use session_management::Origin;

use crate::settings::Settings;

/// Characters of a user agent that are kept.
const USER_AGENT_LENGTH: usize = 512;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client's own address; behind a trusted proxy, the one that the proxy saw.
    pub address: Option<IpAddr>,
    /// What the client says it is.
    pub user_agent: Option<String>,
}

impl Client {
    /// The client of a request, where proxies of these networks are believed.
    #[must_use]
    pub fn of(request: &HttpRequest, trusted_proxies: &[IpNet]) -> Self {
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        let address = peer.map(|peer| forwarded(peer, request.headers(), trusted_proxies));
        let user_agent = request.headers().get(USER_AGENT).map(|value| kept(value.as_bytes()));
        Self { address, user_agent }
    }

    /// The client of a request, where those proxies are believed that the settings name.
    #[must_use]
    pub fn of_request(request: &HttpRequest) -> Self {
        let settings = request.app_data::<web::Data<Settings>>();
        Self::of(request, settings.map_or(&[], |settings| settings.trusted_proxies.as_slice()))
    }

    /// The same for the audit log and the device list.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { ip_address: self.address.map(Into::into), user_agent: self.user_agent.clone() }
    }
}

/// What is kept of a user agent: nothing that controls a terminal, and not more than anyone would read.
fn kept(user_agent: &[u8]) -> String {
    let text = String::from_utf8_lossy(user_agent);
    if text.len() <= USER_AGENT_LENGTH && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.into_owned();
    }
    text.chars().filter(|char| !char.is_control()).take(USER_AGENT_LENGTH).collect()
}

/// The nearest address that is no trusted proxy. What a stranger wrote further to the left, or anything that
/// is no address, is not believed.
fn forwarded(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut nearest = peer;
    let values: Vec<&str> = headers.get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
    let mut hops = values.iter().rev().flat_map(|value| value.rsplit(','));
    while is_trusted(&nearest) {
        let Some(hop) = hops.next().and_then(|hop| hop.trim().parse::<IpAddr>().ok()) else { break };
        nearest = hop.to_canonical();
    }
    nearest
}

impl FromRequest for Client {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of_request(request)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use proptest::prelude::*;
    use proptest::sample::select;
    use test_support::{any_or_almost, any_text, for_all};

    use super::*;

    fn seen(peer: &str, chain: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in chain {
            headers.append(HeaderName::from_static(FORWARDED_FOR), HeaderValue::from_str(value).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        forwarded(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_s_header_is_not_believed() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_is_believed_up_to_the_first_stranger() {
        let trusted = ["10.0.0.0/8", "127.0.0.1/32"];
        assert_eq!(seen("127.0.0.1", &["6.6.6.6, 198.51.100.1, 10.1.2.3"], &trusted), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["6.6.6.6", "198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1, rubbish"], &trusted), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &["2001:db8::1"], &trusted), "2001:db8::1");
        assert_eq!(seen("127.0.0.1", &[], &trusted), "127.0.0.1");
    }

    #[test]
    fn of_any_chain_the_client_is_the_first_stranger_from_the_right_that_was_written_by_a_proxy() {
        const EXAMPLES: &[&str] = &[
            "203.0.113.7",
            "10.1.2.3",
            "::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "1.2.3.4:80",
            "[::1]:80",
            "unknown",
            "",
        ];
        let hops = prop::collection::vec(
            prop_oneof![3 => select(EXAMPLES).prop_map(str::to_owned), 1 => any_or_almost(EXAMPLES)],
            0..6,
        );
        let peer = select(vec!["10.0.0.1", "127.0.0.1", "203.0.113.9", "2001:db8::9"]);
        for_all("X-Forwarded-For", (peer, hops, any::<bool>()), |(peer, hops, in_one)| {
            let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.1/32".parse().unwrap()];
            let lines = if in_one { vec![hops.join(",")] } else { hops.clone() };
            let mut headers = HeaderMap::new();
            for line in &lines {
                let Ok(value) = HeaderValue::from_str(line) else { return Ok(()) };
                headers.append(HeaderName::from_static(FORWARDED_FOR), value);
            }
            let peer: IpAddr = peer.parse().unwrap();
            let client = forwarded(peer, &headers, &trusted);
            let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
            if !is_trusted(peer) {
                prop_assert_eq!(client, peer);
            }
            // The same from the left: what stands to the right of it are trusted proxies, all of them.
            let text: Vec<&str> =
                lines.iter().filter(|line| line.is_ascii()).flat_map(|line| line.split(',')).collect();
            let addresses: Vec<Option<IpAddr>> =
                text.iter().map(|hop| hop.trim().parse().ok().map(|ip: IpAddr| ip.to_canonical())).collect();
            let chain: Vec<Option<IpAddr>> = addresses.into_iter().chain([Some(peer)]).collect();
            let believed = (0..chain.len()).find(|first| {
                chain[*first].is_some() && chain[first + 1..].iter().all(|hop| hop.is_some_and(is_trusted))
            });
            prop_assert_eq!(Some(client), chain[believed.unwrap()]);
            Ok(())
        });
    }

    #[test]
    fn of_any_user_agent_what_is_kept_controls_no_terminal_and_is_not_long() {
        for_all(
            "User-Agent header",
            (any_text(), prop::collection::vec(any::<u8>(), 0..700)),
            |(text, bytes)| {
                for agent in [text.as_bytes(), &bytes] {
                    let kept = kept(agent);
                    prop_assert!(
                        !kept.contains(char::is_control) && kept.chars().count() <= USER_AGENT_LENGTH
                    );
                }
                let plain =
                    text.chars().all(|char| matches!(char, ' '..='~')) && text.len() <= USER_AGENT_LENGTH;
                prop_assert!(!plain || kept(text.as_bytes()) == text);
                Ok(())
            },
        );
    }
}
