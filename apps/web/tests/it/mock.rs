//! Web with no server at all: everything is in the memory of one process.

use serde_json::json;
use test_support::App;

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
fn a_mock_is_ready_and_gone_with_its_process_a8() {
    let app = mock();
    assert_eq!(app.anon().get("/readyz").status, 200);
    let alice = app.register("alice@example.com", PASSWORD);
    let other = mock();
    other.with_cookie(&alice.token).get("/api/me").assert_problem(401, "unauthenticated");
}
