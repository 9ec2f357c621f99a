//! The identity database as its owner, its applications and older software meet it, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod adopt;
mod budget;
mod connections;
mod contexts;
mod fixture;
mod instance_keys;
mod look_ups;
mod migrate;
mod migrations;
mod notifications;
mod one_time;
mod password_change;
mod people;
mod plan;
mod rate_limits;
mod rights;
mod schema;
mod sessions;
mod split;
mod strict;
mod tls;
mod tombstones;
mod triggers;
mod versions;
mod view;
