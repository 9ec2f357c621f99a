//! Which payloads are Telegram's, beside a signature that another program has made.

use proptest::prelude::*;
use proptest::sample::select;
use test_support::{any_or_almost, any_text, for_all};

use super::*;

const TOKEN: &str = "1234567890:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Made with Python's `hmac` and `hashlib`.
const KNOWN: [(&str, &str); 6] = [
    ("id", "424242"),
    ("first_name", "Анна"),
    ("username", "ann"),
    ("photo_url", "https://t.me/i/userpic/320/ann.jpg"),
    ("auth_date", "1700000000"),
    ("hash", "e4515e496987be4eb29eb260cbc07fd39e444f5a6b61eac6654ec192d124cc68"),
];

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn verify(fields: BTreeMap<String, String>) -> Option<TelegramIdentity> {
    LoginWidget::of_bot(TOKEN).unwrap().verify(&TelegramFields(fields))
}

/// With the right signature of whatever they say.
fn signed(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut fields = fields(pairs);
    fields.remove("hash");
    let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut mac = Hmac::<Sha256>::new_from_slice(&Sha256::digest(TOKEN)).unwrap();
    mac.update(lines.join("\n").as_bytes());
    let hash = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    fields.insert("hash".into(), hash);
    fields
}

#[test]
fn a_payload_of_the_reference_is_accepted_b4() {
    let TelegramIdentity(payload) = verify(fields(&KNOWN)).unwrap();
    assert_eq!((payload.telegram_id, payload.signed_at), (424_242, 1_700_000_000));
    assert_eq!(payload.digest[..4], [0xc8, 0x87, 0xf5, 0xfa]);
    // Another spelling of the signature is the same payload, and so counts no second time.
    let upper = KNOWN[5].1.to_uppercase();
    let mut again = fields(&KNOWN);
    again.insert("hash".into(), upper);
    assert_eq!(verify(again).unwrap().0.digest, payload.digest);
}

#[test]
fn any_change_of_any_field_is_refused_b4() {
    for (name, value) in KNOWN {
        let mut without = fields(&KNOWN);
        without.remove(name);
        assert_eq!(verify(without), None, "without {name}");
        for other in
            [String::new(), format!("{value} "), format!("{value}0"), value.chars().skip(1).collect()]
        {
            let mut changed = fields(&KNOWN);
            changed.insert(name.into(), other.clone());
            assert_eq!(verify(changed), None, "{name}={other}");
        }
    }
    for added in ["", "a", "last_name", "zzz", "Hash"] {
        let mut more = fields(&KNOWN);
        more.insert(added.into(), "x".into());
        assert_eq!(verify(more), None, "with {added:?}");
    }
    let other_bot = LoginWidget::of_bot(&TOKEN.replace(":A", ":B")).unwrap();
    assert_eq!(other_bot.verify(&TelegramFields(fields(&KNOWN))), None);
}

#[test]
fn a_field_that_nobody_knows_counts_when_it_is_signed_b4() {
    let unknown = [("id", "1"), ("auth_date", "1700000000"), ("is_premium", "true"), ("new_2027", "ж")];
    assert!(verify(signed(&unknown)).is_some());
}

#[test]
fn a_name_with_a_line_break_makes_nobody_another_person_b4() {
    // Telegram has signed a person 42 who calls themselves "Ann\nid=1"; here the line is a field of its own.
    let text = [("auth_date", "1700000000"), ("first_name", "Ann\nid=1"), ("id", "42")];
    assert_eq!(verify(signed(&text)), None);
    let text = [("auth_date", "1700000000"), ("first_name", "Ann"), ("id", "1"), ("id=42\nlast_name", "x")];
    assert_eq!(verify(signed(&text)), None);
}

#[test]
fn signed_nonsense_is_refused_b4() {
    for (name, value) in [
        ("id", "0"),
        ("id", "-1"),
        ("id", "+1"),
        ("id", "1.0"),
        ("id", "99999999999999999999"),
        ("id", ""),
        ("auth_date", ""),
        ("auth_date", "-5"),
        ("auth_date", "1e9"),
        ("auth_date", "253402300800"),
    ] {
        let mut pairs = vec![("id", "1"), ("auth_date", "1700000000")];
        pairs.retain(|(known, _)| *known != name);
        pairs.push((name, value));
        assert_eq!(verify(signed(&pairs)), None, "{name}={value}");
    }
    assert_eq!(verify(BTreeMap::new()), None);
}

#[test]
fn a_text_that_is_no_token_makes_no_widget_and_nothing_is_printed() {
    for text in [
        "",
        ":",
        "123",
        "x:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "1:AAAA",
        "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/",
    ] {
        assert!(LoginWidget::of_bot(text).is_none(), "{text}");
    }
    let printed = format!("{:?} {:?}", LoginWidget::of_bot(TOKEN), TelegramFields(fields(&KNOWN)));
    assert_eq!(printed, "Some(LoginWidget(…)) TelegramFields(…)");
}

#[test]
fn only_what_was_signed_is_accepted_b4() {
    let pairs = prop::collection::btree_map("[a-z_]{0,8}", ".{0,20}", 0..6);
    for_all("Telegram payload, signed", (pairs, 1_i64..1 << 52, 1_i64..1 << 52), |(pairs, id, victim)| {
        let (id, victim) = (id.to_string(), victim.to_string());
        let mut all: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.retain(|(name, _)| !matches!(*name, "id" | "auth_date"));
        all.extend([("id", id.as_str()), ("auth_date", "1700000000")]);
        let fields = signed(&all);
        if let Some(TelegramIdentity(payload)) = verify(fields.clone()) {
            prop_assert_eq!(payload.telegram_id.to_string(), id.clone());
        }
        let mut stolen = fields;
        stolen.insert("id".into(), victim.clone());
        prop_assert!(id == victim || verify(stolen).is_none());
        Ok(())
    });
}

#[test]
fn of_a_signed_payload_no_changed_added_or_missing_field_is_accepted_b4() {
    let name = prop_oneof![3 => select(KNOWN.map(|(name, _)| name.to_owned()).to_vec()), 1 => any_text()];
    let changes = prop::collection::vec((name, prop::option::of(any_text())), 1..4);
    for_all("Telegram payload, changed", changes, |changes| {
        let (genuine, mut changed) = (fields(&KNOWN), fields(&KNOWN));
        for (name, value) in changes {
            match value {
                Some(value) => drop(changed.insert(name, value)),
                None => drop(changed.remove(&name)),
            }
        }
        prop_assert_eq!(verify(changed.clone()).is_some(), changed == genuine);
        Ok(())
    });
}

#[test]
fn whatever_stands_for_the_signature_only_the_signature_is_one_b4() {
    const EXAMPLES: &[&str] = &[KNOWN[5].1];
    for_all("Telegram payload, its signature", any_or_almost(EXAMPLES), |hash| {
        let mut changed = fields(&KNOWN);
        changed.insert("hash".into(), hash.clone());
        prop_assert_eq!(verify(changed).is_some(), hash.eq_ignore_ascii_case(KNOWN[5].1));
        Ok(())
    });
}

#[test]
fn of_any_text_a_bot_s_token_is_a_number_and_35_characters_b4() {
    const EXAMPLES: &[&str] = &[TOKEN, "0:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-_9"];
    for_all("bot token", any_or_almost(EXAMPLES), |text| {
        let is_token = text.split_once(':').is_some_and(|(id, secret)| {
            let is_id = !id.is_empty() && id.chars().all(|char| char.is_ascii_digit());
            let legal = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
            is_id && secret.chars().count() == 35 && secret.chars().all(legal)
        });
        prop_assert_eq!(LoginWidget::of_bot(&text).is_some(), is_token);
        Ok(())
    });
}
