//! What stands in Redis: sessions under the keys of the older software.

use test_support::{App, Client, TestDatabase, sessionctl, stack};

use super::{OLD, assert_dead, older_key, older_person, presented};
use crate::{PASSWORD, assert_refused_soon};

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
        assert_refused_soon(&app.with_cookie(&token));
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
