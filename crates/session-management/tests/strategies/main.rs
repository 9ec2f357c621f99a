//! The migration strategies: one suite of scenarios over every mode, what happens in outages, and what survives a
//! switch. On the built applications, a real Postgres and a real Redis.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod factory;
mod load;
mod mode;
mod outages;
mod rollout;
mod scenarios;
mod staff;
mod suite;
mod switching;

use serde_json::Value;
use session_management::{Clock, SystemClock};
use test_support::{Client, TestDatabase, assert_refused_soon, sessionctl};

/// A password that nobody minds in a test.
const PASSWORD: &str = "correct horse battery";

/// The hash of it, as web would make it.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM";

/// A member of staff in Postgres, with [`PASSWORD`].
fn staff(database: &TestDatabase, email: &str) {
    database.execute(&format!(
        "INSERT INTO users (email, hashed_password, role) VALUES ('{email}', '{HASH}', 'admin')"
    ));
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemClock.now().timestamp()
}

/// Sets the strategy of every process and waits until each runs it.
#[track_caller]
fn set(database: &TestDatabase, strategy: &str) -> Value {
    let printed = sessionctl(database, &["--json", "strategy", "set", strategy]);
    let shown: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(shown["recorded"]["strategy"], strategy, "{shown}");
    for process in shown["processes"].as_array().unwrap() {
        assert_eq!(process["running"], strategy, "{shown}");
    }
    shown
}

/// A counter of `/metrics`.
fn counter(client: &Client, name: &str) -> u64 {
    let text = client.get("/metrics").text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    value.map_or(0, |value| value.parse().unwrap())
}
