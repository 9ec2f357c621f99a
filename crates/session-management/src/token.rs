//! What a client holds: a token. It is hashed at the edge, and nothing but the digest goes further.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_db::SessionId;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes of randomness in a token of ours.
const RANDOM_BYTES: usize = 32;

/// Lengths that a token of the older software may have. Ours, of 43 characters, lie within.
const LENGTHS: std::ops::RangeInclusive<usize> = 6..=255;

/// A session token with the id it hashes to. It prints nothing; whoever needs its text asks for it by name.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken {
    text: Zeroizing<String>,
    id: SessionId,
}

impl SessionToken {
    /// Draws a new token.
    ///
    /// # Panics
    /// When the operating system gives no random bytes; no session could be safe then.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0_u8; RANDOM_BYTES]);
        getrandom::fill(bytes.as_mut()).expect("the operating system gives random bytes");
        Self::hashed(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
    }

    /// A token as a client sent it; `None` for a text that no token can have. Such a text reaches no store:
    /// with `admin:…` a client could otherwise name another application's key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        TokenRef::parse(text).map(|token| token.to_token())
    }

    fn hashed(text: String) -> Self {
        let id = digest(&text);
        Self { text: Zeroizing::new(text), id }
    }

    /// The id under which the stores know the session of this token.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The text itself, for the client's cookie or answer.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

/// A token as it stands in a request: hashed, and not copied.
#[derive(Clone, Copy)]
pub struct TokenRef<'a> {
    text: &'a str,
    id: SessionId,
}

impl<'a> TokenRef<'a> {
    /// As [`SessionToken::parse`].
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        is_token(text).then(|| Self { text, id: digest(text) })
    }

    /// As [`SessionToken::id`].
    #[must_use]
    pub const fn id(&self) -> &SessionId {
        &self.id
    }

    /// A token that outlives the request's headers.
    #[must_use]
    pub fn to_token(&self) -> SessionToken {
        SessionToken { text: Zeroizing::new(self.text.to_owned()), id: self.id }
    }
}

impl fmt::Debug for TokenRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenRef(…)")
    }
}

fn is_token(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    LENGTHS.contains(&text.len()) && text.bytes().all(legal)
}

fn digest(text: &str) -> SessionId {
    let mut encoded = [0_u8; SessionId::LENGTH];
    let length = URL_SAFE_NO_PAD.encode_slice(Sha256::digest(text.as_bytes()), &mut encoded);
    let id = length.ok().and_then(|_| SessionId::parse(std::str::from_utf8(&encoded).ok()?));
    id.expect("a SHA-256 in base64url has the form of an id")
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn tokens_are_43_url_safe_characters_and_never_the_same_b2() {
        let tokens: HashSet<String> =
            (0..10_000).map(|_| SessionToken::generate().expose().to_owned()).collect();
        assert_eq!(tokens.len(), 10_000);
        assert!(tokens.iter().all(|token| token.len() == 43 && SessionToken::parse(token).is_some()));
    }

    #[test]
    fn the_id_is_the_sha_256_in_base64url_f9() {
        let token = SessionToken::parse("abcdef").unwrap();
        assert_eq!(token.id().as_str(), "vvV-x_U6bUC-tkCngKY5yDvCmsipgW8fxsXG3Nk8RyE");
    }

    #[test]
    fn what_no_token_can_be_is_refused_f8() {
        for text in ["", "abcde", "admin:abcdefgh", "a b c d e f", "abcdef\0", "ключключ", &"a".repeat(256)]
        {
            assert!(SessionToken::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_token_prints_nothing() {
        let token = SessionToken::generate();
        assert!(!format!("{token:?}").contains(token.expose()));
    }

    #[test]
    fn of_any_text_exactly_the_alphabet_passes_and_as_it_stands_f8() {
        const EXAMPLES: &[&str] = &[
            "abcdef",
            "admin:abcdef",
            "Zm9vYmFy-_Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyXYZ",
            "%61bcdef",
            " abcdef",
        ];
        let long = prop_oneof!["[A-Za-z0-9_-]{0,300}", "[A-Za-z0-9_-]{250,260}"];
        for_all("session token", prop_oneof![any_or_almost(EXAMPLES), long], |text| {
            let outside = |char: char| !matches!(char, 'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_');
            let is_token = !text.contains(outside) && text.len() > 5 && text.len() < 256;
            let parsed = SessionToken::parse(&text);
            prop_assert_eq!(parsed.as_ref().map(SessionToken::expose), is_token.then_some(text.as_str()));
            prop_assert_eq!(
                TokenRef::parse(&text).map(|token| *token.id()),
                parsed.as_ref().map(SessionToken::id)
            );
            if let Some(token) = parsed {
                let digest = URL_SAFE_NO_PAD.decode(token.id().as_str()).unwrap();
                prop_assert_eq!(digest, Sha256::digest(&text).to_vec());
            }
            Ok(())
        });
    }
}
