//! Logging in by SMS and by Telegram.

use serde_json::{Value, json};
use test_support::{BOT_TOKEN, Client, sign};

use crate::samples::{Class, nothing_tells_them_apart};
use crate::stage::Stage;

/// Phones of the same length: of whom, and how it is typed.
const PHONES: [(&str, &str); 7] = [
    ("known", "+447400100001"),
    ("unknown", "+447400100002"),
    ("of an account with a password", "+447400100003"),
    ("blocked", "+447400100004"),
    ("staff", "+447400100005"),
    ("imported", "+447400100006"),
    ("known, with an address", "+447400100007"),
];

fn people(stage: &Stage) {
    stage.database.execute(
        "INSERT INTO users (phone, telegram_id, hashed_password, role, blocked_at, legacy_id, email) VALUES
             ('+447400100001', 1, NULL, 'user', NULL, NULL, NULL),
             ('+447400100003', 3, 'x', 'user', NULL, NULL, NULL),
             ('+447400100004', 4, NULL, 'user', now(), NULL, NULL),
             ('+447400100005', 5, NULL, 'admin', NULL, NULL, NULL),
             ('+447400100006', 6, NULL, 'user', NULL, 17, NULL),
             ('+447400100007', 7, NULL, 'user', NULL, NULL, 'ann@example.com')",
    );
}

fn classes<'a>(
    client: &'a Client,
    ask: impl Fn(&Client, &str) -> test_support::Response + Copy + 'a,
) -> Vec<Class<'a>> {
    let class = |(name, phone): (&'static str, &'static str)| Class {
        name,
        typed: phone.to_owned(),
        ask: Box::new(move || ask(client, phone)),
    };
    PHONES.into_iter().map(class).collect()
}

#[test]
fn a_request_for_a_code_tells_nobody_who_has_an_account_b4() {
    let stage = Stage::new(None);
    people(&stage);
    let client = stage.web.anon();
    let asked =
        classes(&client, |client, phone| client.post("/api/login/sms/request", &json!({"phone": phone})));
    nothing_tells_them_apart("request for a code", &asked);
    assert!(!stage.outbox.messages().is_empty());
}

#[test]
fn a_wrong_code_tells_nobody_who_has_an_account_b4() {
    let stage = Stage::new(None);
    people(&stage);
    for (_, phone) in PHONES {
        assert_eq!(stage.web.anon().post("/api/login/sms/request", &json!({"phone": phone})).status, 202);
    }
    // Five wrong ones use up a code, and these are thousands.
    stage.database.execute(
        "CREATE FUNCTION never_used_up() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN NEW.attempts := 0; RETURN NEW; END $$;",
    );
    stage.database.execute(
        "CREATE TRIGGER forget BEFORE UPDATE ON one_time_codes FOR EACH ROW EXECUTE FUNCTION never_used_up()",
    );
    let client = stage.web.anon();
    let tried = classes(&client, |client, phone| {
        // Six zeros are the right ones once in a million.
        client.post("/api/login/sms/verify", &json!({"phone": phone, "code": "000000"}))
    });
    nothing_tells_them_apart("wrong code", &tried);
}

#[test]
fn a_payload_that_telegram_did_not_sign_tells_nobody_who_has_an_account_b4() {
    let stage = Stage::new(Some(BOT_TOKEN));
    people(&stage);
    let now = stage.database.number("SELECT extract(epoch FROM clock_timestamp())::bigint");
    let client = stage.web.anon();
    let forged: Vec<(&'static str, Value)> = PHONES
        .iter()
        .zip(1_i64..)
        .map(|((name, _), id)| {
            (*name, sign("1:another", &json!({"id": id, "first_name": "Ann", "auth_date": now})))
        })
        .collect();
    let class = |(name, payload): (&'static str, Value)| {
        let client = &client;
        Class {
            name,
            typed: "(nothing is repeated)".to_owned(),
            ask: Box::new(move || client.post("/api/login/telegram", &payload)),
        }
    };
    nothing_tells_them_apart("forged payload", &forged.into_iter().map(class).collect::<Vec<_>>());
}
