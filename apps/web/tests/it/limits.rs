//! How often one may try, and that nobody is locked out by what others try.

use serde_json::json;
use test_support::{App, Client, Response, TestDatabase, TestRedis, at_once};

use crate::PASSWORD;

/// Web behind a proxy on this machine, so that a test can come from anywhere.
fn stack() -> (TestDatabase, TestRedis, App) {
    stack_with(&[])
}

/// The same with other limits.
fn stack_with(limits: &[(&str, &str)]) -> (TestDatabase, TestRedis, App) {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis).env("TRUSTED_PROXIES", "127.0.0.1");
    let app = limits.iter().fold(builder, |builder, (name, value)| builder.env(name, value)).start();
    (database, redis, app)
}

fn count(answers: &[Response], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn from(app: &App, address: &str) -> Client {
    app.anon().with_header("X-Forwarded-For", address)
}

fn wrong(client: &Client, email: &str) -> Response {
    client.log_in(email, "wrong password")
}

fn assert_limited(answer: &Response, window: u64) {
    answer.assert_problem(429, "rate_limited");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=window).contains(&wait), "{wait}");
    assert!(answer.set_cookies().is_empty());
}

#[test]
fn ten_wrong_passwords_from_one_address_are_the_last_for_this_account_there() {
    let (_database, _redis, app) = stack();
    let _alice = app.register("alice@example.com", PASSWORD);
    let _bob = app.register("bob@example.com", PASSWORD);
    let here = from(&app, "192.0.2.1");
    for attempt in 1..=10 {
        // The spelling of an address gives no further attempts.
        let email = if attempt % 2 == 0 { "alice@example.com" } else { " ALICE@example.com " };
        wrong(&here, email).assert_problem(401, "invalid_credentials");
    }
    assert_limited(&wrong(&here, "alice@example.com"), 900);
    assert_limited(&here.log_in("alice@example.com", PASSWORD), 900);
    assert_eq!(from(&app, "192.0.2.2").log_in("alice@example.com", PASSWORD).status, 200, "from elsewhere");
    assert_eq!(here.log_in("bob@example.com", PASSWORD).status, 200, "another account");
}

#[test]
fn a_right_password_does_not_count() {
    let (_database, _redis, app) = stack();
    let _alice = app.register("alice@example.com", PASSWORD);
    let here = from(&app, "192.0.2.1");
    for _ in 0..9 {
        assert_eq!(wrong(&here, "alice@example.com").status, 401);
    }
    for _ in 0..12 {
        assert_eq!(here.log_in("alice@example.com", PASSWORD).status, 200);
    }
    assert_eq!(wrong(&here, "alice@example.com").status, 401);
    assert_limited(&wrong(&here, "alice@example.com"), 900);
}

#[test]
fn right_passwords_at_once_are_never_refused() {
    let (_database, _redis, app) = stack();
    let _alice = app.register("alice@example.com", PASSWORD);
    let statuses = at_once(24, |_| from(&app, "192.0.2.1").log_in("alice@example.com", PASSWORD).status);
    assert_eq!(statuses, [200; 24]);
}

#[test]
fn right_passwords_at_once_do_not_use_up_the_one_attempt_that_there_is() {
    let (_database, _redis, app) = stack_with(&[("LIMIT_LOGINS_PER_ACCOUNT", "1")]);
    let _alice = app.register("alice@example.com", PASSWORD);
    let here = || from(&app, "192.0.2.1");
    for round in 0..3 {
        let answers = at_once(12, |_| here().log_in("alice@example.com", PASSWORD));
        assert_eq!(count(&answers, 200), 12, "round {round}");
    }
    let answers = at_once(12, |_| wrong(&here(), "alice@example.com"));
    assert_eq!((count(&answers, 401), count(&answers, 429)), (1, 11));
}

#[test]
fn guesses_amid_right_passwords_do_not_outrun_the_count() {
    let (_database, _redis, app) = stack_with(&[("LIMIT_LOGINS_PER_ACCOUNT", "3")]);
    let _alice = app.register("alice@example.com", PASSWORD);
    let answers = at_once(24, |index| match index % 2 {
        0 => from(&app, "192.0.2.1").log_in("alice@example.com", PASSWORD),
        _ => wrong(&from(&app, "192.0.2.1"), "alice@example.com"),
    });
    let guesses: Vec<Response> = answers.into_iter().skip(1).step_by(2).collect();
    assert_eq!((count(&guesses, 401), count(&guesses, 429)), (3, 9));
}

#[test]
fn every_limit_can_be_set() {
    let (_database, _redis, app) = stack_with(&[
        ("LIMIT_LOGINS_PER_ACCOUNT", "2"),
        ("LIMIT_LOGINS_PER_ADDRESS", "3"),
        ("LIMIT_REGISTRATIONS_PER_ADDRESS", "1"),
    ]);
    let here = from(&app, "192.0.2.1");
    let register = |email: &str| here.post("/api/register", &json!({"email": email, "password": PASSWORD}));
    assert_eq!(register("alice@example.com").status, 201);
    assert_limited(&register("bob@example.com"), 3600);
    for _ in 0..2 {
        wrong(&here, "alice@example.com").assert_problem(401, "invalid_credentials");
    }
    assert_limited(&wrong(&here, "alice@example.com"), 900);
    wrong(&here, "bob@example.com").assert_problem(401, "invalid_credentials");
    assert_limited(&wrong(&here, "carol@example.com"), 900);
}

#[test]
fn parallel_guesses_do_not_outrun_the_count() {
    let (_database, _redis, app) = stack();
    let _alice = app.register("alice@example.com", PASSWORD);
    let answers = at_once(32, |_| wrong(&from(&app, "192.0.2.1"), "alice@example.com"));
    assert_eq!((count(&answers, 401), count(&answers, 429)), (10, 22));
    answers.iter().filter(|answer| answer.status == 429).for_each(|answer| assert_limited(answer, 900));
}

#[test]
fn an_unknown_account_is_counted_like_a_known_one() {
    let (_database, _redis, app) = stack();
    let here = from(&app, "192.0.2.1");
    for _ in 0..10 {
        assert_eq!(wrong(&here, "nobody@example.com").status, 401);
    }
    assert_limited(&wrong(&here, "nobody@example.com"), 900);
}

#[test]
fn counts_outlive_a_flushed_and_a_dead_redis_and_a_restart() {
    let (database, redis, app) = stack();
    let _alice = app.register("alice@example.com", PASSWORD);
    for _ in 0..10 {
        assert_eq!(wrong(&from(&app, "192.0.2.1"), "alice@example.com").status, 401);
    }
    redis.flush();
    assert_limited(&wrong(&from(&app, "192.0.2.1"), "alice@example.com"), 900);
    redis.stop();
    assert_limited(&wrong(&from(&app, "192.0.2.1"), "alice@example.com"), 900);
    for _ in 0..10 {
        assert_eq!(wrong(&from(&app, "192.0.2.9"), "alice@example.com").status, 401);
    }
    assert_limited(&wrong(&from(&app, "192.0.2.9"), "alice@example.com"), 900);
    let again =
        App::builder("web").database(&database).redis(&redis).env("TRUSTED_PROXIES", "127.0.0.1").start();
    assert_limited(&wrong(&from(&again, "192.0.2.1"), "alice@example.com"), 900);
}

#[test]
fn a_window_of_fifteen_minutes_passes() {
    let (database, _redis, app) = stack();
    let _alice = app.register("alice@example.com", PASSWORD);
    let here = from(&app, "192.0.2.1");
    for _ in 0..10 {
        assert_eq!(wrong(&here, "alice@example.com").status, 401);
    }
    database.execute("UPDATE rate_limits SET window_start = window_start - interval '14 minutes 50 seconds'");
    assert_limited(&here.log_in("alice@example.com", PASSWORD), 10);
    database.execute("UPDATE rate_limits SET window_start = window_start - interval '10 seconds'");
    assert_eq!(here.log_in("alice@example.com", PASSWORD).status, 200);
}

#[test]
fn an_address_that_failed_three_hundred_times_is_refused_and_an_ipv6_network_is_one() {
    let (database, _redis, app) = stack();
    let _alice = app.register("alice@example.com", PASSWORD);
    for address in ["192.0.2.1", "2001:db8:1:2::1"] {
        assert_eq!(wrong(&from(&app, address), "nobody@example.com").status, 401);
    }
    // 299 further failures for other accounts; one count is left.
    database.execute("UPDATE rate_limits SET attempts = attempts + 298 WHERE purpose = 'login_address'");
    assert_eq!(wrong(&from(&app, "192.0.2.1"), "someone@example.com").status, 401);
    assert_limited(&wrong(&from(&app, "192.0.2.1"), "another@example.com"), 900);
    assert_eq!(wrong(&from(&app, "2001:db8:1:2:ffff::9"), "someone@example.com").status, 401);
    assert_limited(&wrong(&from(&app, "2001:db8:1:2:abcd::7"), "another@example.com"), 900);
    assert_eq!(from(&app, "2001:db8:1:3::1").log_in("alice@example.com", PASSWORD).status, 200);
    assert_eq!(from(&app, "192.0.2.2").log_in("alice@example.com", PASSWORD).status, 200);
}

#[test]
fn registrations_are_counted_by_address_also_refused_ones() {
    let (database, _redis, app) = stack();
    let register = |address: &str, email: &str| {
        from(&app, address).post("/api/register", &json!({"email": email, "password": PASSWORD}))
    };
    assert_eq!(register("192.0.2.1", "alice@example.com").status, 201);
    database.execute("UPDATE rate_limits SET attempts = 299 WHERE purpose = 'registration_address'");
    // A taken address is the one answer that tells, so it is one that counts.
    assert_eq!(register("192.0.2.1", "alice@example.com").status, 409);
    assert_limited(&register("192.0.2.1", "alice@example.com"), 3600);
    assert_limited(&register("192.0.2.1", "bob@example.com"), 3600);
    assert_eq!(register("192.0.2.2", "bob@example.com").status, 201);
}

#[test]
fn wrong_proofs_inside_a_session_are_counted_too() {
    let (_database, _redis, app) = stack();
    let alice = app.register("alice@example.com", PASSWORD);
    for attempt in 0..10 {
        let answer = if attempt % 2 == 0 {
            alice.client.post("/api/reauthenticate", &json!({"password": "wrong password"}))
        } else {
            let body = json!({"current_password": "wrong password", "new_password": "another password"});
            alice.client.post("/api/password", &body)
        };
        answer.assert_problem(401, "invalid_credentials");
    }
    assert_limited(&alice.client.post("/api/reauthenticate", &json!({"password": PASSWORD})), 900);
    assert_eq!(alice.me().status, 200, "the session itself goes on");
}

#[test]
fn a_strangers_x_forwarded_for_is_not_believed() {
    let (database, redis, _) = stack();
    let app = App::builder("web").database(&database).redis(&redis).start();
    let alice = app.register("alice@example.com", PASSWORD);
    assert_eq!(alice.me().member("/session/ip_address"), "127.0.0.1");
    let elsewhere = from(&app, "198.51.100.1").log_in("alice@example.com", PASSWORD);
    assert_eq!(elsewhere.member("/session/ip_address"), "127.0.0.1");
    for attempt in 0..10 {
        assert_eq!(wrong(&from(&app, &format!("198.51.100.{attempt}")), "alice@example.com").status, 401);
    }
    assert_limited(&wrong(&from(&app, "198.51.100.99"), "alice@example.com"), 900);
}
