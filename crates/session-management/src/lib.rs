//! Who is this request, and may it go on. Knows nothing of HTTP.
//!
//! [`SessionService`] is what an application holds: it logs people in, says whose a token is, and ends
//! sessions. Below it a [`UserManager`] keeps people and sessions, in Postgres and Redis or in memory. Which, and for
//! which application, a [`ManagerConfiguration`] says, out of which [`UserManagerFactory`] builds one.
//!
//! An actix application does not call this crate by itself: `http-kit` makes cookies, routes and errors of it. Here it is
//! without HTTP, and in memory:
//!
//! ```
//! use session_management::{
//!     AppContext, Email, Limits, Lifetimes, Login, ManagerConfiguration, Origin, Password, SessionError, SessionService,
//!     UserManagerFactory, Web, Admin,
//! };
//! use constants::{Environment, LegacyTokens, MigrationStrategy};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), SessionError> {
//! let configuration = ManagerConfiguration {
//!     context: Web::CONTEXT,
//!     environment: Environment::Mock,
//!     strategy: MigrationStrategy::MockOnly,
//!     database: None,
//!     listen_url: None,
//!     replica: None,
//!     near_entries: 0,
//!     redis: None,
//!     lifetimes: Some(Lifetimes::of(Web::CONTEXT)),
//!     legacy_tokens: LegacyTokens::Off,
//! };
//! let manager = UserManagerFactory::default().create(&configuration)?;
//! let service = SessionService::new(manager, Limits::default())?;
//!
//! let email = Email::parse("alice@example.com").expect("an address");
//! let password = Password::new("correct horse battery".to_owned()).expect("long enough");
//! let logged_in = service.register(email, password, Login::default()).await?;
//!
//! // Whose is this token? A principal of this application, and of no other.
//! let alice = service.look_up::<Web>(&logged_in.token, &Origin::default()).await?.expect("a live session");
//! assert_eq!(alice.user().email.as_deref(), Some("alice@example.com"));
//! assert!(!alice.may("notes.moderate"));
//! assert!(service.look_up::<Admin>(&logged_in.token, &Origin::default()).await?.is_none());
//!
//! service.log_out(&[logged_in.token.clone()], Origin::default()).await?;
//! assert!(service.look_up::<Web>(&logged_in.token, &Origin::default()).await?.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! What is absent is `Ok(None)`, what is broken is `Err`: an outage of a store is [`SessionError::Unavailable`], and nobody
//! is taken for a stranger by it.
//!
//! Where to go on: [`SessionService`] for what a request does, [`administration`] for what staff do,
//! [`manager`] for the strategies, [`Principal`] for who a request comes from. With the feature `sessionctl` the program of
//! that name is built, too.

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

/// The audit log, for staff who read it.
pub mod audit {
    pub use identity_db::audit::{Line, Origin, Position, Search};
}

/// The time that one request may spend on waiting for Postgres.
pub mod budget {
    pub use identity_db::budget::{OfRequest, of_request};
}

/// People, for staff who look for them.
pub mod people {
    pub use identity_db::people::{COUNTED, Page, Position, Search, SearchText};
}

pub use identity_db::audit::Origin;
pub use identity_db::people::SearchText;
pub use identity_db::right::{Grant, NewGrant, Right, Rights};
pub use identity_db::server::Faults;
pub use identity_db::session::Session;
pub use identity_db::setting::{self, SettingError};
pub use identity_db::statistics::LiveSessions;
pub use identity_db::user::{User, UserChange};
pub use identity_db::web::{Preferences, PublicUser};
pub use identity_db::{DatabaseConfig, IpNetwork, SessionId, UserId};
