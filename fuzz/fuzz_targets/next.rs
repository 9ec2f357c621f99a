//! `next=`: what is taken stays on the site, to every browser that follows it.
#![no_main]

use http_kit::page::OwnPath;
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|text: &str| {
    let Some(path) = OwnPath::parse(text) else { return };
    assert_eq!(path.as_str(), text);
    assert!(text.starts_with('/') && text.bytes().all(|byte| matches!(byte, b'!'..=b'~')));
    for site in ["https://own.example", "http://127.0.0.1:3000"] {
        let base = Url::parse(site).expect("a site").join("/login?next=x").expect("a page");
        for seen in [text.to_owned(), text.replace('\\', "/"), text.replace(['\t', '\n', '\r'], "")] {
            let gone = base.join(&seen).expect("a path");
            assert_eq!(gone.origin(), base.origin());
            assert!(gone.username().is_empty() && gone.password().is_none());
            assert!(!gone.path().starts_with("//"));
        }
    }
    assert!(path.encoded().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%+-._*".contains(&byte)));
});
