//! How long a session lives.

use std::time::Duration;

use crate::ApplicationContext;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long a proof of identity counts for the acts that need a recent one.
pub const RECENT_PROOF: Duration = Duration::from_secs(5 * MINUTE);

/// How long a code that was sent by SMS counts.
pub const CODE: Duration = Duration::from_secs(10 * MINUTE);

/// Default life of an unused session (`SESSION_IDLE_SECONDS`).
#[must_use]
pub const fn idle(context: ApplicationContext) -> Duration {
    match context {
        ApplicationContext::Web => Duration::from_secs(30 * DAY),
        ApplicationContext::Admin => Duration::from_secs(30 * MINUTE),
    }
}

/// Default life of a session however much it is used (`SESSION_ABSOLUTE_SECONDS`).
#[must_use]
pub const fn absolute(context: ApplicationContext) -> Duration {
    match context {
        ApplicationContext::Web => Duration::from_secs(90 * DAY),
        ApplicationContext::Admin => Duration::from_secs(12 * HOUR),
    }
}

// An unused session must not outlive a used one.
const _: () = {
    let mut i = 0;
    while i < ApplicationContext::ALL.len() {
        let context = ApplicationContext::ALL[i];
        assert!(idle(context).as_secs() < absolute(context).as_secs());
        i += 1;
    }
};
