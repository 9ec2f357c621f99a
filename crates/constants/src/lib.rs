//! Names, numbers and enums that two crates must agree on. No logic, no input or output.
//!
//! A constant that one crate alone uses lives in that crate.

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
pub use strategy::{Environment, LegacySource, LegacyTokens, MigrationStrategy};
