//! What this crate counts. The counters live as long as the process and are shared by all managers in it.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, Opts, Registry};

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("a constant name and constant labels")
}

/// Look-ups by who answered (`redis`, `postgres`, `memory`) and what (`live`, `ended`, `unknown`, `error`).
pub(crate) static LOOKUPS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("session_lookups_total", "Look-ups of a session token by tier and outcome", &["tier", "outcome"])
});

/// Logins by method and outcome (`success`, `refused`, `limited`).
pub(crate) static LOGINS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("session_logins_total", "Logins by method and outcome", &["method", "outcome"])
});

/// Sessions ended, by cause.
pub(crate) static REVOCATIONS: LazyLock<IntCounterVec> =
    LazyLock::new(|| counters("session_revocations_total", "Sessions ended by cause", &["cause"]));

/// Commands to Redis by outcome (`ok`, `failed`, `refused` by the circuit breaker).
pub(crate) static REDIS: LazyLock<IntCounterVec> =
    LazyLock::new(|| counters("session_redis_commands_total", "Commands to Redis by outcome", &["outcome"]));

/// Adds the counters to an application's registry.
///
/// # Errors
/// When the registry has metrics of these names already.
pub fn register(registry: &Registry) -> prometheus::Result<()> {
    for counters in [&LOOKUPS, &LOGINS, &REVOCATIONS, &REDIS] {
        registry.register(Box::new((**counters).clone()))?;
    }
    Ok(())
}
