//! Who is this request, and may it go on. Knows nothing of HTTP.
//!
//! [`SessionService`] is what an application holds: it logs people in, says whose a token is, and ends
//! sessions. Below it a [`UserManager`] keeps people and sessions, in Postgres and Redis or in memory.

mod account;
pub mod cleanup;
mod clock;
mod email;
mod error;
mod factory;
mod keyring;
mod lifetimes;
mod limits;
mod login;
mod metrics;
mod near;
mod one_by_one;
mod password;
mod principal;
mod redis_link;
mod service;
mod token;
mod touch;

pub mod adapter;
pub mod administration;
pub mod manager;
pub mod web_store;

pub use account::{EndOthers, LoggedIn, Login, OthersEnded, OwnSession, SessionRequest};
pub use administration::{Actor, Administration};
pub use cleanup::{Checklist, CleanupProbe, Point, ScanProgress};
pub use clock::{Clock, ManualClock, SystemClock};
pub use constants::AppContext;
pub use constants::contexts::*;
pub use email::Email;
pub use error::{Refusal, SessionError};
pub use factory::{
    Lifetimes, ManagerConfiguration, MultiDatabaseConfiguration, RedisConfiguration, UserManagerFactory,
};
pub use limits::Limits;
pub use login::{
    Code, IssuedCode, LoginWidget, OneTimeProof, Phone, Redeemer, TelegramFields, TelegramIdentity,
};
pub use manager::{Health, UserManager};
pub use metrics::{RevocationLag, register as register_metrics, revocation_lag};
pub use password::{Password, PasswordError, PasswordHasher};
pub use principal::{Memo, Principal, Snapshot};
pub use service::SessionService;
pub use token::{SessionToken, TokenRef};

/// The log target of look-ups: development shows it at debug level, production does not.
pub const LOOKUP_LOG_TARGET: &str = "session_lookup";

pub use identity_db::audit::{self, Origin};
pub use identity_db::budget;
pub use identity_db::people::{self, SearchText};
pub use identity_db::right::{Grant, NewGrant, Right, Rights};
pub use identity_db::server::Faults;
pub use identity_db::session::Session;
pub use identity_db::setting::{self, SettingError};
pub use identity_db::statistics::LiveSessions;
pub use identity_db::user::{User, UserChange};
pub use identity_db::web::{Preferences, PublicUser};
pub use identity_db::{DatabaseConfig, IpNetwork, SessionId, UserId};
