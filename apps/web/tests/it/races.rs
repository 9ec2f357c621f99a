//! Races over HTTP: what began before an act that ends sessions is never live after it.

use serde_json::json;
use test_support::{App, TestDatabase, TestRedis, at_once, stack};

const ROUNDS: usize = 200;

/// Who acts at once in a round.
const CLIENTS: usize = 16;

#[test]
fn no_login_with_the_old_password_outlives_its_change_c1() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let app =
        App::builder("web").database(&database).redis(&redis).env("TRUSTED_PROXIES", "127.0.0.1").start();
    let password = |round: usize| format!("password of round {round}");
    let alice = app.register("alice@example.com", &password(0));
    let (mut before, mut after) = (0, 0);
    // Each login takes a hash: identity-db races the statements alone, 200 rounds of 16.
    for round in 0..100 {
        let (old, new) = (password(round), password(round + 1));
        let tokens = at_once(8, |index| {
            if index == 0 {
                let body = json!({"current_password": old, "new_password": new});
                let answer = alice.client.post("/api/password", &body);
                assert_eq!(answer.status, 204, "round {round}: {}", answer.text());
                return None;
            }
            // Each from its own address: refused guesses are counted.
            let client = app.anon().with_header("X-Forwarded-For", &format!("10.{round}.{index}.1"));
            let answer = client.log_in("alice@example.com", &old);
            assert!(matches!(answer.status, 200 | 401), "round {round}: {} {}", answer.status, answer.text());
            (answer.status == 200).then(|| client.cookie(app.cookie()).unwrap())
        });
        let tokens: Vec<String> = tokens.into_iter().flatten().collect();
        assert_eq!(database.number("SELECT count(*) FROM user_sessions"), 1, "round {round}");
        for token in &tokens {
            let me = app.with_cookie(token).get("/api/me");
            assert_eq!(me.status, 401, "round {round}: {}", me.text());
        }
        assert_eq!(alice.me().status, 200, "round {round}");
        before += tokens.len();
        after += 7 - tokens.len();
    }
    // A race that one side always wins has shown nothing.
    assert!(before > 0 && after > 0, "{before} logins came before the change, {after} after");
}

#[test]
fn a_session_that_was_used_while_it_was_ended_is_not_live_after_c4() {
    let (_database, redis, app) = stack("web");
    let _alice = app.register("alice@example.com", "correct horse battery");
    for round in 0..ROUNDS {
        let device = app.log_in("alice@example.com", "correct horse battery");
        // Each use now reads from Postgres and writes to Redis, maybe after the logout has deleted there.
        redis.flush();
        let statuses = at_once(CLIENTS, |index| match index {
            0 => device.log_out().status,
            _ => app.with_cookie(&device.token).get("/api/me").status,
        });
        assert_eq!(statuses[0], 200, "round {round}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "round {round}: {statuses:?}");
        for _ in 0..3 {
            let me = app.with_cookie(&device.token).get("/api/me");
            assert_eq!(me.status, 401, "round {round}: the session was ended before this was asked");
        }
    }
}

#[test]
fn one_address_is_registered_once_however_many_try() {
    let (database, _redis, app) = stack("web");
    for round in 0..6 {
        let email = format!("{round}@example.com");
        let body = json!({"email": email, "password": "correct horse battery"});
        let mut statuses = at_once(12, |_| app.anon().post("/api/register", &body).status);
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 11][..]), "round {round}");
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 6);
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 6);
}

#[test]
fn of_devices_that_end_each_other_one_is_left_c1() {
    let (_database, _redis, app) = stack("web");
    let _alice = app.register("alice@example.com", "correct horse battery");
    for round in 0..10 {
        let devices: Vec<_> =
            (0..4).map(|_| app.log_in("alice@example.com", "correct horse battery")).collect();
        let statuses =
            at_once(4, |index| devices[index].client.post_empty("/api/sessions/revoke-others").status);
        let live = devices.iter().filter(|device| device.me().status == 200).count();
        // Each act ends all others: one of them was the last, and only its caller goes on.
        assert_eq!(live, 1, "round {round}: {statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "round {round}: {statuses:?}");
    }
}
