//! Which tokens a request carries, and which of them decides.

use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use session_management::SessionToken;

use crate::problem::{Code, Problem};

/// How the deciding token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer`.
    Bearer,
    /// The application's own cookie.
    Cookie,
    /// A cookie of the older software.
    LegacyCookie,
}

/// Names that one application reads at most: its own cookie and two of the older software.
const NAMES: usize = 3;

/// The tokens of a request, as they stand in its headers. The first present one decides, and no other is
/// tried; all of them end at login and at logout.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    headers: &'a HeaderMap,
    names: &'a [String],
    bearer: Option<&'a str>,
    /// The first cookie of each name.
    cookies: [Option<&'a str>; NAMES],
    problem: Option<&'static str>,
}

impl<'a> Presented<'a> {
    /// Reads the headers of a request. `names` are the cookies that count, the application's own first.
    #[must_use]
    pub fn of(headers: &'a HeaderMap, names: &'a [String]) -> Self {
        let mut presented = Self { headers, names, bearer: None, cookies: [None; NAMES], problem: None };
        let mut authorizations = headers.get_all(AUTHORIZATION);
        if let Some(value) = authorizations.next() {
            presented.bearer = value.to_str().ok().and_then(bearer);
            if authorizations.next().is_some() {
                presented.problem = Some("malformed-authorization");
            }
        }
        for (name, value) in cookies(headers) {
            let Some(position) = names.iter().position(|known| known == name) else { continue };
            if let Some(cookie) = presented.cookies.get_mut(position)
                && cookie.replace(value).is_some()
            {
                presented.problem = Some("malformed-cookies");
            }
        }
        presented
    }

    /// The token that decides, and how it came.
    ///
    /// # Errors
    /// When a cookie or the header came twice: which one is meant nobody knows.
    pub fn deciding(&self) -> Result<Option<(Carrier, &'a str)>, Problem> {
        if let Some(message) = self.problem {
            return Err(Problem::new(Code::MalformedRequest).because(message));
        }
        if let Some(token) = self.bearer {
            return Ok(Some((Carrier::Bearer, token)));
        }
        let mut cookies = self.cookies.iter().enumerate();
        Ok(cookies.find_map(|(position, cookie)| {
            let carrier = if position == 0 { Carrier::Cookie } else { Carrier::LegacyCookie };
            cookie.map(|token| (carrier, token))
        }))
    }

    /// The token that decides, where it came in a way of our own.
    #[must_use]
    pub fn own(&self) -> Option<&'a str> {
        match self.deciding() {
            Ok(Some((Carrier::Bearer | Carrier::Cookie, token))) => Some(token),
            _ => None,
        }
    }

    /// Every token that is one, each once.
    #[must_use]
    pub fn all(&self) -> Vec<SessionToken> {
        let bearers =
            self.headers.get_all(AUTHORIZATION).filter_map(|value| value.to_str().ok()).filter_map(bearer);
        let named = cookies(self.headers).filter(|(name, _)| self.names.iter().any(|known| known == name));
        let mut all: Vec<SessionToken> = Vec::new();
        for token in bearers.chain(named.map(|(_, value)| value)).filter_map(SessionToken::parse) {
            if !all.contains(&token) {
                all.push(token);
            }
        }
        all
    }
}

/// Whether a request is one of a program rather than of a browser that adds its cookies by itself.
pub(crate) fn has_bearer(headers: &HeaderMap) -> bool {
    headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer).is_some()
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// The first cookie of this name. One that cannot be read does not keep the others from being read.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    cookies(headers).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Every cookie of every `Cookie` header, as it stands. Names are compared exactly, since a browser's
/// promise about `__Host-` holds for that spelling alone.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.trim_matches([' ', '\t']), value.trim_matches([' ', '\t'])))
}

#[cfg(test)]
mod tests {
    use actix_web::cookie;
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    fn headers(headers: &[(HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn names() -> Vec<String> {
        vec!["sessionId".into(), "auth_token".into()]
    }

    fn deciding(given: &[(HeaderName, &str)]) -> Option<(Carrier, String)> {
        let (headers, names) = (headers(given), names());
        Presented::of(&headers, &names)
            .deciding()
            .unwrap()
            .map(|(carrier, token)| (carrier, token.to_owned()))
    }

    #[test]
    fn the_first_present_token_decides_even_when_it_is_none() {
        let both = [(COOKIE, "auth_token=legacy1; sessionId=cookie1"), (AUTHORIZATION, "bearer token1")];
        assert_eq!(deciding(&both), Some((Carrier::Bearer, "token1".into())));
        assert_eq!(Presented::of(&headers(&both), &names()).all().len(), 3);
        let broken = [(COOKIE, "sessionId=cookie1"), (AUTHORIZATION, "Bearer admin:x")];
        assert_eq!(deciding(&broken), Some((Carrier::Bearer, "admin:x".into())));
        assert_eq!(Presented::of(&headers(&broken), &names()).own(), Some("admin:x"));
        let basic = [(COOKIE, "sessionId=cookie1"), (AUTHORIZATION, "Basic abcdef")];
        assert_eq!(deciding(&basic), Some((Carrier::Cookie, "cookie1".into())));
        assert_eq!(
            deciding(&[(COOKIE, "auth_token=legacy1")]),
            Some((Carrier::LegacyCookie, "legacy1".into()))
        );
        assert_eq!(deciding(&[]), None);
    }

    #[test]
    fn a_cookie_that_comes_twice_decides_nothing_and_both_can_be_ended() {
        for twice in [
            vec![(COOKIE, "sessionId=aaaaaa; sessionId=bbbbbb")],
            vec![(COOKIE, "sessionId=aaaaaa"), (COOKIE, "sessionId=bbbbbb")],
        ] {
            let (headers, names) = (headers(&twice), names());
            let presented = Presented::of(&headers, &names);
            assert!(presented.deciding().is_err());
            assert_eq!(presented.all().len(), 2);
        }
    }

    #[test]
    fn names_are_compared_exactly() {
        assert_eq!(deciding(&[(COOKIE, "SessionId=aaaaaa; xsessionId=b; sessionIdx=c")]), None);
    }

    /// A header of any bytes that one can have.
    fn any_header(examples: &'static [&'static str]) -> impl Strategy<Value = HeaderValue> {
        any_or_almost(examples)
            .prop_filter_map("no header", |text| HeaderValue::from_bytes(text.as_bytes()).ok())
    }

    #[test]
    fn of_any_cookie_header_the_values_are_those_that_another_parser_sees_f8() {
        const EXAMPLES: &[&str] = &[
            "sessionId=abcdefghij",
            "a=b; sessionId=abcdefghij; auth_token=klmnopqrst",
            "sessionId=abcdefghij; sessionId=klmnopqrst",
            "sessionId=\"abcdefghij\"; SessionId=x; __host-sessionId=y",
            "sessionId = abcdefghij ;auth_token=;;=; =x; sessionid",
            "sessionId=a=b=c; auth_token=a%3Bb",
        ];
        for_all("Cookie header", prop::collection::vec(any_header(EXAMPLES), 1..4), |values| {
            let mut headers = HeaderMap::new();
            values.iter().for_each(|value| headers.append(COOKIE, value.clone()));
            let names = names();
            let presented = Presented::of(&headers, &names);
            let mut seen = [Vec::new(), Vec::new()];
            for value in values.iter().filter_map(|value| value.to_str().ok()) {
                for pair in value.split(';') {
                    let Ok(cookie) = cookie::Cookie::parse(pair) else { continue };
                    // That parser takes quotes away, with which no value is a token.
                    let quoted = format!("\"{}\"", cookie.value());
                    let value = if pair.trim().ends_with(&quoted) { &quoted } else { cookie.value() };
                    let position = names.iter().position(|name| name == cookie.name());
                    position.into_iter().for_each(|position| seen[position].push(value.to_owned()));
                }
            }
            let twice = seen.iter().any(|values| values.len() > 1);
            let first = seen.iter().position(|values| !values.is_empty());
            match presented.deciding() {
                Err(_) => prop_assert!(twice),
                Ok(None) => prop_assert!(!twice && first.is_none()),
                Ok(Some((carrier, token))) => {
                    let position = first.unwrap();
                    let expected = if position == 0 { Carrier::Cookie } else { Carrier::LegacyCookie };
                    prop_assert!(!twice);
                    prop_assert_eq!((carrier, token), (expected, seen[position][0].as_str()));
                }
            }
            let tokens: Vec<String> = presented.all().iter().map(|token| token.expose().to_owned()).collect();
            let expected = seen.iter().flatten().filter(|value| SessionToken::parse(value).is_some());
            prop_assert!(expected.clone().all(|value| tokens.contains(value)), "each can be ended");
            prop_assert!(tokens.iter().all(|token| expected.clone().any(|value| value == token)));
            Ok(())
        });
    }

    #[test]
    fn of_any_authorization_only_a_bearer_is_one_and_two_decide_nothing_f8() {
        const EXAMPLES: &[&str] = &[
            "Bearer abcdefghij",
            "bEARER   abcdefghij  ",
            "Bearer",
            "Bearer\tabcdefghij",
            "Basic YTpi",
            "Bearer a, Bearer b",
        ];
        let values = (any_header(EXAMPLES), prop::option::weighted(0.2, any_header(EXAMPLES)));
        for_all("Authorization header", values, |(value, second)| {
            let mut headers = HeaderMap::new();
            headers.append(AUTHORIZATION, value.clone());
            second.iter().for_each(|second| headers.append(AUTHORIZATION, second.clone()));
            let names = names();
            let deciding = Presented::of(&headers, &names).deciding();
            prop_assert_eq!(deciding.is_err(), second.is_some());
            let Ok(deciding) = deciding else { return Ok(()) };
            let text = value.to_str().unwrap_or_default();
            let is_bearer = text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
            let token = is_bearer.then(|| text[7..].trim_matches(' '));
            prop_assert_eq!(deciding, token.map(|token| (Carrier::Bearer, token)));
            Ok(())
        });
    }

    #[test]
    fn a_token_is_read_back_as_it_was_sent_whatever_stands_beside_it_b6() {
        // Of a header that is not ASCII nothing is read.
        let beside = || prop::collection::vec(prop_oneof!["[ -~]{0,40}", "[a-zA-Z_=; \"]{0,20}"], 0..3);
        let parts = ("[A-Za-z0-9_-]{6,255}", beside(), beside());
        for_all("Cookie header, round trip", parts, |(token, before, after)| {
            let known = |text: &String| names().iter().any(|name| text.contains(name.as_str()));
            prop_assume!(!before.iter().chain(&after).any(known));
            let own = format!("sessionId={token}");
            let pairs: Vec<&str> = before
                .iter()
                .map(String::as_str)
                .chain([own.as_str()])
                .chain(after.iter().map(String::as_str))
                .collect();
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap());
            let names = names();
            prop_assert_eq!(Presented::of(&headers, &names).own(), Some(token.as_str()));
            Ok(())
        });
    }
}
