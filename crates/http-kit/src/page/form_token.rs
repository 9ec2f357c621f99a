//! What proves that a form came from a page that we gave to this person.
//!
//! It is an HMAC under what the person's browser holds anyway: the session token, or for a stranger the value of a cookie
//! of its own. So nothing is stored, a token ends with its session, and one session's is of no use to another.

use std::fmt;

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use constants::cookie;
use hmac::{Hmac, KeyInit, Mac};
use session_management::SessionToken;
use sha2::Sha256;
use templates::FormToken;
use zeroize::Zeroizing;

use crate::carrier;
use crate::problem::{Code, Problem};
use crate::settings::Settings;

const OF_SESSION: &[u8] = b"form of a session, 1";
const OF_STRANGER: &[u8] = b"form of a stranger, 1";

/// Bytes of randomness in a stranger's key, and characters of it.
const RANDOM_BYTES: usize = 32;
const LENGTH: usize = 43;

/// What a form token is made under. It prints nothing.
pub(super) struct FormKey {
    text: Zeroizing<String>,
    purpose: &'static [u8],
}

impl FormKey {
    /// For the pages of a session.
    pub(super) fn of_session(token: &SessionToken) -> Self {
        Self { text: token.expose().to_owned().into(), purpose: OF_SESSION }
    }

    /// For the pages of a stranger who has a key already.
    pub(super) fn of_stranger(request: &HttpRequest, settings: &Settings) -> Option<Self> {
        let name = settings.cookies.aside_name(cookie::form_key(settings.context()));
        let key = carrier::cookie(request.headers(), &name)?;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_key = key.len() == LENGTH && key.bytes().all(legal);
        is_key.then(|| Self { text: key.to_owned().into(), purpose: OF_STRANGER })
    }

    /// For a stranger who has none.
    pub(super) fn draw() -> Result<Self, Problem> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| Problem::new(Code::Internal))?;
        Ok(Self { text: URL_SAFE_NO_PAD.encode(bytes).into(), purpose: OF_STRANGER })
    }

    /// For the cookie that keeps it.
    pub(super) fn expose(&self) -> &str {
        &self.text
    }

    /// The token that stands in forms.
    pub(super) fn token(&self) -> FormToken {
        let text = self.mac().map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        // None that `made` would take: it makes no MAC then either.
        text.unwrap_or_default().into()
    }

    /// Whether a form brought that token; compared in constant time.
    pub(super) fn made(&self, token: &str) -> bool {
        let (Some(mac), Ok(bytes)) = (self.mac(), URL_SAFE_NO_PAD.decode(token)) else { return false };
        mac.verify_slice(&bytes).is_ok()
    }

    fn mac(&self) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::new_from_slice(self.text.as_bytes()).ok()?;
        mac.update(self.purpose);
        Some(mac)
    }
}

impl fmt::Debug for FormKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn a_token_is_of_its_key_and_purpose_alone() {
        let token = SessionToken::generate();
        let own = FormKey::of_session(&token);
        let text = own.token().to_string();
        assert!(own.made(&text));
        assert!(!FormKey::of_session(&SessionToken::generate()).made(&text));
        let stranger = FormKey { text: token.expose().to_owned().into(), purpose: OF_STRANGER };
        assert!(!stranger.made(&text));
        for wrong in ["", "a", token.expose(), &text[1..], &format!("{text}A")] {
            assert!(!own.made(wrong), "{wrong}");
        }
        assert!(!format!("{own:?}").contains(token.expose()));
        assert!(!format!("{:?}", own.token()).contains(&text));
    }

    #[test]
    fn of_any_text_a_form_token_is_the_one_that_was_made() {
        // Made once, so that almost the right one is tried, too.
        let key = FormKey { text: "abcdefghij".to_owned().into(), purpose: OF_SESSION };
        let made: &'static str = key.token().to_string().leak();
        let examples: &'static [&'static str] = vec![made].leak();
        for_all("form token", any_or_almost(examples), |text| {
            prop_assert_eq!(key.made(&text), text == made);
            Ok(())
        });
    }
}
