//! Web as customers, strangers and operators meet it: the built program on a real Postgres and a real Redis.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod accounts;
mod authorization;
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

use test_support::assert_refused_soon;

/// A password that nobody minds in a test.
const PASSWORD: &str = "correct horse battery";
