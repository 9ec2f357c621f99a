//! Web with no server at all: everything is in the memory of one process.

use serde_json::json;
use test_support::{App, BOT_TOKEN, TestOutbox, at_once, telegram_payload};

use crate::PASSWORD;

fn mock() -> App {
    App::builder("web").argument("--environment").argument("mock").start()
}

#[test]
fn everything_works_in_memory_a8() {
    let app = mock();
    let pc = app.register("alice@example.com", PASSWORD);
    assert_eq!(pc.me().member("/user/email"), "alice@example.com");
    let phone = app.log_in("alice@example.com", PASSWORD);
    let sessions = pc.client.get("/api/sessions").json();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2, "{sessions}");

    assert_eq!(pc.log_out().json(), json!({"ok": true}));
    app.with_cookie(&pc.token).get("/api/me").assert_problem(401, "unauthenticated");
    app.with_bearer(&pc.token).get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(phone.me().status, 200);

    let third = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(phone.client.delete(&format!("/api/sessions/{}", third.session_id)).status, 204);
    third.me().assert_problem(401, "unauthenticated");
    let fourth = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(phone.client.post_empty("/api/sessions/revoke-others").json()["revoked"], 1);
    fourth.me().assert_problem(401, "unauthenticated");
    let body = json!({"current_password": PASSWORD, "new_password": "another password"});
    assert_eq!(phone.client.post("/api/password", &body).status, 204);
    assert_eq!(phone.me().status, 200);
    app.anon().log_in("alice@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
}

#[test]
fn what_is_refused_on_servers_is_refused_in_memory_a8() {
    let app = mock();
    let alice = app.register("alice@example.com", PASSWORD);
    let bob = app.register("bob@example.com", PASSWORD);
    app.anon().get("/api/me").assert_problem(401, "unauthenticated");
    let body = json!({"email": "alice@example.com", "password": "another password"});
    app.anon().post("/api/register", &body).assert_problem(409, "conflict");
    alice.client.delete(&format!("/api/sessions/{}", bob.session_id)).assert_problem(404, "not_found");
    for _ in 0..10 {
        app.anon().log_in("alice@example.com", "wrong password").assert_problem(401, "invalid_credentials");
    }
    app.anon().log_in("alice@example.com", PASSWORD).assert_problem(429, "rate_limited");
    assert_eq!((alice.me().status, bob.me().status), (200, 200));
}

#[test]
fn proofs_that_count_once_do_so_in_memory_a8_b4() {
    let outbox = TestOutbox::new();
    let builder = App::builder("web").env("APP_ENV", "mock").env("OUTBOX_DIR", &outbox.directory());
    let app = builder.env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).start();
    let phone = "+447400123456";
    let ask = || app.anon().post("/api/login/sms/request", &json!({"phone": phone}));
    let verify =
        |code: &str| app.anon().post("/api/login/sms/verify", &json!({"phone": phone, "code": code})).status;
    assert_eq!(ask().status, 202);
    let code = outbox.code_for(phone);
    let mut statuses = at_once(16, |_| verify(&code));
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[401; 15]].concat());

    assert_eq!(ask().status, 202);
    let (older, wrong) = (outbox.code_for(phone), "000000");
    assert_eq!(ask().status, 202);
    let code = outbox.code_for(phone);
    assert!(older == code || verify(&older) == 401);
    assert!((0..4).all(|_| code == wrong || verify(wrong) == 401));
    assert!(older == code || verify(&code) == 401, "the sixth attempt");
    assert_eq!((ask().status, ask().status), (202, 202));
    ask().assert_problem(429, "rate_limited");

    let body = json!({"phone": phone, "code": outbox.code_for(phone)});
    let alice = app.anon();
    let answer = alice.post("/api/login/sms/verify", &body);
    assert_eq!(answer.member("/user/phone"), phone);
    let first = json!({"current_password": null, "new_password": PASSWORD});
    assert_eq!(alice.post("/api/password", &first).status, 204);

    let now =
        chrono::DateTime::parse_from_rfc3339(&answer.member("/session/created_at")).unwrap().timestamp();
    let payload = telegram_payload(42, now);
    let log_in = || app.anon().post("/api/login/telegram", &payload);
    let mut statuses = at_once(16, |_| log_in().status);
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[401; 15]].concat());
    let old = telegram_payload(42, now - 400);
    app.anon().post("/api/login/telegram", &old).assert_problem(401, "invalid_credentials");
}

#[test]
fn a_mock_is_ready_and_gone_with_its_process_a8() {
    let app = mock();
    assert_eq!(app.anon().get("/readyz").status, 200);
    let alice = app.register("alice@example.com", PASSWORD);
    let other = mock();
    other.with_cookie(&alice.token).get("/api/me").assert_problem(401, "unauthenticated");
}
