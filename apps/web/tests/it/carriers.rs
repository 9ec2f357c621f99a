//! Which token of a request counts, and which of them end.

use serde_json::json;
use test_support::{App, stack};

use crate::PASSWORD;

#[test]
fn the_first_present_token_decides_and_no_other_is_tried_a10() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let bob = app.register("bob@example.com", PASSWORD);
    let email = |client: &test_support::Client| client.get("/api/me").member("/user/email");

    let both = alice.client.copy().with_header("Authorization", &format!("Bearer {}", bob.token));
    assert_eq!(email(&both), "bob@example.com", "Bearer before the cookie");
    let broken = alice.client.copy().with_header("Authorization", &format!("Bearer {}", "A".repeat(43)));
    broken.get("/api/me").assert_problem(401, "unauthenticated");
    let malformed = alice.client.copy().with_header("Authorization", "Bearer admin:x");
    malformed.get("/api/me").assert_problem(401, "unauthenticated");
    let basic = alice.client.copy().with_header("Authorization", "Basic YTpi");
    assert_eq!(email(&basic), "alice@example.com", "another scheme is no token of ours");

    let cookies = app.anon();
    cookies.add_cookie("auth_token", &bob.token);
    cookies.add_cookie("sessionId", &alice.token);
    assert_eq!(email(&cookies), "alice@example.com", "sessionId before auth_token, whatever the order");
    let ended = app.anon();
    assert_eq!(app.with_cookie(&alice.token).post_empty("/api/logout").status, 200);
    ended.add_cookie("sessionId", &alice.token);
    ended.add_cookie("auth_token", &bob.token);
    ended.get("/api/me").assert_problem(401, "unauthenticated");
}

#[test]
fn the_older_softwares_cookie_works_and_the_answer_sets_our_own_a12_b3() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let older = app.anon();
    older.add_cookie("auth_token", &alice.token);
    let answer = older.get("/api/me");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.set_cookie("sessionId").unwrap().value, alice.token);
    assert!(answer.set_cookie("auth_token").is_none());
    let refused = app.anon();
    refused.add_cookie("auth_token", &"A".repeat(43));
    let answer = refused.get("/api/me");
    answer.assert_problem(401, "unauthenticated");
    assert!(answer.set_cookies().is_empty(), "only success renames a cookie");
    let own = alice.me();
    assert!(own.set_cookies().is_empty(), "nothing to rename");
}

#[test]
fn without_legacy_tokens_their_cookie_is_nothing_a13() {
    let (database, redis, _) = stack("web");
    let app = App::builder("web").database(&database).redis(&redis).env("LEGACY_TOKENS", "off").start();
    let client = app.anon();
    let answer = client.post("/api/register", &json!({"email": "alice@example.com", "password": PASSWORD}));
    let alice = app.actor(client, &answer);
    assert!(answer.set_cookie("auth_token").is_none());
    assert_eq!(database.value("SELECT auth_token FROM users"), "");
    let older = app.anon();
    older.add_cookie("auth_token", &alice.token);
    older.get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(alice.me().status, 200);
}

#[test]
fn a_login_by_cookie_writes_its_token_for_the_older_software_b3() {
    let (database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    assert_eq!(alice.client.cookie("auth_token"), Some(alice.token.clone()));
    assert_eq!(database.value("SELECT auth_token FROM users"), alice.token);
    let phone = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(database.value("SELECT auth_token FROM users"), phone.token);
    assert_eq!(phone.log_out().status, 200);
    assert_eq!(database.value("SELECT auth_token FROM users"), phone.token, "never cleared");
    // What stands there is the token of an ended session: F1.
    let older = app.anon();
    older.add_cookie("auth_token", &phone.token);
    older.get("/api/me").assert_problem(401, "unauthenticated");

    let reading = App::builder("web").database(&database).redis(&redis).env("LEGACY_TOKENS", "read").start();
    let _tablet = reading.log_in("alice@example.com", PASSWORD);
    assert_eq!(database.value("SELECT auth_token FROM users"), phone.token, "read writes nothing");
}

#[test]
fn a_login_ends_every_session_that_the_request_carried() {
    let (_database, _redis, app) = stack("web");
    let first = app.register("alice@example.com", PASSWORD);
    let planted = app.register("mallory@example.com", PASSWORD);
    let third = app.log_in("alice@example.com", PASSWORD);
    let fourth = app.log_in("alice@example.com", PASSWORD);
    let client = app.anon().with_header("Authorization", &format!("Bearer {}", fourth.token));
    client.add_cookie("sessionId", &planted.token);
    client.add_cookie("auth_token", &third.token);
    let answer = client.log_in("alice@example.com", PASSWORD);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let renewed = client.cookie("sessionId").unwrap();
    for carried in [&planted, &third, &fourth] {
        assert_ne!(renewed, carried.token, "no session survives a change of person");
        app.with_cookie(&carried.token).get("/api/me").assert_problem(401, "unauthenticated");
    }
    assert_eq!(first.me().status, 200, "what was not carried stays");
    assert_eq!(app.with_cookie(&renewed).get("/api/me").member("/user/email"), "alice@example.com");
}

#[test]
fn a_registration_ends_what_the_request_carried_too() {
    let (_database, _redis, app) = stack("web");
    let planted = app.register("mallory@example.com", PASSWORD);
    let client = planted.client.copy();
    let answer = client.post("/api/register", &json!({"email": "alice@example.com", "password": PASSWORD}));
    let alice = app.actor(client, &answer);
    assert_ne!(alice.token, planted.token);
    planted.me().assert_problem(401, "unauthenticated");
    assert_eq!(alice.me().member("/user/email"), "alice@example.com");
}

#[test]
fn a_refused_login_ends_nothing() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    alice.client.log_in("alice@example.com", "wrong password").assert_problem(401, "invalid_credentials");
    assert_eq!(alice.me().status, 200);
}

#[test]
fn a_logout_ends_every_session_that_the_request_carried_b6() {
    let (_database, _redis, app) = stack("web");
    let actors: Vec<_> = ["a@example.com", "b@example.com", "c@example.com", "d@example.com"]
        .map(|email| app.register(email, PASSWORD))
        .into();
    let client = app.anon().with_header("Authorization", &format!("Bearer {}", actors[0].token));
    client.add_cookie("sessionId", &actors[1].token);
    client.add_cookie("auth_token", &actors[2].token);
    assert_eq!(client.post_empty("/api/logout").status, 200);
    assert!(client.cookies().is_empty());
    let statuses: Vec<u16> = actors.iter().map(|actor| actor.me().status).collect();
    assert_eq!(statuses, [401, 401, 401, 200]);
}

#[test]
fn two_cookies_of_one_name_decide_nothing_and_a_logout_ends_each() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let bob = app.register("bob@example.com", PASSWORD);
    let twice = app.anon();
    twice.add_cookie("sessionId", &alice.token);
    twice.add_cookie("sessionId", &bob.token);
    twice.get("/api/me").assert_problem(400, "malformed_request");
    twice.get("/api/sessions").assert_problem(400, "malformed_request");
    let one_header = app.anon().get("/api/me");
    assert_eq!(one_header.status, 401);
    assert_eq!((alice.me().status, bob.me().status), (200, 200));
    assert_eq!(twice.post_empty("/api/logout").json(), json!({"ok": true}));
    assert_eq!((alice.me().status, bob.me().status), (401, 401));
}

#[test]
fn two_cookie_headers_are_two_cookies() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let cookie = format!("sessionId={}", alice.token);
    let client = app.anon();
    let answer = client.request("GET", "/api/me").header("Cookie", &cookie).header("Cookie", &cookie).send();
    answer.assert_problem(400, "malformed_request");
}
