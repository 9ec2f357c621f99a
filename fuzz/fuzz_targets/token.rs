//! A session token: exactly the alphabet passes, as it stands, with an id of its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_management::{SessionToken, TokenRef};

fuzz_target!(|text: &str| {
    let legal = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    let is_token = (6..=255).contains(&text.len()) && text.chars().all(legal);
    let token = SessionToken::parse(text);
    assert_eq!(token.as_ref().map(SessionToken::expose), is_token.then_some(text));
    assert_eq!(TokenRef::parse(text).map(|token| *token.id()), token.as_ref().map(SessionToken::id));
    if let Some(token) = token {
        assert_eq!(token.id().as_str().len(), 43);
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
    }
});
