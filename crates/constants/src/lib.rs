//! Names, numbers and enums that two crates must agree on. No logic, no input or output.
//!
//! A constant that one crate alone uses lives in that crate.
//!
//! ```
//! use constants::{AppScope, Application, ApplicationContext, Role, redis};
//!
//! // A context is an application's: its sessions count there alone.
//! assert_eq!(AppScope::AdminPanel.context(), ApplicationContext::Admin);
//! assert_eq!(redis::prefix(ApplicationContext::Web), "session:web:");
//! assert_eq!("operator".parse(), Ok(Role::Operator));
//!
//! // Whatever goes through all applications goes through one table.
//! for Application { scope, port, .. } in Application::ALL {
//!     println!("{scope} listens on {} unless {} says otherwise", port.default, port.variable);
//! }
//! ```
//!
//! Where to go on: [`Application`] for that table, [`Role`] and [`Permission`] for who may do what,
//! [`MigrationStrategy`] for where sessions are kept.

mod application;
mod audit;
mod named;
mod permission;
mod preference;
mod role;
mod strategy;

pub mod cookie;
pub mod database;
pub mod lifetime;
pub mod redis;

pub use application::{
    AppContext, AppScope, Application, ApplicationContext, Cookies, Port, Title, contexts,
};
pub use audit::AuditAction;
pub use named::UnknownName;
pub use permission::Permission;
pub use preference::{Language, Theme};
pub use role::Role;
pub use strategy::{Environment, LegacySource, LegacyTokens, MigrationStrategy, PoolMode};
