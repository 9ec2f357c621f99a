//! Which tokens a request carries, and which of them decides.

use actix_web::HttpRequest;
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

/// The tokens of a request. The first present one decides, and no other is tried; all of them end at login
/// and at logout.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    carried: Vec<(Carrier, Option<SessionToken>)>,
    problem: Option<&'static str>,
}

impl Presented {
    /// Reads the headers of a request. `names` are the cookies that count, the application's own first.
    #[must_use]
    pub fn of(request: &HttpRequest, names: &[&str]) -> Self {
        Self::read(request.headers(), names)
    }

    fn read(headers: &HeaderMap, names: &[&str]) -> Self {
        let mut presented = Self::default();
        let mut authorizations = headers.get_all(AUTHORIZATION);
        if let Some(value) = authorizations.next() {
            if let Some(token) = value.to_str().ok().and_then(bearer) {
                presented.carried.push((Carrier::Bearer, SessionToken::parse(token)));
            }
            if authorizations.next().is_some() {
                presented.problem = Some("malformed-authorization");
            }
        }
        for (position, name) in names.iter().enumerate() {
            let carrier = if position == 0 { Carrier::Cookie } else { Carrier::LegacyCookie };
            let mut values = cookies(headers).filter(|(known, _)| known == name).map(|(_, value)| value);
            if let Some(value) = values.next() {
                presented.carried.push((carrier, SessionToken::parse(value)));
                for value in values {
                    presented.carried.push((carrier, SessionToken::parse(value)));
                    presented.problem = Some("malformed-cookies");
                }
            }
        }
        presented
    }

    /// The token that decides, and how it came; the token is `None` for a text that no token can be.
    ///
    /// # Errors
    /// When a cookie or the header came twice: which one is meant nobody knows.
    pub fn deciding(&self) -> Result<Option<(Carrier, Option<&SessionToken>)>, Problem> {
        match self.problem {
            Some(message) => Err(Problem::new(Code::MalformedRequest).because(message)),
            None => Ok(self.carried.first().map(|(carrier, token)| (*carrier, token.as_ref()))),
        }
    }

    /// Every token that is one, each once.
    #[must_use]
    pub fn all(&self) -> Vec<SessionToken> {
        let mut all: Vec<SessionToken> = Vec::new();
        for token in self.carried.iter().filter_map(|(_, token)| token.as_ref()) {
            if !all.contains(token) {
                all.push(token.clone());
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
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn presented(headers: &[(actix_web::http::header::HeaderName, &str)]) -> Presented {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        Presented::read(&map, &["sessionId", "auth_token"])
    }

    fn deciding(presented: &Presented) -> Option<(Carrier, Option<String>)> {
        presented.deciding().unwrap().map(|(carrier, token)| (carrier, token.map(|t| t.expose().to_owned())))
    }

    #[test]
    fn the_first_present_token_decides_even_when_it_is_none() {
        let both =
            presented(&[(COOKIE, "auth_token=legacy1; sessionId=cookie1"), (AUTHORIZATION, "bearer token1")]);
        assert_eq!(deciding(&both), Some((Carrier::Bearer, Some("token1".into()))));
        assert_eq!(both.all().len(), 3);
        let broken = presented(&[(COOKIE, "sessionId=cookie1"), (AUTHORIZATION, "Bearer admin:x")]);
        assert_eq!(deciding(&broken), Some((Carrier::Bearer, None)));
        let basic = presented(&[(COOKIE, "sessionId=cookie1"), (AUTHORIZATION, "Basic abcdef")]);
        assert_eq!(deciding(&basic), Some((Carrier::Cookie, Some("cookie1".into()))));
        assert_eq!(deciding(&presented(&[])), None);
    }

    #[test]
    fn a_cookie_that_comes_twice_decides_nothing_and_both_can_be_ended() {
        for twice in [
            vec![(COOKIE, "sessionId=aaaaaa; sessionId=bbbbbb")],
            vec![(COOKIE, "sessionId=aaaaaa"), (COOKIE, "sessionId=bbbbbb")],
        ] {
            let presented = presented(&twice);
            assert!(presented.deciding().is_err());
            assert_eq!(presented.all().len(), 2);
        }
    }

    #[test]
    fn names_are_compared_exactly() {
        assert_eq!(deciding(&presented(&[(COOKIE, "SessionId=aaaaaa; xsessionId=b; sessionIdx=c")])), None);
    }
}
