//! Web as customers, strangers and operators meet it: the built program on a real Postgres and a real Redis.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod accounts;
mod backups;
mod broken_input;
mod carriers;
mod cleanup;
mod cookies;
mod devices;
mod languages;
mod legacy;
mod lifetimes;
mod limits;
mod mock;
mod openapi_document;
mod operations;
mod origin;
mod pages;
mod passwords;
mod postgres_outages;
mod preferences;
mod races;
mod redis_outages;
mod restores;
mod round_trips;
mod routes;
mod secrets;
mod sessionctl;
mod settings;
mod sms_gateway;
mod sms_login;
mod start_checks;
mod telegram_login;
mod two_processes;

use std::time::Duration;

use test_support::{Client, eventually};

/// A password that nobody minds in a test.
const PASSWORD: &str = "correct horse battery";

/// Fails unless the session is refused within half a second, as SPEC C4 promises of an end that another
/// process, or somebody at a psql prompt, has committed.
#[track_caller]
fn assert_refused_soon(client: &Client) {
    let me = || client.get("/api/me");
    eventually("the session is refused", Duration::from_millis(500), || (me().status == 401).then_some(()));
    me().assert_problem(401, "unauthenticated");
}
