//! A payload of Telegram's Login Widget, as the JSON of a body: none but the one that was signed is anybody's.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use session_management::{LoginWidget, TelegramFields};

static WIDGET: LazyLock<LoginWidget> =
    LazyLock::new(|| LoginWidget::of_bot("1234567890:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").expect("a token"));

/// Signed by another program.
const SIGNED: &[(&str, &str)] = &[
    ("id", "424242"),
    ("first_name", "Анна"),
    ("username", "ann"),
    ("photo_url", "https://t.me/i/userpic/320/ann.jpg"),
    ("auth_date", "1700000000"),
];
const SIGNATURE: &str = "e4515e496987be4eb29eb260cbc07fd39e444f5a6b61eac6654ec192d124cc68";

fuzz_target!(|bytes: &[u8]| {
    let Ok(fields) = serde_json::from_slice::<BTreeMap<String, String>>(bytes) else { return };
    let mut genuine = SIGNED.len() + 1 == fields.len();
    genuine &= SIGNED.iter().all(|(name, value)| fields.get(*name).is_some_and(|text| text == value));
    genuine &= fields.get("hash").is_some_and(|hash| hash.eq_ignore_ascii_case(SIGNATURE));
    assert_eq!(WIDGET.verify(&TelegramFields::new(fields)).is_some(), genuine);
});
