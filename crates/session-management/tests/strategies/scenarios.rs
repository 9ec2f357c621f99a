//! What must hold in every mode, each scenario with a person of its own.

use std::time::{Duration, Instant};

use constants::MigrationStrategy::{Gradual, MockOnly, MockWithWriteThrough, ProductionOnly};
use serde_json::json;
use test_support::{Actor, Client, at_once, eventually, sessionctl, telegram_payload};

use crate::mode::{Redis, Stage};
use crate::{PASSWORD, assert_refused_soon, counter, now};

type Scenario = fn(&Stage, &str);

pub(crate) const SCENARIOS: &[(&str, Scenario)] = &[
    ("two devices are two sessions", two_devices),
    ("one logout is one device's", one_logout),
    ("one device ends another", one_ends_another),
    ("all others end", all_others_end),
    ("a new password ends all others", new_password),
    ("another application refuses the token", wrong_context),
    ("a blocked person is refused", blocked),
    ("a session ends by its time", expired),
    ("what ended never comes back", never_back),
    ("a code counts once", code_once),
    ("a payload of Telegram counts once", payload_once),
    ("an address is one person's", one_address),
    ("a proof is renewed", proof),
    ("a token of the older software", legacy_token),
    ("what no token can be", no_token),
    ("what ends is told by Postgres, too", rows),
    ("who answered is counted", counted),
];

/// A person on two devices.
fn two(stage: &Stage, email: &str) -> (Actor, Actor) {
    let pc = stage.web.register(email, PASSWORD);
    stage.disturb();
    let phone = stage.web.log_in(email, PASSWORD);
    stage.disturb();
    (pc, phone)
}

/// However the token is presented, and however often.
#[track_caller]
fn assert_dead(stage: &Stage, token: &str) {
    for client in [stage.web.with_cookie(token), stage.web.with_bearer(token), stage.web.with_cookie(token)] {
        client.get("/api/me").assert_problem(401, "unauthenticated");
        client.get("/api/sessions").assert_problem(401, "unauthenticated");
        stage.disturb();
    }
}

#[track_caller]
fn assert_lives(stage: &Stage, actor: &Actor) {
    stage.disturb();
    let me = actor.me();
    assert_eq!(me.status, 200, "{}", me.text());
    assert_eq!(me.member("/user/id"), actor.user_id);
    assert_eq!(actor.bearer().get("/api/verify").header("x-user-id"), Some(actor.user_id.as_str()));
}

fn two_devices(stage: &Stage, email: &str) {
    let (pc, phone) = two(stage, email);
    assert_ne!(pc.session_id, phone.session_id);
    assert_eq!(pc.user_id, phone.user_id);
    for device in [&pc, &phone] {
        assert_lives(stage, device);
        let list = device.client.get("/api/sessions").json();
        let sessions = list["sessions"].as_array().unwrap();
        assert_eq!(sessions.len(), 2, "{list}");
        let current = sessions.iter().find(|session| session["current"] == true).unwrap();
        assert_eq!(current["id"], device.session_id);
    }
    stage.web.anon().log_in(email, "wrong password").assert_problem(401, "invalid_credentials");
    stage.web.anon().get("/api/me").assert_problem(401, "unauthenticated");
}

fn one_logout(stage: &Stage, email: &str) {
    let (pc, phone) = two(stage, email);
    assert_eq!(pc.log_out().json(), json!({"ok": true}));
    assert_dead(stage, &pc.token);
    assert_lives(stage, &phone);
    assert_eq!(stage.web.with_cookie(&pc.token).post_empty("/api/logout").status, 200, "again");
}

fn one_ends_another(stage: &Stage, email: &str) {
    let (pc, phone) = two(stage, email);
    let stranger = stage.web.register(&format!("stranger-{email}"), PASSWORD);
    let path = format!("/api/sessions/{}", pc.session_id);
    stranger.client.delete(&path).assert_problem(404, "not_found");
    assert_lives(stage, &pc);
    assert_eq!(phone.client.delete(&path).status, 204);
    phone.client.delete(&path).assert_problem(404, "not_found");
    assert_dead(stage, &pc.token);
    assert_lives(stage, &phone);
}

fn all_others_end(stage: &Stage, email: &str) {
    let (pc, phone) = two(stage, email);
    let third = stage.web.log_in(email, PASSWORD);
    let answer = phone.client.post_empty("/api/sessions/revoke-others");
    assert_eq!((answer.status, answer.json()["revoked"].as_u64()), (200, Some(2)), "{}", answer.text());
    for token in [&pc.token, &third.token, &phone.token] {
        assert_dead(stage, token);
    }
    assert_eq!(phone.me().status, 200, "under a new token");
    assert_eq!(phone.client.get("/api/sessions").json()["sessions"].as_array().unwrap().len(), 1);
    assert_lives(stage, &stage.web.log_in(email, PASSWORD));
}

fn new_password(stage: &Stage, email: &str) {
    let (pc, phone) = two(stage, email);
    let wrong = json!({"current_password": "wrong password", "new_password": "another password"});
    phone.client.post("/api/password", &wrong).assert_problem(401, "invalid_credentials");
    let body = json!({"current_password": PASSWORD, "new_password": "another password"});
    assert_eq!(phone.client.post("/api/password", &body).status, 204);
    assert_dead(stage, &pc.token);
    assert_dead(stage, &phone.token);
    assert_eq!(phone.me().status, 200, "under a new token");
    stage.web.anon().log_in(email, PASSWORD).assert_problem(401, "invalid_credentials");
    assert_lives(stage, &stage.web.log_in(email, "another password"));
}

fn wrong_context(stage: &Stage, email: &str) {
    let (pc, _) = two(stage, email);
    for client in [stage.admin.with_cookie(&pc.token), stage.admin.with_bearer(&pc.token)] {
        client.get("/api/me").assert_problem(401, "unauthenticated");
        assert_eq!(client.post_empty("/api/logout").status, 200);
    }
    assert_lives(stage, &pc);
}

fn blocked(stage: &Stage, email: &str) {
    let (pc, _) = two(stage, email);
    // What is in the memory of a process alone no shell can reach.
    if stage.in_postgres() {
        sessionctl(&stage.database, &["user", "block", email]);
        assert_refused_soon(&stage.web.with_cookie(&pc.token));
        stage.web.anon().log_in(email, PASSWORD).assert_problem(401, "invalid_credentials");
    }
}

fn expired(stage: &Stage, email: &str) {
    let app = stage.short_lived();
    let pc = app.register(email, PASSWORD);
    eventually("the session ends", Duration::from_secs(4), || (pc.me().status == 401).then_some(()));
    app.with_bearer(&pc.token).get("/api/me").assert_problem(401, "unauthenticated");
    // Judged only when less than that second has passed since.
    loop {
        let begun = Instant::now();
        let status = app.log_in(email, PASSWORD).me().status;
        if begun.elapsed() < Duration::from_secs(1) {
            assert_eq!(status, 200);
            return;
        }
    }
}

fn never_back(stage: &Stage, email: &str) {
    let (pc, phone) = two(stage, email);
    let key = format!("session:web:{}", pc.session_id);
    let is_up = stage.mode.redis == Redis::Up;
    let value = is_up.then(|| stage.redis.dump().remove(&key)).flatten();
    assert_eq!(pc.log_out().status, 200);
    if let Some(value) = value {
        stage.redis.command(&["SET", &key, &value]);
    }
    for _ in 0..5 {
        assert_dead(stage, &pc.token);
        assert_lives(stage, &phone);
    }
}

fn another(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

fn code_once(stage: &Stage, email: &str) {
    // A number of its own for the scenario's person.
    let number: u32 = email.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0')).sum();
    let phone = format!("+4474001234{number:02}");
    let verify =
        |code: &str| stage.web.anon().post("/api/login/sms/verify", &json!({"phone": phone, "code": code}));
    assert_eq!(stage.web.anon().post("/api/login/sms/request", &json!({"phone": phone})).status, 202);
    let code = stage.outbox.code_for(&phone);
    verify(&another(&code)).assert_problem(401, "invalid_credentials");
    let mut answers = at_once(4, |_| verify(&code).status);
    answers.sort_unstable();
    assert_eq!(answers, [200, 401, 401, 401]);
    verify(&code).assert_problem(401, "invalid_credentials");
    // The same person the next time; an older code counts no more.
    let request = || {
        assert_eq!(stage.web.anon().post("/api/login/sms/request", &json!({"phone": phone})).status, 202);
        stage.outbox.code_for(&phone)
    };
    let (older, newer) = (request(), request());
    if older != newer {
        verify(&older).assert_problem(401, "invalid_credentials");
    }
    let client = stage.web.anon();
    let answer = client.post("/api/login/sms/verify", &json!({"phone": phone, "code": newer}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.member("/user/phone"), phone);
    assert_lives(stage, &stage.web.actor(client, &answer));
}

fn payload_once(stage: &Stage, _: &str) {
    let signed_at = now();
    let payload = telegram_payload(42, signed_at);
    let log_in = |client: &Client| client.post("/api/login/telegram", &payload);
    let mut answers = at_once(4, |_| log_in(&stage.web.anon()).status);
    answers.sort_unstable();
    assert_eq!(answers, [200, 401, 401, 401]);
    let client = stage.web.anon();
    let answer = client.post("/api/login/telegram", &telegram_payload(42, signed_at - 1));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_lives(stage, &stage.web.actor(client, &answer));
}

fn one_address(stage: &Stage, email: &str) {
    let (pc, _) = two(stage, email);
    let body = json!({"email": email, "password": "another password"});
    stage.web.anon().post("/api/register", &body).assert_problem(409, "conflict");
    stage.web.anon().log_in(email, "another password").assert_problem(401, "invalid_credentials");
    assert_lives(stage, &pc);
}

fn proof(stage: &Stage, email: &str) {
    let (pc, _) = two(stage, email);
    let wrong = json!({"password": "wrong password"});
    pc.client.post("/api/reauthenticate", &wrong).assert_problem(401, "invalid_credentials");
    assert_eq!(pc.client.post("/api/reauthenticate", &json!({"password": PASSWORD})).status, 204);
    assert_lives(stage, &pc);
}

fn legacy_token(stage: &Stage, email: &str) {
    let token = format!("legacy-{}", email.split('@').next().unwrap());
    stage.database.execute(&format!("INSERT INTO users (email, auth_token) VALUES ('{email}', '{token}')"));
    let client = stage.web.with_cookie(&token);
    if !stage.mode.legacy || !stage.in_postgres() {
        client.get("/api/me").assert_problem(401, "unauthenticated");
        return;
    }
    assert_eq!(client.get("/api/me").member("/user/email"), email);
    stage.disturb();
    assert_eq!(client.get("/api/me").status, 200);
    assert_eq!(stage.web.with_cookie(&token).post_empty("/api/logout").status, 200);
    assert_dead(stage, &token);
}

fn no_token(stage: &Stage, _: &str) {
    for token in ["admin:abcdefgh", "abc", "a b c d e f", &"a".repeat(256)] {
        let client = stage.web.with_bearer(token);
        client.get("/api/me").assert_problem(401, "unauthenticated");
        assert_eq!(client.post_empty("/api/logout").status, 200);
    }
    let unknown = stage.web.with_bearer(&"A".repeat(43));
    let answers = (unknown.get("/api/me").status, unknown.post_empty("/api/logout").status);
    let expected = match stage.mode.strategy {
        _ if !stage.unknown_is_503() => (401, 200),
        // The logout is kept for production.
        MockWithWriteThrough => (503, 200),
        _ => (503, 503),
    };
    assert_eq!(answers, expected);
}

/// Where production is written, it has a row of every session, and every end (F6).
fn rows(stage: &Stage, email: &str) {
    let (pc, phone) = two(stage, email);
    assert_eq!(pc.log_out().status, 200);
    assert_eq!(phone.client.post_empty("/api/sessions/revoke-others").status, 200);
    let rows = stage.database.query(&format!(
        "SELECT s.id, s.revoked::text FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = '{email}'"
    ));
    if !stage.in_postgres() {
        assert!(rows.is_empty(), "{rows:?}");
        return;
    }
    let state = |id: &str| {
        let row = rows.iter().find(|row| row[0].as_deref() == Some(id));
        row.map(|row| row[1].clone().unwrap())
    };
    let current = phone.me().member("/session/id");
    assert_eq!(state(&pc.session_id).as_deref(), Some("true"), "{rows:?}");
    assert_eq!(state(&phone.session_id).as_deref(), Some("true"), "{rows:?}");
    assert_eq!(state(&current).as_deref(), Some("false"), "{rows:?}");
    assert_eq!(rows.len(), 3, "{rows:?}");
    let token = phone.client.cookie("sessionId").unwrap();
    let newest = format!("SELECT auth_token FROM users WHERE email = '{email}'");
    assert_eq!(stage.database.value(&newest), if stage.mode.legacy { token } else { String::new() });
}

fn counted(stage: &Stage, email: &str) {
    let (pc, _) = two(stage, email);
    let side =
        |side: &str| counter(&stage.web.anon(), &format!("session_strategy_reads_total{{side=\"{side}\"}}"));
    let runs = format!("session_strategy{{strategy=\"{}\"}}", stage.mode.strategy);
    assert_eq!(counter(&stage.web.anon(), &runs), 1);
    let (old, production) = (side("old"), side("production"));
    // Not /api/me, which the process' own cache may answer ahead of every count in production-only.
    let unknown = stage.web.with_bearer("nobody-has-this-token");
    for _ in 0..3 {
        assert_eq!(pc.client.get("/api/sessions").status, 200);
        let expected = if stage.unknown_is_503() { 503 } else { 401 };
        assert_eq!(unknown.get("/api/sessions").status, expected);
    }
    let (old, production) = (side("old") - old, side("production") - production);
    match stage.mode.strategy {
        Gradual | ProductionOnly => assert!(old == 0 && production >= 3, "{old} and {production}"),
        MockOnly | MockWithWriteThrough => {
            let answered = if stage.unknown_is_503() { 3 } else { 6 };
            assert_eq!((old, production), (answered, 0));
        }
    }
}
