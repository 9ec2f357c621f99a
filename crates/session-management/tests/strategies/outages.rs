//! What each strategy makes of a Postgres that is away.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use test_support::{App, TestDatabase, TestPostgres, TestRedis, eventually};

use crate::{PASSWORD, assert_refused_soon, counter, set};

fn web(database: &TestDatabase, redis: &TestRedis, strategy: &str) -> App {
    App::builder("web").database(database).redis(redis).env("MIGRATION_STRATEGY", strategy).start()
}

#[test]
fn with_write_through_nobody_feels_an_outage_and_nothing_is_missed_a8() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    let app = web(&database, &redis, "mock-with-write-through");
    let alice = app.register("alice@example.com", PASSWORD);
    let (ended, other) =
        (app.log_in("alice@example.com", PASSWORD), app.log_in("alice@example.com", PASSWORD));
    let unknown = app.with_bearer("nobody-has-this-token");
    postgres.stop();
    for device in [&alice, &ended, &other] {
        assert_eq!(device.me().status, 200);
    }
    assert_eq!(app.anon().get("/readyz").status, 200, "nobody is sent elsewhere");
    assert_eq!(app.anon().get("/readyz").json()["postgres"], "down");
    // Another process may have opened it.
    unknown.get("/api/me").assert_problem(503, "unavailable");
    assert_eq!(unknown.post_empty("/api/logout").status, 200);
    let bob = app.register("bob@example.com", PASSWORD);
    let late = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(ended.log_out().status, 200);
    ended.me().assert_problem(401, "unauthenticated");
    assert_eq!(late.client.get("/api/sessions").json()["sessions"].as_array().unwrap().len(), 3);
    let body = json!({"current_password": PASSWORD, "new_password": "another password"});
    assert_eq!(late.client.post("/api/password", &body).status, 204);
    alice.me().assert_problem(401, "unauthenticated");
    let current = late.me().member("/session/id");
    for operation in ["look_up", "create", "create_session", "delete_session", "end_others"] {
        let name = format!("session_strategy_production_failures_total{{operation=\"{operation}\"}}");
        assert!(counter(&app.anon(), &name) > 0, "{operation}");
    }
    postgres.start_again();
    let live = "SELECT string_agg(s.id, ' ' ORDER BY s.id) FROM sessions s JOIN users u ON u.id = s.user_id
                WHERE NOT s.revoked";
    let mut expected = [current, bob.session_id.clone()];
    expected.sort();
    eventually("production has everything", Duration::from_secs(15), || {
        let rows = database.try_execute("SELECT 1").is_ok().then(|| database.value(live))?;
        (rows == expected.join(" ")).then_some(())
    });
    set(&database, "production-only");
    assert_eq!((late.me().status, bob.me().status), (200, 200));
    for device in [&alice, &ended, &other] {
        app.with_cookie(&device.token).get("/api/me").assert_problem(401, "unauthenticated");
    }
    app.anon().log_in("alice@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
    assert_eq!(app.log_in("alice@example.com", "another password").me().status, 200);
}

#[test]
fn with_write_through_an_outage_is_no_no_to_sessions_of_another_process_a8_f12() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    let (here, there) = (
        web(&database, &redis, "mock-with-write-through"),
        web(&database, &redis, "mock-with-write-through"),
    );
    let pc = here.register("alice@example.com", PASSWORD);
    let phone = there.log_in("alice@example.com", PASSWORD);
    postgres.stop();
    here.with_cookie(&phone.token).get("/api/me").assert_problem(503, "unavailable");
    let path = format!("/api/sessions/{}", phone.session_id);
    pc.client.delete(&path).assert_problem(503, "unavailable");
    assert_eq!(phone.me().status, 200, "it goes on where it is known");
    postgres.start_again();
    eventually("it can be ended", Duration::from_secs(10), || {
        (pc.client.delete(&path).status == 204).then_some(())
    });
    assert_refused_soon(&phone.client);
}

#[test]
fn with_write_through_one_request_at_a_time_waits_for_a_postgres_that_hangs_a8() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let app = web(&postgres.database(), &redis, "mock-with-write-through");
    let alice = app.register("alice@example.com", PASSWORD);
    let _paused = postgres.pause();
    assert_eq!(alice.me().status, 200, "the first finds out");
    let began = Instant::now();
    let asking = || {
        let device = app.with_cookie(&alice.token);
        let mut slow = 0;
        while began.elapsed() < Duration::from_secs(4) {
            let asked = Instant::now();
            assert_eq!(device.get("/api/me").status, 200);
            slow += usize::from(asked.elapsed() > Duration::from_millis(500));
        }
        slow
    };
    let slow: usize = thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(asking)).collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    assert!((1..=5).contains(&slow), "{slow} of them in four seconds");
}

/// With the older software at its side.
fn dual_writing(database: &TestDatabase, redis: &TestRedis) -> App {
    let builder = App::builder("web").database(database).redis(redis);
    builder.env("MIGRATION_STRATEGY", "mock-with-write-through").env("LEGACY_TOKENS", "dual-write").start()
}

#[test]
fn what_the_older_software_is_to_know_is_told_after_an_outage_a8_b3() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    let app = dual_writing(&database, &redis);
    let _first = app.register("alice@example.com", PASSWORD);
    postgres.stop();
    let second = app.log_in("alice@example.com", PASSWORD);
    let third = app.log_in("alice@example.com", PASSWORD);
    postgres.start_again();
    eventually("the newest is told", Duration::from_secs(15), || {
        (database.value("SELECT auth_token FROM users") == third.token).then_some(())
    });
    assert_eq!(second.me().status, 200);
}

#[test]
fn of_what_has_ended_in_an_outage_the_older_software_is_told_nothing_a8_b3() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    let app = dual_writing(&database, &redis);
    let first = app.register("alice@example.com", PASSWORD);
    postgres.stop();
    let second = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(second.log_out().status, 200);
    postgres.start_again();
    let ended = format!("SELECT count(*) FROM sessions WHERE revoked AND id = '{}'", second.session_id);
    eventually("all is told", Duration::from_secs(15), || (database.number(&ended) == 1).then_some(()));
    assert_eq!(database.value("SELECT auth_token FROM users"), first.token);
}

#[test]
fn an_outage_is_no_miss_in_gradual_a8() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    let app = web(&database, &redis, "mock-only");
    let alice = app.register("alice@example.com", PASSWORD);
    set(&database, "gradual");
    assert_eq!(alice.me().status, 200);
    postgres.stop();
    // The old store still has the session; it is not asked.
    eventually("the lease is over", Duration::from_secs(3), || (alice.me().status == 503).then_some(()));
    alice.me().assert_problem(503, "unavailable");
    app.anon().log_in("alice@example.com", PASSWORD).assert_problem(503, "unavailable");
    alice.client.post_empty("/api/logout").assert_problem(503, "unavailable");
    postgres.start_again();
    eventually("it goes on", Duration::from_secs(5), || (alice.me().status == 200).then_some(()));
}

#[test]
fn a_switch_that_cannot_be_finished_changes_nothing_and_is_tried_again_a8() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    let app = web(&database, &redis, "mock-only");
    let alice = app.register("alice@example.com", PASSWORD);
    // Sessions cannot be written, as when the disk is full.
    database.execute("REVOKE INSERT ON sessions FROM test_app");
    let asked =
        test_support::try_sessionctl(&database, &["strategy", "set", "gradual", "--wait-seconds", "1"], "");
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.errors.contains("not every process runs it: web "), "{asked:?}");
    assert_eq!(counter(&app.anon(), "session_strategy{strategy=\"mock-only\"}"), 1);
    assert_eq!(alice.me().status, 200);
    let bob = app.register("bob@example.com", PASSWORD);
    database.execute("GRANT INSERT ON sessions TO test_app");
    set(&database, "gradual");
    assert_eq!((alice.me().status, bob.me().status), (200, 200));
    assert_eq!(database.number("SELECT count(*) FROM sessions WHERE NOT revoked"), 2);
}
