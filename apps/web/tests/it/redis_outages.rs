//! Without Redis, with a slow one, with one that lies: everything works from Postgres, and nobody gets in.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use test_support::{App, TestDatabase, TestRedis, stack};

use crate::PASSWORD;

const WELL_UNDER_A_SECOND: Duration = Duration::from_millis(600);

/// Everything that a person does, each within the time.
fn live_through(app: &App, email: &str, within: Duration) {
    let pc = app.register(email, PASSWORD);
    let phone = app.log_in(email, PASSWORD);
    let tablet = app.log_in(email, PASSWORD);
    let answers = [
        ("me", pc.me(), 200),
        ("me by bearer", pc.bearer().get("/api/me"), 200),
        ("sessions", pc.client.get("/api/sessions"), 200),
        ("verify", pc.client.get("/api/verify"), 200),
        ("end one", pc.client.delete(&format!("/api/sessions/{}", phone.session_id)), 204),
        ("me of the ended", phone.me(), 401),
        ("revoke others", pc.client.post_empty("/api/sessions/revoke-others"), 200),
        ("me of the others", tablet.me(), 401),
        ("me of the renewed", pc.me(), 200),
        ("logout", pc.log_out(), 200),
        ("me after logout", app.with_cookie(&pc.token).get("/api/me"), 401),
        ("a stranger", app.anon().get("/api/me"), 401),
    ];
    for (what, answer, status) in answers {
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert!(answer.took < within, "{what} took {:?}", answer.took);
    }
}

#[test]
fn everything_works_while_redis_is_gone_and_when_it_is_back_f12() {
    let (_database, redis, app) = stack("web");
    let before = app.register("before@example.com", PASSWORD);
    redis.stop();
    assert_eq!(before.me().status, 200);
    live_through(&app, "alice@example.com", WELL_UNDER_A_SECOND);
    redis.start_again();
    assert_eq!(before.me().status, 200);
    live_through(&app, "bob@example.com", WELL_UNDER_A_SECOND);
}

#[test]
fn everything_works_while_redis_hangs_f12() {
    let (_database, redis, app) = stack("web");
    let before = app.register("before@example.com", PASSWORD);
    redis.pause();
    assert_eq!(before.me().status, 200);
    live_through(&app, "alice@example.com", WELL_UNDER_A_SECOND);
    redis.resume();
    live_through(&app, "bob@example.com", WELL_UNDER_A_SECOND);
}

#[test]
fn a_hanging_redis_is_left_alone_after_some_failures() {
    let (_database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    redis.pause();
    for _ in 0..10 {
        assert_eq!(alice.me().status, 200);
    }
    let total: Duration = (0..20).map(|_| alice.me().took).sum();
    // At 50 ms each for Redis alone it would be more than a second.
    assert!(total < Duration::from_millis(600), "{total:?}");
}

#[test]
fn everything_works_when_redis_refuses_f12() {
    let (_database, redis, app) = stack("web");
    for (what, command) in [
        ("full", vec!["CONFIG", "SET", "maxmemory", "1"]),
        ("read-only", vec!["REPLICAOF", "127.0.0.1", "1"]),
        ("without rights", vec!["ACL", "SETUSER", "default", "-@all", "+ping"]),
    ] {
        redis.command(&command);
        live_through(&app, &format!("{}@example.com", what.replace(' ', "-")), WELL_UNDER_A_SECOND);
    }
}

#[test]
fn a_program_starts_without_redis_and_uses_it_when_it_comes() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    redis.stop();
    let app = App::builder("web").database(&database).redis(&redis).start();
    let alice = app.register("alice@example.com", PASSWORD);
    assert_eq!(alice.me().status, 200);
    redis.start_again();
    test_support::eventually("Redis is used", Duration::from_secs(5), || {
        assert_eq!(app.log_in("alice@example.com", PASSWORD).me().status, 200);
        (!redis.dump().is_empty()).then_some(())
    });
    assert_eq!(alice.me().status, 200);
}

#[test]
fn a_deletion_that_redis_lost_brings_no_session_back_here_c4() {
    let (_database, redis, app) = stack("web");
    let pc = app.register("alice@example.com", PASSWORD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    let tablet = app.log_in("alice@example.com", PASSWORD);
    let laptop = app.log_in("alice@example.com", PASSWORD);
    for device in [&pc, &phone, &tablet, &laptop] {
        assert_eq!(device.me().status, 200);
    }
    redis.lose_deletions();
    assert_eq!(pc.log_out().status, 200);
    assert!(redis.dump().keys().any(|key| key.ends_with(&pc.session_id)), "the value is still there");
    app.with_cookie(&pc.token).get("/api/me").assert_problem(401, "unauthenticated");
    app.with_bearer(&pc.token).get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(phone.client.delete(&format!("/api/sessions/{}", tablet.session_id)).status, 204);
    tablet.me().assert_problem(401, "unauthenticated");
    assert_eq!(phone.client.post_empty("/api/sessions/revoke-others").status, 200);
    laptop.me().assert_problem(401, "unauthenticated");
    app.with_cookie(&phone.token).get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(phone.me().status, 200);
}

#[test]
fn a_value_that_was_put_back_into_redis_lets_nobody_in_c4() {
    let (_database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    assert_eq!(alice.me().status, 200);
    let values = redis.dump();
    assert_eq!(values.len(), 1, "{values:?}");
    assert_eq!(alice.log_out().status, 200);
    assert!(redis.dump().is_empty());
    for (key, value) in &values {
        redis.command(&["SET", key, value]);
    }
    app.with_cookie(&alice.token).get("/api/me").assert_problem(401, "unauthenticated");
}

#[test]
fn whoever_writes_to_redis_gets_in_nowhere() {
    let (database, redis, writer) = stack("web");
    // Another process: what it knows it has from Redis, or else from Postgres.
    let reader = App::builder("web").database(&database).redis(&redis).start();
    reader.wait_for_lease();
    let alice = writer.register("alice@example.com", PASSWORD);
    let bob = writer.register("bob@example.com", PASSWORD);
    let key = |id: &str| format!("session:web:{id}");
    let of_bob = redis.dump()[&key(&bob.session_id)].clone();
    // Bob's value under Alice's key, and under the key of a token that was never given out.
    redis.command(&["SET", &key(&alice.session_id), &of_bob]);
    assert_eq!(reader.with_cookie(&alice.token).get("/api/me").member("/user/email"), "alice@example.com");
    let made_up = "B".repeat(43);
    let digest = database.value(&format!("SELECT session_digest('{made_up}')"));
    let as_made_up = repacked(&of_bob, bob.session_id.as_bytes(), digest.as_bytes());
    for value in [&of_bob, &as_made_up] {
        redis.command(&["SET", &key(&digest), value]);
        reader.with_cookie(&made_up).get("/api/me").assert_problem(401, "unauthenticated");
    }
    // Values that were changed, cut or made up, each of a session that the reader has not seen yet.
    for forge in [
        |value: &str| repacked(value, b"\x04user", b"\x05admin"),
        |value: &str| value[..value.len() / 2].to_owned(),
        |value: &str| value.replace("\"mac\"", "\"cam\""),
        |_: &str| String::new(),
        |_: &str| "null".to_owned(),
        |_: &str| json!({}).to_string(),
        |_: &str| "\u{0}".to_owned(),
        |_: &str| "[".repeat(10_000),
    ] {
        let device = writer.log_in("bob@example.com", PASSWORD);
        let key = key(&device.session_id);
        let value = redis.command(&["GET", &key]).text().to_owned();
        let forged = forge(&value);
        assert_ne!(forged, value);
        redis.command(&["SET", &key, &forged]);
        let me = reader.with_cookie(&device.token).get("/api/me");
        assert_eq!((me.status, me.member("/user/role").as_str()), (200, "user"), "{forged:.60}");
    }
}

/// A value in which what a decision needs says something else. Its signature is the old one.
fn repacked(value: &str, from: &[u8], to: &[u8]) -> String {
    let json: serde_json::Value = serde_json::from_str(value).unwrap();
    let text = json["decision"].as_str().unwrap();
    let packed = URL_SAFE_NO_PAD.decode(text).unwrap();
    let at = packed.windows(from.len()).position(|window| window == from).expect("it stands in the value");
    let forged = [&packed[..at], to, &packed[at + from.len()..]].concat();
    value.replace(text, &URL_SAFE_NO_PAD.encode(forged))
}

#[test]
fn redis_holds_digests_under_namespaced_keys_a5_a11() {
    let (database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let values = redis.dump();
    let (key, value) = values.first_key_value().unwrap();
    assert_eq!((values.len(), key.as_str()), (1, format!("session:web:{}", alice.session_id).as_str()));
    let value: serde_json::Value = serde_json::from_str(value).unwrap();
    assert_eq!(value["user_id"], json!(alice.user_id), "{value}");
    for member in ["created_at", "expires_at"] {
        let epoch = database.number(&format!(
            "SELECT floor(extract(epoch FROM date_trunc('milliseconds', {member})) * 1000)::bigint FROM sessions"
        ));
        assert_eq!(value[member], json!(epoch), "{member}, in ms since the epoch: {value}");
    }
    assert_eq!(value["ip"], "127.0.0.1");
    assert_eq!(value["user_agent"], "test-support/1");
}
