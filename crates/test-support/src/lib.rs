//! A database, a Redis and running applications for a test. A dev-dependency only.
//!
//! Everything is real and private: [`TestDatabase`] is a database of its own in the Postgres of
//! `scripts/test`, [`TestRedis`] and [`TestPostgres`] are servers that a test may stop, and [`App`] is a
//! built program with an [`Actor`] for each person who uses it. All of it is gone when it is dropped.
//!
//! ```no_run
//! let (database, redis, app) = test_support::stack("web");
//! let alice = app.register("alice@example.com", "correct horse battery");
//! assert_eq!(alice.me().status, 200);
//! ```

mod actor;
mod app;
mod asvs;
pub mod authorization;
mod browser;
mod certificate;
mod cluster;
mod command;
mod database;
mod denials;
mod document;
mod fault_proxy;
mod fingerprint;
mod gateway;
mod hostile;
mod http;
mod lint;
mod outbox;
mod page;
mod plans;
mod property;
mod proxy;
mod race;
mod raw;
mod redis;
mod redis_group;
mod reset;
mod resp;
mod scripts;
mod tally;
mod telegram;
mod template;
mod test_proxy;
mod trips;

pub mod revocations;

pub use actor::Actor;
pub use app::{App, AppBuilder, Failed, program, stack};
pub use asvs::write_asvs;
pub use browser::{Browser, BrowserBuilder, Complaint};
pub use cluster::{Paused, TestPostgres};
pub use command::{
    Ended, bare_command, file_of_ours, folder, has_tool, sessionctl, sessionctl_with, tool, try_sessionctl,
};
pub use database::{Refusal, Row, Statement, TestDatabase};
pub use denials::Denials;
pub use document::{Block, Shell, blocks, shell_blocks};
pub use fault_proxy::{FaultProxy, Passage};
pub use gateway::{Received, TestGateway};
pub use hostile::{hostile, read_back, shown};
pub use http::{Client, Request, Response, SetCookie};
pub use outbox::TestOutbox;
pub use page::{Page, PageForm};
pub use plans::Plan;
pub use property::{almost, any_json, any_object, any_or_almost, any_text, for_all};
pub use proxy::PostgresProxy;
pub use race::{assert_refused_soon, at_once, eventually};
pub use raw::raw_exchange;
pub use redis::{Monitor, TestRedis};
pub use redis_group::RedisGroup;
pub use reset::send_and_reset;
pub use resp::Reply;
pub use tally::{ordinary_or_long, tally, tally_sum};
pub use telegram::{BOT_TOKEN, sign, telegram_payload};
pub use test_proxy::TestProxy;
pub use trips::Trips;
