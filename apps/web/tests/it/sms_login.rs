//! Logging in by a code that is sent to a phone.

use serde_json::{Value, json};
use test_support::{App, Client, Response, TestDatabase, TestOutbox, TestRedis, at_once};

use crate::PASSWORD;

const PHONE: &str = "+447400123456";

/// Web behind a proxy on this machine, with a folder in the place of a gateway.
struct Stack {
    database: TestDatabase,
    redis: TestRedis,
    outbox: TestOutbox,
    app: App,
}

fn stack() -> Stack {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    let builder = App::builder("web").database(&database).redis(&redis);
    let builder = builder.env("OUTBOX_DIR", &outbox.directory()).env("TRUSTED_PROXIES", "127.0.0.1");
    let app = builder.start();
    Stack { database, redis, outbox, app }
}

impl Stack {
    /// Asks for a code and reads it, which can be done as soon as the answer is there.
    #[track_caller]
    fn code(&self, phone: &str) -> String {
        let answer = request(&self.app.anon(), phone);
        assert_eq!(answer.status, 202, "{}", answer.text());
        self.outbox.code_for(phone)
    }

    /// As a day that has passed would.
    fn forget_limits(&self) {
        self.database.execute("UPDATE rate_limits SET window_start = window_start - interval '1 day'");
    }
}

fn request(client: &Client, phone: &str) -> Response {
    client.post("/api/login/sms/request", &json!({"phone": phone}))
}

fn verify(client: &Client, phone: &str, code: &str) -> Response {
    client.post("/api/login/sms/verify", &json!({"phone": phone, "code": code}))
}

/// A code that is not this one.
fn another(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

fn from(app: &App, address: &str) -> Client {
    app.anon().with_header("X-Forwarded-For", address)
}

#[test]
fn the_first_login_makes_a_person_and_the_next_finds_them_b1_b4() {
    let stack = stack();
    let asked = request(&stack.app.anon(), " +44 7400 123-456 ");
    assert_eq!((asked.status, asked.json()), (202, json!({"expires_in": 600})));
    let messages = stack.outbox.messages();
    let code = stack.outbox.code_for(PHONE);
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    let message = messages[0].as_object().unwrap();
    assert_eq!((messages.len(), message.len()), (1, 5), "{message:?}");
    assert_eq!(
        (&message["kind"], &message["to"], &message["link"]),
        (&json!("sms"), &json!(PHONE), &Value::Null)
    );
    assert!(message["body"].as_str().unwrap().contains(&code), "{message:?}");

    let client = stack.app.anon();
    let answer = verify(&client, PHONE, &code);
    let alice = stack.app.actor(client, &answer);
    assert_eq!(answer.member("/user/phone"), PHONE);
    assert_eq!(
        (&answer.json()["user"]["email"], &answer.json()["user"]["role"]),
        (&Value::Null, &json!("user"))
    );
    assert_eq!(alice.me().json()["user"]["id"], alice.user_id);
    // As after a login by password: both cookies, and the token where the older software looks.
    assert_eq!(alice.client.cookie("auth_token"), Some(alice.token.clone()));
    assert_eq!(stack.database.value("SELECT auth_token FROM users"), alice.token);
    assert_eq!(stack.database.value("SELECT auth_method FROM sessions"), "sms");

    let code = stack.code(PHONE);
    let body = json!({"phone": PHONE, "code": code, "transport": "bearer"});
    let answer = stack.app.anon().post("/api/login/sms/verify", &body);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.member("/user/id"), alice.user_id);
    assert_eq!(stack.app.with_bearer(&answer.member("/token")).get("/api/me").status, 200);
    assert_eq!(alice.me().status, 200, "older sessions stay valid");
    assert_eq!(stack.database.value("SELECT auth_token FROM users"), alice.token, "no bearer goes there");
    let actions = stack.database.query("SELECT action, detail->>'method' FROM audit_log ORDER BY id");
    let line = |action: &str| vec![Some(action.to_owned()), Some("sms".to_owned())];
    assert_eq!(actions, [line("user_created"), line("session_created"), line("session_created")]);
}

#[test]
fn a_login_by_code_ends_the_session_that_the_request_carried() {
    let stack = stack();
    let alice = stack.app.register("alice@example.com", PASSWORD);
    let code = stack.code(PHONE);
    let client = alice.client.copy();
    assert_eq!(verify(&client, PHONE, &code).status, 200);
    assert_ne!(client.cookie("sessionId"), Some(alice.token.clone()));
    alice.me().assert_problem(401, "unauthenticated");
}

#[test]
fn of_sixteen_who_use_a_code_at_once_one_gets_in_b4() {
    let stack = stack();
    for round in 0..200 {
        let phone = format!("+4474001{round:05}");
        let address = format!("10.1.{round}.1");
        assert_eq!(request(&from(&stack.app, &address), &phone).status, 202, "round {round}");
        let code = stack.outbox.code_for(&phone);
        let mut statuses = at_once(16, |_| verify(&from(&stack.app, &address), &phone, &code).status);
        statuses.sort_unstable();
        assert_eq!(statuses, [&[200][..], &[401; 15]].concat(), "round {round}");
    }
    assert_eq!(stack.database.number("SELECT count(*) FROM users"), 200);
    assert_eq!(stack.database.number("SELECT count(*) FROM sessions"), 200);
}

#[test]
fn five_wrong_attempts_are_the_last_also_at_once_b4() {
    let stack = stack();
    for round in 0..20 {
        let code = stack.code(PHONE);
        let (wrong, address) = (another(&code), format!("10.1.{round}.1"));
        let answers = at_once(16, |_| verify(&from(&stack.app, &address), PHONE, &wrong));
        answers.iter().for_each(|answer| drop(answer.assert_problem(401, "invalid_credentials")));
        assert_eq!(stack.database.number("SELECT attempts FROM one_time_codes"), 5, "round {round}");
        verify(&stack.app.anon(), PHONE, &code).assert_problem(401, "invalid_credentials");
        stack.forget_limits();
    }
    // Four leave one.
    let code = stack.code(PHONE);
    for _ in 0..4 {
        assert_eq!(verify(&stack.app.anon(), PHONE, &another(&code)).status, 401);
    }
    assert_eq!(verify(&stack.app.anon(), PHONE, &code).status, 200);
}

#[test]
fn a_code_that_is_used_old_or_replaced_opens_nothing_b4() {
    let stack = stack();
    let refused = |code: &str| {
        let answer = verify(&stack.app.anon(), PHONE, code);
        answer.assert_problem(401, "invalid_credentials");
        assert!(answer.set_cookies().is_empty());
    };
    refused("123456"); // none was ever sent
    let used = stack.code(PHONE);
    assert_eq!(verify(&stack.app.anon(), "+44 7400 123456", &used).status, 200);
    refused(&used);
    let old = stack.code(PHONE);
    stack.database.execute("UPDATE one_time_codes SET expires_at = expires_at - interval '10 minutes'");
    refused(&old);
    let replaced = stack.code(PHONE);
    let code = stack.code(PHONE);
    if replaced != code {
        refused(&replaced);
    }
    verify(&stack.app.anon(), "+447400123457", &code).assert_problem(401, "invalid_credentials");
    stack
        .database
        .execute("UPDATE one_time_codes SET expires_at = expires_at - interval '9 minutes 50 seconds'");
    assert_eq!(verify(&stack.app.anon(), PHONE, &code).status, 200);
}

#[test]
fn a_blocked_person_is_answered_like_a_wrong_code_b4() {
    let stack = stack();
    let alice = {
        let client = stack.app.anon();
        let answer = verify(&client, PHONE, &stack.code(PHONE));
        stack.app.actor(client, &answer)
    };
    stack.database.execute("UPDATE users SET blocked_at = now()");
    let code = stack.code(PHONE);
    let wrong = verify(&stack.app.anon(), PHONE, &another(&code));
    let blocked = verify(&stack.app.anon(), PHONE, &code);
    wrong.assert_problem(401, "invalid_credentials");
    assert_eq!((blocked.status, &blocked.body), (wrong.status, &wrong.body));
    assert_eq!(stack.database.number("SELECT count(*) FROM sessions"), 1);
    crate::assert_refused_soon(&alice.client);
}

#[test]
fn a_request_tells_nobody_who_has_an_account_b4() {
    let stack = stack();
    assert_eq!(verify(&stack.app.anon(), PHONE, &stack.code(PHONE)).status, 200);
    let known = request(&stack.app.anon(), PHONE);
    let unknown = request(&stack.app.anon(), "+447400123457");
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    let names = |answer: &Response| {
        answer.headers.iter().map(|(name, _)| name.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&known), names(&unknown));
}

#[test]
fn what_is_no_phone_or_no_code_is_refused_b4() {
    let stack = stack();
    for phone in ["", "alice", "07400 123456", "+44", "+10000000000", "+19002345678", "+447400123456;ext=1"] {
        request(&stack.app.anon(), phone).assert_problem(422, "validation_failed");
        verify(&stack.app.anon(), phone, "123456").assert_problem(422, "validation_failed");
    }
    let code = stack.code(PHONE);
    for text in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
        verify(&stack.app.anon(), PHONE, text).assert_problem(422, "validation_failed");
    }
    assert_eq!(stack.database.number("SELECT attempts FROM one_time_codes"), 0, "no attempt");
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    assert_eq!(verify(&stack.app.anon(), PHONE, &spaced).status, 200);
}

#[test]
fn the_message_speaks_the_language_of_the_one_who_asks_a10() {
    let stack = stack();
    for (language, words) in [("en", "is your login code"), ("ru-RU,ru;q=0.9", "код для входа")] {
        let client = stack.app.anon().with_header("Accept-Language", language);
        assert_eq!(request(&client, PHONE).status, 202);
        let body = stack.outbox.messages().pop().unwrap()["body"].as_str().unwrap().to_owned();
        assert!(body.contains(words) && body.contains(&stack.outbox.code_for(PHONE)), "{body}");
        assert!(body.contains("10") && !body.contains('{') && !body.contains('\u{2068}'), "{body}");
        // What one message holds, in the alphabet of the telephone network and in any other.
        assert!(body.chars().count() <= if body.is_ascii() { 160 } else { 70 }, "{body}");
    }
}

fn assert_limited(answer: &Response, window: u64) {
    answer.assert_problem(429, "rate_limited");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=window).contains(&wait), "{wait}");
}

#[test]
fn a_phone_gets_five_codes_an_hour_and_ten_a_day_b4() {
    let stack = stack();
    let hour = "UPDATE rate_limits SET window_start = window_start - interval '1 hour'";
    for (round, address) in ["192.0.2.1", "192.0.2.2"].into_iter().enumerate() {
        for attempt in 0..5 {
            let phone = if attempt % 2 == 0 { PHONE } else { "+44 7400 123456" };
            assert_eq!(request(&from(&stack.app, address), phone).status, 202, "{round}, {attempt}");
        }
        assert_limited(
            &request(&from(&stack.app, "192.0.2.9"), PHONE),
            if round == 0 { 3600 } else { 86_400 },
        );
        stack.database.execute(hour);
    }
    assert_limited(&request(&from(&stack.app, "192.0.2.1"), PHONE), 86_400);
    assert_eq!(request(&from(&stack.app, "192.0.2.1"), "+447400123457").status, 202, "another phone");
    stack.forget_limits();
    assert_eq!(request(&from(&stack.app, "192.0.2.1"), PHONE).status, 202);
    assert_eq!(stack.outbox.messages().len(), 12, "what was refused was not sent");
}

#[test]
fn an_address_asks_for_a_hundred_codes_an_hour_and_then_uses_up_nobody_s_own_b4() {
    let stack = stack();
    let here = |number: usize| request(&from(&stack.app, "192.0.2.1"), &format!("+4474002{number:05}"));
    let statuses = at_once(16, |thread| (0..7).map(|n| here(thread * 7 + n).status).collect::<Vec<_>>());
    let count = |status: u16| statuses.iter().flatten().filter(|known| **known == status).count();
    assert_eq!((count(202), count(429)), (100, 12));
    stack.redis.flush();
    for _ in 0..6 {
        assert_limited(&here(999), 3600);
    }
    for _ in 0..5 {
        assert_eq!(request(&from(&stack.app, "192.0.2.2"), "+447400200999").status, 202);
    }
}

#[test]
fn parallel_requests_do_not_outrun_the_count_b4() {
    let stack = stack();
    let statuses = at_once(16, |index| request(&from(&stack.app, &format!("10.0.0.{index}")), PHONE).status);
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 5, "{statuses:?}");
    assert_eq!(stack.outbox.messages().len(), 5);
}

#[test]
fn wrong_codes_count_as_failed_logins_of_their_address_b4() {
    let stack = stack();
    let code = stack.code(PHONE);
    let here = || from(&stack.app, "192.0.2.1");
    assert_eq!(verify(&here(), PHONE, &another(&code)).status, 401);
    stack.database.execute("UPDATE rate_limits SET attempts = 299 WHERE purpose = 'login_address'");
    assert_eq!(verify(&here(), PHONE, &another(&code)).status, 401);
    assert_limited(&verify(&here(), PHONE, &code), 900);
    assert_limited(&here().log_in("alice@example.com", PASSWORD), 900);
    // A right one is taken back from the count.
    stack.database.execute("UPDATE rate_limits SET attempts = 298 WHERE purpose = 'login_address'");
    assert_eq!(verify(&here(), PHONE, &code).status, 200);
    assert_eq!(
        stack.database.number("SELECT attempts FROM rate_limits WHERE purpose = 'login_address'"),
        298
    );
}

#[test]
fn the_limits_are_settings() {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    let builder = App::builder("web").database(&database).redis(&redis);
    let builder = builder.env("OUTBOX_DIR", &outbox.directory()).env("LIMIT_SMS_PER_PHONE", "2");
    let app = builder.env("LIMIT_SMS_PER_PHONE_AND_DAY", "3").env("LIMIT_SMS_PER_ADDRESS", "4").start();
    let ask = |phone: &str| request(&app.anon(), phone).status;
    assert_eq!([ask(PHONE), ask(PHONE), ask(PHONE)], [202, 202, 429]);
    database.execute(
        "UPDATE rate_limits SET window_start = now() - interval '1 hour' WHERE purpose = 'code_phone'",
    );
    assert_eq!([ask(PHONE), ask(PHONE)], [202, 429]);
    assert_eq!([ask("+447400123457"), ask("+447400123458")], [202, 429]);
}

#[test]
fn a_code_is_a_fresh_proof_and_leads_to_a_first_password_b4() {
    let stack = stack();
    let client = stack.app.anon();
    let answer = verify(&client, PHONE, &stack.code(PHONE));
    let alice = stack.app.actor(client, &answer);
    let _bob = verify(&stack.app.anon(), "+447400123457", &stack.code("+447400123457"));
    stack.database.execute("UPDATE sessions SET authenticated_at = now() - interval '6 minutes'");
    let first = json!({"current_password": null, "new_password": PASSWORD});
    alice.client.post("/api/password", &first).assert_problem(403, "reauthentication_required");

    let prove = |body: &Value| alice.client.post("/api/reauthenticate", body);
    // Somebody else's code proves nothing, and is not used up by being tried.
    let others = stack.code("+447400123457");
    prove(&json!({"phone": "+447400123457", "code": others})).assert_problem(401, "invalid_credentials");
    let code = stack.code(PHONE);
    let proof = json!({"phone": PHONE, "code": code});
    prove(&json!({"phone": PHONE, "code": another(&code)})).assert_problem(401, "invalid_credentials");
    prove(&json!({"phone": PHONE, "code": code, "password": "x"})).assert_problem(422, "validation_failed");
    alice.client.post("/api/password", &first).assert_problem(403, "reauthentication_required");
    let proved = prove(&proof);
    assert_eq!(proved.status, 204, "{}", proved.text());
    prove(&proof).assert_problem(401, "invalid_credentials");
    assert_eq!(verify(&stack.app.anon(), "+447400123457", &others).status, 200);

    let changed = alice.client.post("/api/password", &first);
    assert_eq!(changed.status, 204, "{}", changed.text());
    assert_eq!(alice.me().status, 200);
    let password = json!({"password": PASSWORD});
    assert_eq!(prove(&password).status, 204);
    alice.client.post("/api/password", &first).assert_problem(401, "invalid_credentials");
}

#[test]
fn a_code_is_kept_as_a_hash_and_shown_nowhere_b4_f9() {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    let builder = App::builder("web").database(&database).redis(&redis).env("RUST_LOG", "trace");
    let app = builder.env("OUTBOX_DIR", &outbox.directory()).start();
    let mut answers = vec![request(&app.anon(), PHONE)];
    let code = outbox.code_for(PHONE);
    answers.push(verify(&app.anon(), PHONE, &another(&code)));
    let row = database.value("SELECT to_jsonb(c)::text FROM one_time_codes c");
    let unkeyed = ["sha256(convert_to($1, 'UTF8'))", "sha256(convert_to('+447400123456' || $1, 'UTF8'))"];
    for digest in unkeyed {
        let digest =
            database.value(&format!("SELECT encode({}, 'hex')", digest.replace("$1", &format!("'{code}'"))));
        assert!(!row.contains(&digest), "a hash without a key is tried through in no time: {row}");
    }
    answers.push(verify(&app.anon(), PHONE, &code));
    answers.push(verify(&app.anon(), PHONE, &code));
    app.terminate();
    let tables = database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let dump = tables.into_iter().flat_map(|table| {
        database.query(&format!("SELECT to_jsonb(t)::text FROM {} t", table[0].as_ref().unwrap()))
    });
    let dump: Vec<String> = dump.map(|row| row[0].clone().unwrap()).collect();
    let answers: Vec<String> =
        answers.iter().map(|answer| format!("{:?}{}", answer.headers, answer.text())).collect();
    for (place, text) in [
        ("the log", app.log()),
        ("Postgres", dump.join("\n")),
        ("Redis", format!("{:?}", redis.dump())),
        ("an answer", answers.join("\n")),
    ] {
        let alone = |at: usize| {
            let digit = |char: Option<char>| char.is_some_and(|char| char.is_ascii_alphanumeric());
            !digit(text[..at].chars().next_back()) && !digit(text[at + code.len()..].chars().next())
        };
        // The digits of a time are not a code.
        let found = text.match_indices(&code).find(|(at, _)| alone(*at) && !text[..*at].ends_with('.'));
        assert_eq!(found, None, "the code {code} is in {place}: {text}");
    }
}
