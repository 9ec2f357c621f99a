//! The headers that may carry a token: a line each, `C` before a cookie's and `A` before an authorization.
#![no_main]

use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};
use http_kit::{Carrier, Presented};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let names = ["__Host-sessionId".to_owned(), "sessionId".to_owned(), "auth_token".to_owned()];
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some((kind, value)) = line.split_first() else { continue };
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        headers.append(if *kind == b'A' { AUTHORIZATION } else { COOKIE }, value);
    }
    let presented = Presented::of(&headers, &names);
    let authorizations: Vec<&HeaderValue> = headers.get_all(AUTHORIZATION).collect();
    match presented.deciding() {
        Ok(Some((Carrier::Bearer, token))) => {
            assert_eq!(authorizations.len(), 1);
            let value = authorizations[0].to_str().expect("one that was read").trim_end_matches(' ');
            assert!(value.ends_with(token) && value[..6].eq_ignore_ascii_case("bearer"));
        }
        Ok(Some((carrier, token))) => {
            // The one cookie of its name, and of the names before it there is none.
            let named = |name: &str| -> Vec<&str> {
                let lines = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
                let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
                let own = pairs.filter(|(known, _)| known.trim_matches([' ', '\t']) == name);
                own.map(|(_, value)| value.trim_matches([' ', '\t'])).collect()
            };
            let all: Vec<Vec<&str>> = names.iter().map(|name| named(name)).collect();
            assert!(all.iter().all(|values| values.len() <= 1));
            let first = all.iter().position(|values| !values.is_empty()).expect("a cookie");
            assert_eq!(token, all[first][0]);
            assert_eq!(carrier, if first == 0 { Carrier::Cookie } else { Carrier::LegacyCookie });
        }
        Ok(None) => assert!(presented.own().is_none()),
        Err(_) => assert!(headers.len() > 1 || presented.own().is_none()),
    }
    for token in presented.all() {
        assert!(
            token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        );
    }
});
