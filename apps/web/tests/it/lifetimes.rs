//! How long a session lives, used and unused.

use std::time::Duration;

use test_support::{Actor, App, TestDatabase, TestRedis, eventually, stack};

use crate::{PASSWORD, assert_refused_soon};

/// Moves everything that the rows say of time into the past, which is what waiting would do.
fn pass(database: &TestDatabase, redis: &TestRedis, time: &str) {
    database.execute(&format!(
        "UPDATE sessions SET created_at = created_at - interval '{time}',
             last_activity = last_activity - interval '{time}', expires_at = expires_at - interval '{time}',
             absolute_expires_at = absolute_expires_at - interval '{time}',
             authenticated_at = authenticated_at - interval '{time}'"
    ));
    redis.flush();
}

#[test]
fn an_unused_session_ends_after_thirty_days_c3() {
    let (database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    pass(&database, &redis, "29 days 23 hours 59 minutes");
    assert_eq!(alice.me().status, 200);
    let bob = app.register("bob@example.com", PASSWORD);
    pass(&database, &redis, "30 days 1 second");
    assert_refused_soon(&alice.client);
    assert_refused_soon(&bob.client);
    bob.bearer().get("/api/me").assert_problem(401, "unauthenticated");
    let carol = app.log_in("bob@example.com", PASSWORD);
    let listed = carol.client.get("/api/sessions").json();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1, "an expired one is not listed: {listed}");
}

#[test]
fn a_used_session_ends_after_ninety_days_c3() {
    let (database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let in_use = "UPDATE sessions SET expires_at = now() + interval '30 days', last_activity = now()";
    pass(&database, &redis, "89 days 23 hours 59 minutes");
    database.execute(in_use);
    redis.flush();
    assert_eq!(alice.me().status, 200);
    pass(&database, &redis, "61 seconds");
    database.execute(in_use);
    redis.flush();
    assert_refused_soon(&alice.client);
}

#[test]
fn the_life_is_what_the_settings_say_c3() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("SESSION_IDLE_SECONDS", "100").env("SESSION_ABSOLUTE_SECONDS", "1000").start();
    let alice = app.register("alice@example.com", PASSWORD);
    let ends = "SELECT extract(epoch FROM expires_at - created_at)::int || ' ' ||
                       extract(epoch FROM absolute_expires_at - created_at)::int FROM sessions";
    assert_eq!(database.value(ends), "100 1000");
    pass(&database, &redis, "101 seconds");
    assert_refused_soon(&alice.client);
}

/// Uses the session until the process has heard that its row has changed, and reads it: half a second is allowed.
#[track_caller]
fn use_until_postgres_is_asked(app: &App, actor: &Actor) {
    let asked = || app.log().matches("tier=postgres").count();
    let before = asked();
    eventually("Postgres is asked", Duration::from_secs(1), || {
        assert_eq!(actor.me().status, 200);
        (asked() > before).then_some(())
    });
}

#[test]
fn use_moves_the_idle_end_without_a_write_in_the_request_c3_f7() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("SESSION_IDLE_SECONDS", "20").env("SESSION_ABSOLUTE_SECONDS", "1000").start();
    let alice = app.register("alice@example.com", PASSWORD);
    // So long that a use is worth a mark, so short that the session is still alive.
    pass(&database, &redis, "15 seconds");
    let row = "SELECT expires_at FROM sessions";
    let before = database.value(row);
    use_until_postgres_is_asked(&app, &alice);
    let moved =
        "SELECT expires_at > now() + interval '10 seconds' AND last_activity > now() - interval '10 seconds'
                 FROM sessions";
    eventually("the use is written down", Duration::from_secs(10), || {
        (database.value(moved) == "t").then_some(())
    });
    assert_ne!(database.value(row), before);
    redis.flush();
    assert_eq!(alice.me().status, 200);
}

#[test]
fn uses_are_written_down_before_the_program_ends_c3() {
    let (database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    pass(&database, &redis, "2 minutes");
    use_until_postgres_is_asked(&app, &alice);
    assert_eq!(app.terminate(), Some(0), "{}", app.log());
    assert_eq!(database.value("SELECT last_activity > now() - interval '1 minute' FROM sessions"), "t");
}

#[test]
fn uses_of_very_many_sessions_at_once_are_all_written_down_c3() {
    let (database, _redis, app) = stack("web");
    let _alice = app.register("alice@example.com", PASSWORD);
    database.execute(
        "INSERT INTO sessions (id, user_id, created_at, last_activity, expires_at)
             SELECT session_digest(lpad(n::text, 43, 'A')), u.id, now() - interval '1 day', now() - interval '1 day',
                 now() + interval '1 day'
             FROM users u, generate_series(1, 2000) n;
         CREATE FUNCTION take_few() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF (SELECT count(*) FROM moved) > 1000 THEN RAISE 'this does not fit into the time of a statement'; END IF;
             RETURN NULL;
         END $$;
         CREATE TRIGGER takes_few AFTER UPDATE ON sessions REFERENCING NEW TABLE AS moved
             FOR EACH STATEMENT EXECUTE FUNCTION take_few()",
    );
    for n in 1..=2000 {
        assert_eq!(app.with_bearer(&format!("{n:A>43}")).get("/api/me").status, 200);
    }
    let unmoved = "SELECT count(*) FROM sessions WHERE last_activity < now() - interval '1 hour'";
    eventually("all uses are written down", Duration::from_secs(30), || {
        (database.number(unmoved) == 0).then_some(())
    });
}

#[test]
fn a_value_in_redis_does_not_outlive_the_session_c3() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("SESSION_IDLE_SECONDS", "100").env("SESSION_ABSOLUTE_SECONDS", "1000").start();
    let alice = app.register("alice@example.com", PASSWORD);
    let key = format!("session:web:{}", alice.session_id);
    match redis.command(&["PTTL", &key]) {
        test_support::Reply::Number(left) => assert!((1..=100_000).contains(&left), "{left} ms"),
        other => panic!("{other:?}"),
    }
}
