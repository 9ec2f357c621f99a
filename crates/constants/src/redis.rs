//! Names of keys in Redis, and bounds on its use.

use std::time::Duration;

use crate::ApplicationContext;

/// Prefix of the keys that the older software wrote, without a context.
pub const SESSION_PREFIX: &str = "session:";
/// Prefix of web's sessions.
pub const WEB_SESSION_PREFIX: &str = prefix(ApplicationContext::Web);
/// Prefix of admin-panel's sessions.
pub const ADMIN_SESSION_PREFIX: &str = prefix(ApplicationContext::Admin);

/// How often a command is tried again within its budget (default of `REDIS_MAX_RETRIES`).
pub const MAX_RETRIES: u32 = 3;

/// How long a request waits at most for Redis, all tries together.
pub const REQUEST_BUDGET: Duration = Duration::from_millis(50);

/// The prefix of a context's keys.
#[must_use]
pub const fn prefix(context: ApplicationContext) -> &'static str {
    context.application().redis_prefix
}
