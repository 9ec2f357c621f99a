//! What people bring from the older software: tokens without a row, in a column or under a key of Redis. Each works as
//! long as it did, becomes one row, ends as any session ends, and then stays dead wherever it still stands.

mod keys;
mod races;

use serde_json::json;
use session_management::{Clock, SystemClock};
use test_support::{App, Client, TestDatabase, TestRedis, sessionctl, stack};

use crate::PASSWORD;

/// A token as the older software made them.
const OLD: &str = "a1B2c3D4e5F6-old_token";

/// Someone who has an account and a password here, and whose `column` of users holds a token of the older software.
fn older_person(database: &TestDatabase, app: &App, email: &str, column: &str, token: &str) {
    let made = app.register(email, PASSWORD);
    assert_eq!(made.log_out().status, 200);
    database.execute(&format!("UPDATE users SET {column} = '{token}' WHERE email = '{email}'"));
}

/// Puts a session under a key of the older software, `age` and `left` in seconds.
fn older_key(redis: &TestRedis, token: &str, user_id: &str, age: i64, left: i64) {
    let value = format!(
        r#"{{"user_id":"{user_id}","created_at":{},"expires_at":{},"ip":"192.0.2.7","user_agent":"Old/1"}}"#,
        now() - age * 1000,
        now() + left * 1000
    );
    redis.command(&["SET", &format!("session:{token}"), &value]);
}

fn now() -> i64 {
    SystemClock.now().timestamp_millis()
}

fn id_of(database: &TestDatabase, email: &str) -> String {
    database.value(&format!("SELECT id::text FROM users WHERE email = '{email}'"))
}

/// Every way in which a token can be presented to web.
fn presented(app: &App, token: &str) -> Vec<Client> {
    let cookie = |name: &str| {
        let client = app.anon();
        client.add_cookie(name, token);
        client
    };
    vec![cookie("sessionId"), cookie("auth_token"), app.with_bearer(token)]
}

#[track_caller]
fn assert_dead(app: &App, token: &str, why: &str) {
    for client in presented(app, token) {
        let answer = client.get("/api/me");
        assert_eq!(answer.status, 401, "{why}: {}", answer.text());
    }
}

#[test]
fn a_token_in_a_column_works_by_every_carrier_and_becomes_one_row_b3_b5() {
    for column in ["auth_token", "session_id"] {
        for way in 0..3 {
            let (database, redis, app) = stack("web");
            older_person(&database, &app, "alice@example.com", column, OLD);
            let client = presented(&app, OLD).remove(way).with_header("User-Agent", "Phone/7");
            let first = client.get("/api/me");
            assert_eq!((first.status, first.member("/user/email").as_str()), (200, "alice@example.com"));
            assert_eq!(
                first.member("/session/user_agent"),
                "Phone/7",
                "the device is known by its first request"
            );
            assert_eq!(client.get("/api/me").status, 200);
            redis.flush();
            assert_eq!(client.get("/api/sessions").json()["sessions"][0]["current"], json!(true));
            let row = database.value(
                "SELECT concat_ws(' ', count(*), min(adopted_from), min(auth_method), bool_or(revoked),
                        min(application_context::text), bool_or(authenticated_at IS NOT NULL))
                 FROM sessions WHERE adopted_from IS NOT NULL",
            );
            assert_eq!(row, format!("1 {column} legacy f web f"));
            let audited = "SELECT count(*) FROM audit_log WHERE action = 'session_adopted'";
            assert_eq!(database.number(audited), 1);
            assert!(app.log().contains("[SESSION_FALLBACK_LEGACY] context=web"), "B7");
            assert!(!app.log().contains(OLD), "B7");
            assert_eq!(database.value(&format!("SELECT {column} FROM users")), OLD, "never cleared");
        }
    }
}

#[test]
fn the_six_scenarios_of_the_report_by_cookie_and_bearer_with_and_without_redis_b9() {
    for bearer in [false, true] {
        for redis_is in ["up", "flushed", "stopped"] {
            let (database, redis, app) = stack("web");
            older_person(&database, &app, "alice@example.com", "auth_token", OLD);
            let disturb = || {
                if redis_is == "flushed" {
                    redis.flush();
                }
            };
            if redis_is == "stopped" {
                redis.stop();
            }
            let log_in = || {
                let client = app.anon();
                let body = json!({"email": "alice@example.com", "password": PASSWORD,
                                  "transport": if bearer { "bearer" } else { "cookie" }});
                let answer = client.post("/api/login", &body);
                assert_eq!(answer.status, 200, "{}", answer.text());
                if bearer { app.with_bearer(&answer.member("/token")) } else { client }
            };
            let check = |what: &str, client: &Client, status: u16| {
                disturb();
                let answer = client.get("/api/me");
                assert_eq!(
                    answer.status,
                    status,
                    "{what}, bearer {bearer}, Redis {redis_is}: {}",
                    answer.text()
                );
            };
            // 1. and 2. Login on the PC, then on the phone beside it.
            let pc = log_in();
            check("PC", &pc, 200);
            let phone = log_in();
            check("PC beside the phone", &pc, 200);
            check("phone", &phone, 200);
            // 5. An old token with no session row still works.
            let old = if bearer { app.with_bearer(OLD) } else { app.with_cookie(OLD) };
            check("the old token", &old, 200);
            // 3. Logout on the PC leaves the phone.
            assert_eq!(pc.post_empty("/api/logout").json(), json!({"ok": true}));
            check("PC after its logout", &pc, 401);
            check("phone after the PC's logout", &phone, 200);
            check("the old token", &old, 200);
            // 4. Logout on the phone leaves the PC.
            let pc = log_in();
            assert_eq!(phone.post_empty("/api/logout").status, 200);
            check("phone after its logout", &phone, 401);
            check("PC after the phone's logout", &pc, 200);
            // 6. A cleared cookie gives 401, and pages go to /login.
            check("no cookie", &app.anon(), 401);
        }
    }
}

#[test]
fn a_login_on_another_device_does_not_log_out_the_one_with_the_older_token_b1_b3() {
    let (database, redis, app) = stack("web");
    older_person(&database, &app, "alice@example.com", "auth_token", OLD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(
        database.value("SELECT auth_token FROM users"),
        phone.token,
        "the newest token stands there now"
    );
    redis.flush();
    for client in presented(&app, OLD) {
        assert_eq!(client.get("/api/me").member("/user/email"), "alice@example.com");
    }
    let adopted = "SELECT count(*) FROM sessions WHERE adopted_from = 'auth_token'";
    assert_eq!(database.number(adopted), 1);
    let tablet = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(database.number(adopted), 1, "a token of ours that is overwritten has its row");
    assert_eq!(app.with_cookie(OLD).post_empty("/api/logout").status, 200);
    assert_dead(&app, OLD, "logged out");
    assert_eq!((phone.me().status, tablet.me().status), (200, 200));

    // What is no token, two people's, or carried by the login itself is not brought along.
    older_person(&database, &app, "bob@example.com", "auth_token", "two-peoples-token");
    for (token, carried) in
        [("no token", false), ("two-peoples-token", false), ("carried-token", true), (OLD, false)]
    {
        database
            .execute(&format!("UPDATE users SET auth_token = '{token}' WHERE email = 'alice@example.com'"));
        let client = app.anon();
        if carried {
            client.add_cookie("auth_token", token);
        }
        assert_eq!(client.log_in("alice@example.com", PASSWORD).status, 200);
        let live = format!("SELECT count(*) FROM user_sessions WHERE id = session_digest('{token}')");
        assert_eq!(database.number(&live), 0, "{token}");
    }
    assert_dead(&app, OLD, "a tombstone is not overwritten");
}

#[test]
fn a_legacy_token_that_was_logged_out_stays_dead_though_it_still_stands_in_its_column_f1_f2() {
    for column in ["auth_token", "session_id"] {
        for used_before in [false, true] {
            let (database, redis, app) = stack("web");
            older_person(&database, &app, "alice@example.com", column, OLD);
            let client = app.with_cookie(OLD);
            if used_before {
                assert_eq!(client.get("/api/me").status, 200);
            }
            assert_eq!(client.post_empty("/api/logout").json(), json!({"ok": true}));
            assert_eq!(database.value(&format!("SELECT {column} FROM users")), OLD, "B6: never touched");
            assert_dead(&app, OLD, "after the logout");
            redis.flush();
            assert_dead(&app, OLD, "after a flush");
            database.execute(
                "UPDATE sessions SET expires_at = now() - interval '1 year',
                              absolute_expires_at = now() - interval '1 year'",
            );
            let deleted =
                database.try_execute("DELETE FROM sessions WHERE revoked AND adopted_from IS NOT NULL");
            assert_eq!(deleted.unwrap_err().code, "23000", "the database keeps what the column still names");
            assert_dead(&app, OLD, "after a purge");
            let restarted = App::builder("web").database(&database).redis(&redis).start();
            assert_dead(&restarted, OLD, "after a restart");
        }
    }
}

#[test]
fn tokens_like_a_legacy_one_are_other_tokens_f1_f8() {
    let (database, _redis, app) = stack("web");
    older_person(&database, &app, "alice@example.com", "auth_token", OLD);
    let (upper, lower) = (OLD.to_uppercase(), OLD.to_lowercase());
    for other in [upper.as_str(), lower.as_str(), "", " ", &OLD[1..], "admin:x", "%61", "' OR true --"] {
        assert_dead(&app, other, other);
        assert_eq!(app.with_cookie(other).post_empty("/api/logout").status, 200, "{other}");
    }
    assert_eq!(app.with_cookie(OLD).get("/api/me").status, 200, "what others end is not ended by them");
    // The column holds it with a blank behind: that is not what the older software's client presents.
    database.execute("UPDATE users SET auth_token = 'token-with-blank '");
    assert_dead(&app, "token-with-blank", "the column has a blank");
    database.execute("UPDATE users SET auth_token = ''");
    assert_dead(&app, "", "an empty column");
}

#[test]
fn ending_everything_ends_what_stands_in_the_legacy_columns_f1_f2() {
    for end in ["revoke-others", "password", "block"] {
        let (database, redis, app) = stack("web");
        older_person(&database, &app, "alice@example.com", "session_id", OLD);
        let bearer = app.anon();
        let body = json!({"email": "alice@example.com", "password": PASSWORD, "transport": "bearer"});
        let bearer = app.with_bearer(&bearer.post("/api/login", &body).member("/token"));
        database.execute("UPDATE users SET auth_token = 'other-old-token'");
        older_key(&redis, "old-key-token", &id_of(&database, "alice@example.com"), 60, 600);
        let status = match end {
            "revoke-others" => bearer.post_empty("/api/sessions/revoke-others").status,
            "password" => {
                let body = json!({"current_password": PASSWORD, "new_password": "another password"});
                bearer.post("/api/password", &body).status
            }
            _ => {
                sessionctl(&database, &["user", "block", "alice@example.com"]);
                200
            }
        };
        assert_eq!(status, 200, "{end}");
        for token in [OLD, "other-old-token", "old-key-token"] {
            assert_dead(&app, token, &format!("{end}: {token}"));
            // An administrator lets the person in again: what was ended before stays so.
            database.execute("UPDATE users SET blocked_at = NULL");
            assert_dead(&app, token, &format!("{end}, unblocked: {token}"));
        }
        // The older software logs the person in again: that token is good, the older ones are not.
        database.execute("UPDATE users SET auth_token = 'newest-old-token'");
        older_key(&redis, "newest-key", &id_of(&database, "alice@example.com"), 0, 600);
        for token in ["newest-old-token", "newest-key"] {
            assert_eq!(app.with_cookie(token).get("/api/me").status, 200, "{end}: {token}");
        }
        for token in [OLD, "other-old-token", "old-key-token"] {
            assert_dead(&app, token, &format!("{end}, a newer login there: {token}"));
        }
    }
}

#[test]
fn a_login_ends_the_legacy_session_that_the_request_carried_a10() {
    let (database, redis, app) = stack("web");
    older_person(&database, &app, "alice@example.com", "session_id", OLD);
    let _bob = app.register("bob@example.com", PASSWORD);
    older_key(&redis, "old-key-token", &id_of(&database, "bob@example.com"), 60, 600);
    let client = app.anon();
    client.add_cookie("sessionId", OLD);
    client.add_cookie("auth_token", "old-key-token");
    assert_eq!(client.log_in("bob@example.com", PASSWORD).status, 200);
    assert_dead(&app, OLD, "carried by bob's login");
    assert_dead(&app, "old-key-token", "carried too");
    assert_eq!(client.get("/api/me").member("/user/email"), "bob@example.com");
}

#[test]
fn a_token_of_two_people_is_nobodys_and_switched_off_tokens_are_unknown_b10() {
    let (database, redis, app) = stack("web");
    older_person(&database, &app, "alice@example.com", "auth_token", OLD);
    older_person(&database, &app, "bob@example.com", "auth_token", OLD);
    assert_dead(&app, OLD, "two people's");
    assert_eq!(app.with_cookie(OLD).post_empty("/api/logout").status, 200);
    database.execute("UPDATE users SET auth_token = NULL WHERE email = 'bob@example.com'");
    assert_eq!(app.with_cookie(OLD).get("/api/me").member("/user/email"), "alice@example.com");
    database.execute("UPDATE users SET auth_token = 'token-of-bob' WHERE email = 'bob@example.com'");
    let off = App::builder("web").database(&database).redis(&redis).env("LEGACY_TOKENS", "off").start();
    off.with_bearer("token-of-bob").get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(off.with_bearer(OLD).get("/api/me").status, 200, "it has become a session like any other");
    let read = App::builder("web").database(&database).redis(&redis).env("LEGACY_TOKENS", "read").start();
    assert_eq!(read.with_bearer("token-of-bob").get("/api/me").status, 200);
    let login = read.log_in("alice@example.com", PASSWORD);
    assert_eq!(login.client.cookie("auth_token"), None);
    assert_eq!(database.value("SELECT auth_token FROM users WHERE email = 'alice@example.com'"), OLD);
}

#[test]
fn each_use_of_a_legacy_token_is_counted_a13() {
    let (database, redis, app) = stack("web");
    older_person(&database, &app, "alice@example.com", "auth_token", OLD);
    older_key(&redis, "old-key-token", &id_of(&database, "alice@example.com"), 60, 600);
    for _ in 0..3 {
        assert_eq!(app.with_cookie(OLD).get("/api/me").status, 200);
    }
    assert_eq!(app.with_cookie("old-key-token").get("/api/me").status, 200);
    let own = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(own.me().status, 200);
    let metrics = app.anon().get("/metrics").text();
    assert!(metrics.contains("session_legacy_uses_total{source=\"auth_token\"} 3"), "{metrics}");
    assert!(metrics.contains("session_legacy_uses_total{source=\"redis\"} 1"), "{metrics}");
    app.terminate();
    let uses = database.value(
        "SELECT string_agg(source || '=' || uses, ' ' ORDER BY source) FROM legacy_uses
         WHERE day = (now() AT TIME ZONE 'UTC')::date",
    );
    assert_eq!(uses, "auth_token=3 redis=1");
}
