//! A place of our own to go on to: the one kind of `next=` that anyone is sent to.

use std::fmt;

use actix_web::HttpRequest;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::is_at_or_below;

/// Characters at most.
const LENGTH: usize = 1024;

/// Where every address of ours begins, whatever that is; only to see what a browser would make of a path.
const BASE: &str = "https://own.invalid";

/// Pages that lead on: whoever was sent there would be sent in a circle.
const WAYS: &[&str] = &["/login", "/logout", "/register"];

/// A path on this site, with or without a query. It cannot be anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPath(String);

impl OwnPath {
    /// Reads a path. `None` for everything that any browser could take for another site, that is not in its plain form,
    /// or that would lead in a circle.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text.len() <= LENGTH && text.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
        if !is_plain || !text.starts_with('/') || text.contains(['\\', '#']) {
            return None;
        }
        let path = text.split('?').next().unwrap_or_default();
        let decoded = resolved(path);
        let is_way = WAYS.iter().any(|way| is_at_or_below(&decoded, way));
        let has_dots = decoded.split('/').any(|part| matches!(part, "." | ".."));
        let is_odd =
            decoded.contains("//") || decoded.contains('\\') || decoded.chars().any(char::is_control);
        if is_way || has_dots || is_odd {
            return None;
        }
        let seen = Url::parse(BASE).and_then(|base| base.join(text)).ok()?;
        let stays = seen.as_str().strip_prefix(BASE).is_some_and(|rest| rest.starts_with('/'));
        stays.then(|| Self(text.to_owned()))
    }

    /// As it stands in a link.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in another address' query.
    #[must_use]
    pub fn encoded(&self) -> String {
        form_urlencoded::byte_serialize(self.0.as_bytes()).collect()
    }
}

/// A path with its percent signs resolved until nothing is left to resolve: some server or browser might do so twice.
fn resolved(path: &str) -> String {
    let mut path = path.to_owned();
    loop {
        let decoded = percent_encoding::percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if decoded == path {
            return path;
        }
        path = decoded;
    }
}

/// Where a person wanted to go when they were asked to log in. What is none of our own paths counts as nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Next(Option<OwnPath>);

impl Next {
    /// As the query of a request has it.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        let mut pairs = form_urlencoded::parse(request.query_string().as_bytes());
        Self(pairs.find(|(name, _)| name == "next").and_then(|(_, value)| OwnPath::parse(&value)))
    }

    /// There, or else to the usual place.
    #[must_use]
    pub fn or(&self, usual: &'static str) -> &str {
        self.0.as_ref().map_or(usual, OwnPath::as_str)
    }

    /// A page on the way there.
    #[must_use]
    pub fn by(&self, path: &str) -> String {
        match &self.0 {
            Some(next) => format!("{path}?next={}", next.encoded()),
            None => path.to_owned(),
        }
    }
}

/// As it stands in a form: empty for nowhere.
impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.or(""))
    }
}

impl<'de> Deserialize<'de> for Next {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(OwnPath::parse(&String::deserialize(deserializer)?)))
    }
}

impl From<Option<OwnPath>> for Next {
    fn from(path: Option<OwnPath>) -> Self {
        Self(path)
    }
}

impl fmt::Display for OwnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, any_text, for_all};

    use super::*;

    #[test]
    fn own_paths_are_taken_as_they_are() {
        for path in
            ["/", "/account", "/users/1?page=2&query=a%20b", "/a.b/c-d_e~f", "/account?x=//y", "/loginx"]
        {
            assert_eq!(OwnPath::parse(path).unwrap().as_str(), path);
        }
        assert_eq!(OwnPath::parse("/a?b=c&d").unwrap().encoded(), "%2Fa%3Fb%3Dc%26d");
    }

    #[test]
    fn whatever_could_be_another_site_is_none() {
        for text in [
            "",
            " ",
            "account",
            "?a",
            "#a",
            "//evil.example",
            "///evil.example",
            "////evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/\\/evil.example",
            "https:evil.example",
            "https://evil.example",
            "http://evil.example",
            "HTTPS://evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "ftp://evil.example",
            "mailto:a@b",
            "/%2fevil.example",
            "/%2Fevil.example",
            "%2f%2fevil.example",
            "/%5cevil.example",
            "/%5Cevil.example",
            "/%252fevil.example",
            "/%25252fevil.example",
            "/a//evil.example",
            "/a/%2f/evil.example",
            "/./evil",
            "/../evil",
            "/a/../..//evil.example",
            "/%2e%2e/evil",
            "/.%2e/evil",
            "/%2e/evil",
            "/..;/x\\",
            "/\tevil.example",
            "/\n/evil.example",
            "/\r\nSet-Cookie: a=b",
            "/a\r\nb",
            "\t//evil.example",
            "\n//evil.example",
            " //evil.example",
            "/ /evil.example",
            "/a b",
            "/%0d%0aa:b",
            "/%00",
            "/\0",
            "/a\u{7f}",
            "/%7f",
            "/é",
            "/\u{202e}",
            "/\u{2028}x",
            "//evil.example@own",
            "//own@evil.example",
            "@evil.example",
            "/a#b",
            "/#//evil.example",
            "///",
            "//",
            "/\u{ff0f}evil.example",
            "\u{ff0f}\u{ff0f}evil.example",
            "/login",
            "/login?next=/login",
            "/login/sms",
            "/logout",
            "/register",
            "/%6cogin",
            "/%6Cogout",
            "//[::1]",
            "//0x7f000001",
            "/\\[::1]",
            "https://own.invalid/",
            "//own.invalid/a",
        ] {
            assert_eq!(OwnPath::parse(text), None, "{text:?}");
        }
        assert_eq!(OwnPath::parse(&format!("/{}", "a".repeat(LENGTH))), None);
    }

    const EXAMPLES: &[&str] = &[
        "/account",
        "/users/1?page=2&query=a%20b#top",
        "//evil.example/a",
        "/\\evil.example",
        "/%2fevil.example",
        "/%255cevil.example",
        "/a/%2e%2e//evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/;@evil.example:80/",
        "/.//evil.example",
        "/login?next=/account",
    ];

    /// What the strictest of browsers, servers and proxies between them could make of a text: white space that they skip, the
    /// other slash, percent signs resolved, and that again.
    fn could_be_seen_as(text: &str) -> Vec<String> {
        let mut seen = vec![text.to_owned()];
        for _ in 0..6 {
            let last = seen.last().unwrap();
            let decoded = percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned();
            let skipped: String =
                decoded.chars().filter(|char| !matches!(char, '\t' | '\n' | '\r')).collect();
            let skipped = skipped.trim_matches(|char: char| char <= ' ').replace('\\', "/");
            seen.extend([decoded, skipped]);
        }
        seen
    }

    #[test]
    fn of_any_text_a_path_is_on_this_site_to_whoever_reads_it() {
        for_all("next=", any_or_almost(EXAMPLES), |text| {
            let Some(path) = OwnPath::parse(&text) else { return Ok(()) };
            prop_assert_eq!(path.as_str(), &text);
            let (before_query, _) = text.split_once('?').unwrap_or((&text, ""));
            for seen in could_be_seen_as(before_query) {
                prop_assert!(seen.starts_with('/') && !seen.starts_with("//"), "{seen:?}");
                prop_assert!(!seen.contains(['\r', '\n', '\0']), "{seen:?}");
            }
            for site in ["https://own.example", "http://127.0.0.1:3000", "https://own.example:8443"] {
                for page in ["/", "/login?next=%2F", "/a/b/c"] {
                    let base = Url::parse(&format!("{site}{page}")).unwrap();
                    let gone = base.join(&text).unwrap();
                    prop_assert_eq!(gone.origin(), base.origin());
                    prop_assert!(gone.username().is_empty() && gone.password().is_none());
                    let rest = gone.as_str().strip_prefix(site).unwrap_or_default();
                    prop_assert!(rest.starts_with('/') && !rest.starts_with("//"), "{gone}");
                }
            }
            Ok(())
        });
    }

    #[test]
    fn every_plain_path_is_taken_and_comes_back_by_the_way_of_a_login() {
        let path = "(/[a-z0-9._~-]{1,10}){1,4}(\\?[a-z0-9=&%+/:.-]{0,20})?";
        for_all("next=, round trip", path, |text| {
            let dots = text.split('?').next().unwrap().split('/').any(|part| matches!(part, "." | ".."));
            let is_way = WAYS.iter().any(|way| is_at_or_below(text.split('?').next().unwrap(), way));
            prop_assert_eq!(OwnPath::parse(&text).is_some(), !dots && !is_way);
            prop_assume!(!dots && !is_way);
            let by = Next(OwnPath::parse(&text)).by("/login");
            let request = actix_web::test::TestRequest::with_uri(&by).to_http_request();
            let next = Next::of(&request);
            prop_assert_eq!(next.or("/"), &text);
            Ok(())
        });
    }

    #[test]
    fn of_any_query_the_next_is_one_of_its_values_and_an_own_path() {
        let value = prop_oneof![any_or_almost(EXAMPLES), any_text()];
        let name = prop_oneof![3 => Just("next".to_owned()), 1 => any_text()];
        for_all("query of a login", prop::collection::vec((name, value), 0..4), |pairs| {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let request =
                actix_web::test::TestRequest::with_uri(&format!("/login?{query}")).to_http_request();
            let first = pairs.iter().find(|(name, _)| name == "next").map(|(_, value)| value.as_str());
            let expected = first.filter(|value| OwnPath::parse(value).is_some());
            let next = Next::of(&request);
            prop_assert_eq!(next.or("nowhere"), expected.unwrap_or("nowhere"));
            Ok(())
        });
    }
}
