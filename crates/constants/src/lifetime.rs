//! How long a session lives.

use std::time::Duration;

use crate::ApplicationContext;

const MINUTE: u64 = 60;

/// How long a proof of identity counts for the acts that need a recent one.
pub const RECENT_PROOF: Duration = Duration::from_secs(5 * MINUTE);

/// How long a code that was sent by SMS counts.
pub const CODE: Duration = Duration::from_secs(10 * MINUTE);

/// Default life of an unused session (`SESSION_IDLE_SECONDS`).
#[must_use]
pub const fn idle(context: ApplicationContext) -> Duration {
    context.application().idle
}

/// Default life of a session however much it is used (`SESSION_ABSOLUTE_SECONDS`).
#[must_use]
pub const fn absolute(context: ApplicationContext) -> Duration {
    context.application().absolute
}
