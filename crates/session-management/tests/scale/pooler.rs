//! Postgres behind pgbouncer in transaction mode: each transaction may go by another connection.

use std::time::{Duration, Instant};

use test_support::{
    App, AppBuilder, TestDatabase, TestProxy, TestRedis, assert_refused_soon, eventually, tally,
};

use crate::load::{Load, PASSWORD, people};
use crate::part;

/// Few connections in turn, so that hardly two statements of one client's go by the same.
const CONFIGURATION: &str = "[databases]
* = host=127.0.0.1 port=@POSTGRES@
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = @PORT@
unix_socket_dir =
auth_type = scram-sha-256
auth_file = @DIR@/users
pool_mode = transaction
default_pool_size = 4
server_round_robin = 1
max_client_conn = 200
";

fn pgbouncer(database: &TestDatabase) -> TestProxy {
    let port = database.value("SHOW port");
    let configuration = CONFIGURATION.replace("@POSTGRES@", &port);
    TestProxy::with_file("pgbouncer", &configuration, "users", "\"test_app\" \"test_app\"\n")
}

/// The same database, by the pooler.
fn pooled(database: &TestDatabase, pooler: &TestProxy) -> String {
    let port = database.value("SHOW port");
    database.url().replace(&format!(":{port}/"), &format!(":{}/", pooler.port()))
}

fn builder(name: &'static str, database: &TestDatabase, redis: &TestRedis, pooler: &TestProxy) -> AppBuilder {
    App::builder(name)
        .redis(redis)
        .env("DATABASE_URL", &pooled(database, pooler))
        .env("DATABASE_LISTEN_URL", &database.url())
}

#[test]
fn everything_works_through_pgbouncer_in_transaction_mode_c9() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let pooler = pgbouncer(&database);
    let start = |name| {
        let app = builder(name, &database, &redis, &pooler).env("DATABASE_POOL_MODE", "transaction").start();
        app.wait_for_lease();
        app
    };
    let apps = [start("web"), start("web")];
    assert_eq!(part(&apps[0], "start_checks"), "passed");
    let doors = apps.each_ref().map(App::base);
    let load = Load::new(&doors, people(&database, "person", 6, "user"));
    let outcome = load.run(|| std::thread::sleep(Duration::from_secs(5)));
    tally("pgbouncer in transaction mode", &outcome);
    outcome.assert_flawless();

    let mut took: Vec<Duration> = (0..20).map(|number| revocation(&apps, number)).collect();
    took.sort();
    tally(
        "pgbouncer in transaction mode",
        format!(
            "{} revocations felt in another process, median {:?}, at most {:?}",
            took.len(),
            took[10],
            took[19]
        ),
    );

    // What staff do is transactions of many statements.
    let admin = start("admin-panel");
    people(&database, "boss", 1, "admin");
    let boss = admin.log_in("boss0@example.com", PASSWORD);
    let bob = apps[0].register("bob@example.com", PASSWORD);
    let blocked = boss.client.request("PATCH", &format!("/api/users/{}", bob.user_id));
    let blocked = blocked.json(&serde_json::json!({"blocked": true})).send();
    assert_eq!(blocked.status, 200, "{}", blocked.text());
    assert_refused_soon(&bob.client);

    // Nothing that was set for one client stays with a connection that the next one gets.
    let url = pooled(&database, &pooler);
    for _ in 0..8 {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        let row = client.simple_query("SHOW statement_timeout").unwrap();
        let value = row.iter().find_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        assert_eq!(value.as_deref(), Some("0"));
    }
}

/// How long an end that one process has acknowledged goes unnoticed in the other.
fn revocation([one, other]: &[App; 2], number: usize) -> Duration {
    let person = one.register(&format!("soon{number}@example.com"), PASSWORD);
    let elsewhere = other.with_bearer(&person.token);
    assert_eq!(elsewhere.get("/api/me").status, 200);
    assert_eq!(person.log_out().status, 200);
    let acknowledged = Instant::now();
    eventually("it is felt", Duration::from_millis(500), || {
        (elsewhere.get("/api/me").status == 401).then_some(())
    });
    acknowledged.elapsed()
}

#[test]
fn a_pooler_that_was_not_mentioned_is_named_in_the_log_c9() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let pooler = pgbouncer(&database);
    let app = builder("web", &database, &redis, &pooler).without_stores().start();
    eventually("the log says what to set", Duration::from_secs(10), || {
        let _ = app.anon().request("GET", "/readyz").try_send();
        let _ = app.with_bearer(&"x".repeat(43)).request("GET", "/api/me").try_send();
        app.log().contains("set DATABASE_POOL_MODE=transaction").then_some(())
    });
}
