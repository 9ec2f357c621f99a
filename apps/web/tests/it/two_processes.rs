//! Two processes of web beside each other: what ends in one has ended in the other.

use std::time::Duration;

use serde_json::json;
use test_support::{Actor, App, TestDatabase, TestRedis, stack};

use crate::{PASSWORD, assert_refused_soon};

/// Ends the session of one device, maybe from another.
type End<'a> = &'a dyn Fn(&Actor, &Actor);

fn two() -> (TestDatabase, TestRedis, App, App) {
    let (database, redis, here) = stack("web");
    let there = App::builder("web").database(&database).redis(&redis).start();
    here.wait_for_lease();
    there.wait_for_lease();
    (database, redis, here, there)
}

#[test]
fn a_session_is_the_same_in_both_b1() {
    let (_database, _redis, here, there) = two();
    let alice = here.register("alice@example.com", PASSWORD);
    assert_eq!(there.with_cookie(&alice.token).get("/api/me").json(), alice.me().json());
}

#[test]
fn every_way_to_end_a_session_here_is_heard_there_c4() {
    let (database, _redis, here, there) = two();
    let ways: [(&str, End<'_>); 5] = [
        ("logout", &|one, _| assert_eq!(one.log_out().status, 200)),
        ("ended by another device", &|one, other| {
            assert_eq!(other.client.delete(&format!("/api/sessions/{}", one.session_id)).status, 204);
        }),
        ("all others ended", &|_, other| {
            assert_eq!(other.client.post_empty("/api/sessions/revoke-others").status, 200);
        }),
        ("a new password", &|_, other| {
            let body = json!({"current_password": PASSWORD, "new_password": "another password"});
            assert_eq!(other.client.post("/api/password", &body).status, 204);
            let body = json!({"current_password": "another password", "new_password": PASSWORD});
            assert_eq!(other.client.post("/api/password", &body).status, 204);
        }),
        ("SQL", &|one, _| {
            database.execute(&format!("UPDATE sessions SET revoked = true WHERE id = '{}'", one.session_id));
        }),
    ];
    let _alice = here.register("alice@example.com", PASSWORD);
    for (way, end) in ways {
        let one = here.log_in("alice@example.com", PASSWORD);
        let other = here.log_in("alice@example.com", PASSWORD);
        let elsewhere = there.with_cookie(&one.token);
        assert_eq!(elsewhere.get("/api/me").status, 200, "{way}");
        end(&one, &other);
        assert_refused_soon(&elsewhere);
    }
}

#[test]
fn a_lost_deletion_and_a_value_that_was_put_back_open_nothing_there_c4() {
    let (database, redis, here, there) = two();
    let alice = here.register("alice@example.com", PASSWORD);
    assert_eq!(there.with_cookie(&alice.token).get("/api/me").status, 200);
    redis.lose_deletions();
    assert_eq!(alice.log_out().status, 200);
    let key = format!("session:web:{}", alice.session_id);
    let value = redis.command(&["GET", &key]).text().to_owned();
    assert_refused_soon(&there.with_cookie(&alice.token));
    redis.command(&["SET", &key, &value]);
    there.with_cookie(&alice.token).get("/api/me").assert_problem(401, "unauthenticated");
    // A process that begins only now has heard of nothing; it believes nothing from before it began.
    let later = App::builder("web").database(&database).redis(&redis).start();
    later.wait_for_lease();
    later.with_cookie(&alice.token).get("/api/me").assert_problem(401, "unauthenticated");
}

#[test]
fn a_process_that_hears_nothing_believes_no_cache_c4() {
    let (database, _redis, here, there) = two();
    let alice = here.register("alice@example.com", PASSWORD);
    let elsewhere = there.with_cookie(&alice.token);
    for _ in 0..5 {
        assert_eq!(elsewhere.get("/api/me").status, 200);
        // Every connection is cut, so that the notification of the end may find nobody listening.
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'test_app'",
        );
        let phone = here.anon();
        let token = test_support::eventually("a login works again", Duration::from_secs(3), || {
            (phone.log_in("alice@example.com", PASSWORD).status == 200).then(|| phone.cookie("sessionId"))
        });
        let token = token.unwrap();
        let on_phone = there.with_cookie(&token);
        assert_eq!(on_phone.get("/api/me").status, 200);
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'test_app'",
        );
        database.execute(&format!("UPDATE sessions SET revoked = true WHERE id = session_digest('{token}')"));
        assert_refused_soon(&on_phone);
    }
}
