//! Admin-panel as staff meet it, alone and beside web: the built programs on a real Postgres and a real Redis.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod administration;
mod authorization;
mod cleanup;
mod lifetimes;
mod login_page;
mod look_ups;
mod openapi_document;
mod outages;
mod pages;
mod revocations;
mod roles;
mod routes;
mod same_origin;
mod staff;

use test_support::{App, TestDatabase, TestRedis, stack};

/// A password that nobody minds in a test.
const PASSWORD: &str = "correct horse battery";

/// The hash of it, as web would make it.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM";

/// A person with [`PASSWORD`].
fn person(database: &TestDatabase, email: &str, role: &str) {
    database.execute(&format!(
        "INSERT INTO users (email, hashed_password, role) VALUES ('{email}', '{HASH}', '{role}')"
    ));
}

/// Admin-panel with `user@`, `support@`, `operator@`, `admin@` and a second administrator, `root@`.
fn people_of_every_role() -> (TestDatabase, TestRedis, App) {
    let (database, redis, app) = stack("admin-panel");
    for role in ["user", "support", "operator", "admin"] {
        person(&database, &format!("{role}@example.com"), role);
    }
    person(&database, "root@example.com", "admin");
    (database, redis, app)
}
