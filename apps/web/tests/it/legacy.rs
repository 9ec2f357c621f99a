//! What people bring from the older software: tokens without a row, in a column or under a key of Redis. Each works as
//! long as it did, becomes one row, ends as any session ends, and then stays dead wherever it still stands.

use std::time::Duration;

use serde_json::json;
use session_management::{Clock, SystemClock};
use test_support::{App, Client, TestDatabase, TestRedis, at_once, eventually, sessionctl, stack};

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
fn a_session_of_the_older_softwares_redis_works_until_it_ends_and_stays_dead_when_its_key_comes_back_a12_f8()
{
    let (database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    older_key(&redis, OLD, &alice.user_id, 3600, 600);
    let client = app.with_cookie(OLD);
    let me = client.get("/api/me");
    assert_eq!(me.member("/user/id"), alice.user_id);
    assert_eq!(
        (me.member("/session/ip_address"), me.member("/session/user_agent")),
        ("192.0.2.7".into(), "Old/1".into())
    );
    let left = database.number(
        "SELECT extract(epoch FROM expires_at - now())::bigint FROM sessions WHERE adopted_from = 'redis'",
    );
    assert!((590..=600).contains(&left), "it ends when it would have ended: {left} s");
    redis.flush();
    assert_eq!(client.get("/api/sessions").status, 200, "it was adopted");
    older_key(&redis, OLD, &alice.user_id, 3600, 600);
    assert_eq!(client.post_empty("/api/logout").status, 200);
    assert!(!redis.dump().contains_key(&format!("session:{OLD}")), "the older software lets it in no more");
    older_key(&redis, OLD, &alice.user_id, 3600, 600);
    assert_dead(&app, OLD, "its key came back");
    let delete = database.try_execute("DELETE FROM sessions WHERE adopted_from = 'redis'");
    assert_eq!(delete.unwrap_err().code, "23000");

    older_key(&redis, "expired-old-key", &alice.user_id, 3600, -1);
    assert_dead(&app, "expired-old-key", "expired");
    assert!(!redis.dump().contains_key("session:expired-old-key"), "A5: an expired value is deleted on read");
    for broken in ["", "null", "{}", "[]", r#"{"user_id":"1","expires_at":99999999999999}"#] {
        redis.command(&["SET", "session:broken-old-key", broken]);
        assert_dead(&app, "broken-old-key", broken);
    }
    older_key(&redis, "nobodys-old-key", "00000000-0000-4000-8000-000000000000", 1, 600);
    assert_dead(&app, "nobodys-old-key", "of nobody");
}

#[test]
fn a_key_of_the_older_software_opens_by_every_carrier_and_nothing_that_comes_back_outlives_its_end_a12_f1_f8()
{
    let (database, redis, app) = stack("web");
    let panel = App::builder("admin-panel").database(&database).redis(&redis).start();
    let alice = app.register("alice@example.com", PASSWORD);
    database.execute("UPDATE users SET role = 'admin'");
    type End = fn(&TestDatabase, &test_support::Actor, &Client, &str);
    let ends: [(&str, End); 4] = [
        ("its own end", |database, _, _, id| {
            database.execute(&format!("UPDATE sessions SET expires_at = now() WHERE id = '{id}'"));
        }),
        ("another device", |_, alice, _, id| {
            assert_eq!(alice.client.delete(&format!("/api/sessions/{id}")).status, 204);
        }),
        ("an operator", |database, alice, _, id| {
            sessionctl(database, &["session", "revoke", &alice.user_id, "--session", id]);
        }),
        ("a logout", |_, _, client, _| assert_eq!(client.post_empty("/api/logout").status, 200)),
    ];
    for (number, (end, act)) in ends.into_iter().enumerate() {
        let token = format!("old-key-token-{number}");
        older_key(&redis, &token, &alice.user_id, 60, 600);
        for way in [panel.with_cookie(&token), panel.with_bearer(&token)] {
            assert_eq!(way.get("/api/me").status, 401, "never admin");
        }
        let mut ids = Vec::new();
        for client in presented(&app, &token) {
            let me = client.get("/api/me");
            assert_eq!(me.member("/user/id"), alice.user_id);
            ids.push(me.member("/session/id"));
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "one session, however it is presented");
        act(&database, &alice, &app.with_cookie(&token), &ids[0]);
        eventually("it has ended", Duration::from_millis(500), || {
            (app.with_cookie(&token).get("/api/me").status == 401).then_some(())
        });
        // The older software, or a replica of its Redis, brings the key back with a later end.
        older_key(&redis, &token, &alice.user_id, 0, 6000);
        assert_dead(&app, &token, end);
        for way in [panel.with_cookie(&token), panel.with_bearer(&token)] {
            assert_eq!(way.get("/api/me").status, 401, "never admin, after {end}");
        }
        redis.flush();
        older_key(&redis, &token, &alice.user_id, 0, 6000);
        assert_dead(&App::builder("web").database(&database).redis(&redis).start(), &token, end);
    }
    assert_eq!(alice.me().status, 200);
}

#[test]
fn without_redis_a_token_that_no_column_names_is_neither_let_in_nor_refused_f12() {
    let (database, redis, app) = stack("web");
    older_person(&database, &app, "alice@example.com", "auth_token", OLD);
    let known = app.register("bob@example.com", PASSWORD);
    redis.stop();
    let unknown = app.with_cookie("might-be-a-key");
    let answer = unknown.get("/api/me");
    answer.assert_problem(503, "unavailable");
    assert!(answer.set_cookies().is_empty());
    let logout = unknown.post_empty("/api/logout");
    logout.assert_problem(503, "unavailable");
    assert!(logout.set_cookies().is_empty(), "the cookie is kept");
    assert_eq!(app.with_cookie(OLD).get("/api/me").status, 200, "a column names it");
    assert_eq!(app.with_cookie(OLD).post_empty("/api/logout").status, 200);
    assert_eq!(known.log_out().status, 200);
    assert_eq!(known.me().status, 401, "it has a row, and that decides");
    assert_eq!(known.log_out().status, 200, "again");
    let carries = app.anon();
    carries.add_cookie("sessionId", "might-be-a-key");
    assert_eq!(
        carries.log_in("alice@example.com", PASSWORD).status,
        200,
        "that keeps nobody from logging in"
    );
    let off = App::builder("web").database(&database).redis(&redis).env("LEGACY_TOKENS", "off").start();
    off.with_cookie("might-be-a-key").get("/api/me").assert_problem(401, "unauthenticated");
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

#[test]
fn many_first_uses_at_once_make_one_row_b5() {
    let (database, redis, app) = stack("web");
    let other = App::builder("web").database(&database).redis(&redis).start();
    older_person(&database, &app, "alice@example.com", "auth_token", OLD);
    let user_id = id_of(&database, "alice@example.com");
    for round in 0..200 {
        let token = format!("old-token-{round}");
        let column = round % 2 == 0;
        if column {
            database.execute(&format!("UPDATE users SET auth_token = '{token}'"));
        } else {
            older_key(&redis, &token, &user_id, 60, 600);
        }
        let statuses = at_once(16, |index| {
            let app = if index % 2 == 0 { &app } else { &other };
            app.with_bearer(&token).get("/api/me").status
        });
        // What a column names needs no Redis. A key does, and 503 says that Redis was slower than a request waits.
        let allowed = |status: &u16| *status == 200 || (!column && *status == 503);
        assert!(statuses.iter().all(allowed) && statuses.contains(&200), "round {round}: {statuses:?}");
        let rows = format!("SELECT count(*) FROM sessions WHERE id = session_digest('{token}')");
        assert_eq!(database.number(&rows), 1, "round {round}");
    }
    assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'session_adopted'"), 200);
}

#[test]
fn an_adoption_does_not_survive_an_end_of_everything_f1() {
    race_adoption_with_an_end(true);
}

#[test]
fn an_adoption_does_not_survive_its_own_logout_f1_f2() {
    race_adoption_with_an_end(false);
}

fn race_adoption_with_an_end(end_all: bool) {
    let (database, redis, app) = stack("web");
    older_person(&database, &app, "alice@example.com", "auth_token", OLD);
    let user_id = id_of(&database, "alice@example.com");
    let body = json!({"email": "alice@example.com", "password": PASSWORD, "transport": "bearer"});
    let mut own = app.anon().post("/api/login", &body).member("/token");
    for round in 0..200 {
        let token = format!("old-token-{round}");
        match round % 2 {
            0 => drop(database.execute(&format!("UPDATE users SET auth_token = '{token}'"))),
            _ => older_key(&redis, &token, &user_id, 60, 600),
        }
        let answers = at_once(16, |index| {
            if index > 0 {
                let status = app.with_bearer(&token).get("/api/me").status;
                // 503: a token that no column names, and Redis was slower than a request waits for it.
                assert!(matches!(status, 200 | 401 | 503), "round {round}: {status}");
                return None;
            }
            if end_all {
                let answer = app.with_bearer(&own).post_empty("/api/sessions/revoke-others");
                assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
                return Some(answer.member("/token"));
            }
            let answer = app.with_bearer(&token).post_empty("/api/logout");
            assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
            None
        });
        if let Some(token) = answers.into_iter().flatten().next() {
            own = token;
        }
        let me = app.with_bearer(&token).get("/api/me");
        assert_eq!(me.status, 401, "round {round}, end all {end_all}: {}", me.text());
        redis.flush();
        let me = app.with_bearer(&token).get("/api/me");
        assert_eq!(me.status, 401, "round {round}, end all {end_all}, flushed: {}", me.text());
    }
}
