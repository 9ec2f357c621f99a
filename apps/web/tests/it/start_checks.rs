//! Postgres must be what the promises need: one primary that keeps what it acknowledged and tells of every
//! revocation. In production anything else stops the start.

use std::time::Duration;

use test_support::{App, AppBuilder, TestDatabase, TestPostgres, TestRedis, eventually};

use crate::PASSWORD;

const SOON: Duration = Duration::from_secs(5);

fn development(database: &TestDatabase, redis: &TestRedis) -> AppBuilder {
    App::builder("web").database(database).redis(redis)
}

fn production(database: &TestDatabase, redis: &TestRedis) -> AppBuilder {
    development(database, redis).env("APP_ENV", "production").env("LEGACY_TOKENS", "off")
}

/// It does not start, and says why in one line with each of these words and without a password.
#[track_caller]
fn assert_refused(builder: AppBuilder, words: &[&str]) {
    let failed = builder.start_and_fail();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let lines: Vec<&str> = failed.log.lines().filter(|line| line.starts_with("web: ")).collect();
    assert_eq!(lines.len(), 1, "{}", failed.log);
    for word in words {
        assert!(lines[0].contains(word), "no {word:?} in {}", failed.log);
    }
    assert!(!failed.log.contains(":test_app@"), "{}", failed.log);
}

/// It runs on Postgres alone, and said why in one line with this word.
#[track_caller]
fn assert_runs_without_caches(app: &App, word: &str) {
    let alice = app.register("alice@example.com", PASSWORD);
    let log = eventually("the stream has been tried", SOON, || {
        Some(app.log()).filter(|log| log.contains("until then nothing cached counts"))
    });
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(word)).collect();
    assert_eq!(lines.len(), 1, "{log}");
    for _ in 0..3 {
        assert_eq!(alice.me().status, 200);
    }
    let ready = app.anon().get("/readyz");
    assert_eq!((ready.status, ready.json()["lease"].as_str()), (200, Some("down")), "{}", ready.text());
    let metrics = app.anon().get("/metrics").text();
    assert!(
        !metrics.contains(r#"outcome="live",tier="near"} "#) || metrics.contains(r#"tier="near"} 0"#),
        "{metrics}"
    );
}

#[test]
fn in_production_a_healthy_postgres_is_no_obstacle() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let app = production(&database, &redis).env("DATABASE_LISTEN_URL", &database.url()).start();
    app.wait_for_lease();
    assert_eq!(app.anon().get("/readyz").json()["start_checks"], "passed");
}

#[test]
fn denials_from_another_database_are_none_c4() {
    let (database, other, redis) = (TestDatabase::new(), TestDatabase::new(), TestRedis::start());
    let names = [database.value("SELECT current_database()"), other.value("SELECT current_database()")];
    let listening = |builder: AppBuilder| builder.env("DATABASE_LISTEN_URL", &other.url());
    assert_refused(
        listening(production(&database, &redis)),
        &["DATABASE_LISTEN_URL", &names[0], &names[1], "name the same database"],
    );
    assert_runs_without_caches(&listening(development(&database, &redis)).start(), "name the same database");
}

#[test]
fn denials_from_another_server_are_none_c4() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let second = TestPostgres::start();
    let other = second.database();
    let listening = |builder: AppBuilder| builder.env("DATABASE_LISTEN_URL", &other.url());
    assert_refused(
        listening(production(&database, &redis)),
        &["DATABASE_LISTEN_URL", "two Postgres servers", "the same primary"],
    );
    assert_runs_without_caches(&listening(development(&database, &redis)).start(), "two Postgres servers");
}

#[test]
fn a_trigger_that_does_not_fire_is_named_with_its_remedy_c4() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let remedy = "ALTER TABLE sessions ENABLE ALWAYS TRIGGER sessions_notify_denial";
    for state in ["DISABLE TRIGGER", "ENABLE TRIGGER", "ENABLE REPLICA TRIGGER"] {
        database.execute(&format!("ALTER TABLE sessions {state} sessions_notify_denial"));
        assert_refused(production(&database, &redis), &[remedy]);
    }
    let app = development(&database, &redis).start();
    assert_runs_without_caches(&app, remedy);
    // The remedy is one: nothing has to be started again.
    database.execute(remedy);
    app.wait_for_lease();
    database.execute("DROP TRIGGER users_notify_denial ON users");
    assert_refused(production(&database, &redis), &["missing", "users_notify_denial"]);
}

#[test]
fn what_was_committed_must_last_c4() {
    let redis = TestRedis::start();
    let database = TestDatabase::new();
    let name = database.value("SELECT current_database()");
    for value in ["off", "local", "remote_write"] {
        database.execute(&format!("ALTER ROLE test_app IN DATABASE {name} SET synchronous_commit = {value}"));
        let said = format!("synchronous_commit is {value} ");
        assert_refused(production(&database, &redis), &[&said, "set it to on"]);
    }
    // Elsewhere that is a warning: what is cached is as true as what Postgres has.
    let app = development(&database, &redis).start();
    app.wait_for_lease();
    assert_eq!(app.log().matches("synchronous_commit is remote_write").count(), 1, "{}", app.log());
    let own = TestPostgres::start();
    let database = own.database();
    own.set("fsync", "off");
    assert_refused(production(&database, &redis), &["fsync is off", "set fsync = on"]);
    let app = development(&database, &redis).start();
    app.wait_for_lease();
    assert_eq!(app.log().matches("fsync is off").count(), 1, "{}", app.log());
}

#[test]
fn a_standby_is_no_primary_c4() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    postgres.demote();
    assert_refused(production(&database, &redis), &["DATABASE_URL leads to", "in recovery", "the primary"]);
    let app = development(&database, &redis).without_stores().start();
    assert!(app.log().contains("in recovery"), "{}", app.log());
    assert_eq!(app.anon().get("/readyz").status, 503);
}

#[test]
fn a_postgres_that_comes_later_is_checked_when_it_comes_c4() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    database.execute("ALTER TABLE users DISABLE TRIGGER users_notify_denial");
    postgres.stop();
    let app = production(&database, &redis).without_stores().start();
    assert_eq!(app.anon().get("/readyz").json()["postgres"], "down");
    postgres.start_again();
    let ready = eventually("Postgres is back", SOON, || {
        let ready = app.anon().get("/readyz");
        // Never ready in between: it is checked before it is called so.
        assert_eq!(ready.status, 503, "{}", ready.text());
        (ready.json()["postgres"] == "up").then_some(ready)
    });
    assert_eq!((&ready.json()["start_checks"], &ready.json()["lease"]), (&"failed".into(), &"down".into()));
    let remedy = "ALTER TABLE users ENABLE ALWAYS TRIGGER users_notify_denial";
    assert_eq!(app.log().matches(remedy).count(), 1, "{}", app.log());
    // Who is sent here all the same gets right answers.
    assert_eq!(app.register("alice@example.com", PASSWORD).me().status, 200);
    // On a new connection: the one that was kept went with the server.
    database.connect().batch_execute(remedy).unwrap();
    app.wait_for_lease();
    assert_eq!(app.anon().get("/readyz").status, 200);
}

#[test]
fn pending_migrations_are_told_by_readiness_and_stop_no_start() {
    let (database, redis) = (TestDatabase::empty(), TestRedis::start());
    let app = production(&database, &redis).without_stores().start();
    let ready = app.anon().get("/readyz");
    assert_eq!((ready.status, ready.json()["migrations"].as_str()), (503, Some("pending")));
}

#[test]
fn denials_come_over_tls_where_the_url_says_so() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let root = postgres.offer_tls("localhost");
    let database = postgres.database();
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={}",
        database.url().replace("127.0.0.1", "localhost"),
        root.display()
    );
    let app = production(&database, &redis).env("DATABASE_URL", &url).start();
    app.wait_for_lease();
    assert_eq!(
        database.value(
            "SELECT count(DISTINCT s.ssl) || ' ' || bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
             WHERE a.usename = 'test_app'"
        ),
        "1 true"
    );
}
