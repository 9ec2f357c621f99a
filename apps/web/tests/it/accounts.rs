//! Registering, logging in, asking who one is, logging out.

use serde_json::json;
use test_support::stack;

use crate::{PASSWORD, assert_refused_soon};

#[test]
fn a_registration_makes_a_person_with_a_session_b1() {
    let (database, _redis, app) = stack("web");
    let client = app.anon();
    let answer =
        client.post("/api/register", &json!({"email": "  Alice@Example.COM ", "password": PASSWORD}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let body = answer.json();
    let user = body["user"].as_object().unwrap();
    let members =
        ["id", "email", "phone", "telegram_id", "role", "is_verified", "created_at", "last_login_at"];
    assert_eq!(user.len(), members.len(), "{user:?}");
    assert!(members.iter().all(|member| user.contains_key(*member)), "{user:?}");
    assert_eq!(body["user"]["email"], "alice@example.com");
    assert_eq!((&body["user"]["role"], &body["user"]["is_verified"]), (&json!("user"), &json!(false)));
    assert!(body["user"]["last_login_at"].as_str().unwrap().ends_with('Z'), "{body}");
    let session = body["session"].as_object().unwrap();
    let members = [
        "id",
        "application_context",
        "created_at",
        "last_activity",
        "expires_at",
        "ip_address",
        "user_agent",
        "device",
        "current",
    ];
    assert_eq!(session.len(), members.len(), "{session:?}");
    assert!(members.iter().all(|member| session.contains_key(*member)), "{session:?}");
    assert_eq!(
        (&body["session"]["application_context"], &body["session"]["current"]),
        (&json!("web"), &json!(true))
    );
    assert_eq!(body["session"]["ip_address"], "127.0.0.1");
    assert_eq!(body["session"]["user_agent"], "test-support/1");

    let me = client.get("/api/me");
    assert_eq!(me.status, 200);
    assert_eq!(me.json()["user"], body["user"]);
    assert_eq!(me.json()["session"]["id"], body["session"]["id"]);
    assert_eq!(database.number("SELECT count(*) FROM users"), 1);
    let actions = database.query("SELECT action FROM audit_log ORDER BY id");
    assert_eq!(actions, [[Some("user_created".into())], [Some("session_created".into())]]);
}

#[test]
fn an_id_is_the_digest_of_its_token_b2_f9() {
    let (database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    assert_eq!(alice.token.len(), 43);
    assert_eq!(database.value(&format!("SELECT session_digest('{}')", alice.token)), alice.session_id);
    assert_eq!(database.value("SELECT id FROM sessions"), alice.session_id);
    let second = app.log_in("alice@example.com", PASSWORD);
    assert_ne!(second.token, alice.token);
}

#[test]
fn a_taken_address_is_a_conflict_and_changes_nothing() {
    let (database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let before = database.query("SELECT to_jsonb(u) FROM users u");
    for email in ["alice@example.com", " ALICE@example.com"] {
        let client = app.anon();
        let answer = client.post("/api/register", &json!({"email": email, "password": "another password"}));
        answer.assert_problem(409, "conflict");
        assert!(answer.set_cookies().is_empty() && client.cookies().is_empty());
    }
    assert_eq!(database.query("SELECT to_jsonb(u) FROM users u"), before);
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 1);
    assert_eq!(alice.me().status, 200);
}

#[test]
fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let (database, _redis, app) = stack("web");
    let _alice = app.register("alice@example.com", PASSWORD);
    let wrong = app.anon().log_in("alice@example.com", "wrong password");
    let unknown = app.anon().log_in("nobody@example.com", "wrong password");
    let no_address = app.anon().log_in("nobody", "wrong password");
    let problem = wrong.assert_problem(401, "invalid_credentials");
    assert_eq!(unknown.assert_problem(401, "invalid_credentials"), problem);
    assert!(matches!(no_address.status, 401 | 422), "{}", no_address.text());
    assert!(wrong.set_cookies().is_empty() && unknown.set_cookies().is_empty());
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 1);
}

#[test]
fn an_unknown_address_takes_as_long_as_a_wrong_password() {
    let (_database, _redis, app) = stack("web");
    let _alice = app.register("alice@example.com", PASSWORD);
    let took = |email: &str| app.anon().log_in(email, "wrong password").took;
    // In turn, so that a busy moment of the machine is one for both.
    let rounds: Vec<_> = (0..8).map(|_| (took("alice@example.com"), took("nobody@example.com"))).collect();
    let known = rounds.iter().map(|(known, _)| *known).min().unwrap();
    let unknown = rounds.iter().map(|(_, unknown)| *unknown).min().unwrap();
    // Without the hash of a stand-in, the unknown one takes a small part of the time.
    assert!(unknown > known / 2, "known {known:?}, unknown {unknown:?}");
}

#[test]
fn a_blocked_person_is_answered_like_a_wrong_password_and_every_session_is_refused() {
    let (database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    database.execute("UPDATE users SET blocked_at = now()");
    assert_refused_soon(&alice.client);
    redis.flush();
    alice.me().assert_problem(401, "unauthenticated");
    app.anon().log_in("alice@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 1);
}

#[test]
fn a_login_as_a_program_gets_the_token_and_no_cookie_a10() {
    let (database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let client = app.anon();
    let body = json!({"email": "alice@example.com", "password": PASSWORD, "transport": "bearer"});
    let answer = client.post("/api/login", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.set_cookies().is_empty());
    let token = answer.member("/token");
    assert_eq!(database.value(&format!("SELECT session_digest('{token}')")), answer.member("/session/id"));
    assert_eq!(app.with_bearer(&token).get("/api/me").status, 200);
    assert_eq!(app.with_cookie(&token).get("/api/me").status, 200, "a token is a token however it comes");
    // Dual writing is for browsers alone.
    assert_eq!(database.value("SELECT auth_token FROM users"), alice.token);

    assert_eq!(app.with_bearer(&token).post_empty("/api/logout").status, 200);
    app.with_bearer(&token).get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(alice.me().status, 200);
    let cookie = json!({"email": "alice@example.com", "password": PASSWORD, "transport": "cookie"});
    let answer = app.anon().post("/api/login", &cookie);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json().get("token").is_none(), "a browser's script has no business with the token");
    let pigeon = json!({"email": "alice@example.com", "password": PASSWORD, "transport": "pigeon"});
    app.anon().post("/api/login", &pigeon).assert_problem(422, "validation_failed");
}

#[test]
fn a_logout_ends_the_session_and_clears_the_cookies_b6() {
    let (database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let answer = alice.log_out();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"ok": true}));
    assert!(answer.set_cookie("sessionId").is_some_and(|cookie| cookie.clears() && cookie.has("Path=/")));
    assert!(answer.set_cookie("auth_token").is_some_and(|cookie| cookie.clears() && cookie.has("Path=/")));
    assert!(alice.client.cookies().is_empty());
    assert_eq!(database.value("SELECT revoked FROM sessions"), "t");
    assert_eq!(database.value("SELECT auth_token FROM users"), alice.token, "never touched");
    app.with_cookie(&alice.token).get("/api/me").assert_problem(401, "unauthenticated");
}

#[test]
fn a_logout_succeeds_whatever_the_token_is_b6() {
    let (_database, _redis, app) = stack("web");
    let unknown = "A".repeat(43);
    for token in ["", "x", "admin:x", "%00", "\"quoted\"", &unknown, &"A".repeat(3000)] {
        let answer = app.with_cookie(token).post_empty("/api/logout");
        assert_eq!((answer.status, answer.json()), (200, json!({"ok": true})), "{token:?}");
        assert!(answer.set_cookie("sessionId").is_some_and(|cookie| cookie.clears()), "{token:?}");
        let answer = app.with_bearer(token).post_empty("/api/logout");
        assert_eq!((answer.status, answer.json()), (200, json!({"ok": true})), "{token:?}");
    }
    assert_eq!(app.anon().post_empty("/api/logout").json(), json!({"ok": true}));
    let alice = app.register("alice@example.com", PASSWORD);
    for _ in 0..2 {
        let answer = app.with_cookie(&alice.token).post_empty("/api/logout");
        assert_eq!((answer.status, answer.json()), (200, json!({"ok": true})));
    }
}
