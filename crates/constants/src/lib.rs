//! Names, numbers and enums that two crates must agree on. No logic, no input or output.
//!
//! A constant that one crate alone uses lives in that crate.

mod audit;
mod context;
mod named;
mod permission;
mod preference;
mod role;
mod strategy;

pub mod cookie;
pub mod database;
pub mod lifetime;
pub mod redis;

pub use audit::AuditAction;
pub use context::{AppScope, ApplicationContext};
pub use named::UnknownName;
pub use permission::Permission;
pub use preference::{Language, Theme};
pub use role::Role;
pub use strategy::{Environment, LegacySource, LegacyTokens, MigrationStrategy, PoolMode};
