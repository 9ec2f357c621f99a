//! What this crate counts. The counters live as long as the process and are shared by all managers in it.

use std::sync::LazyLock;
use std::time::Duration;

use constants::LegacySource;
use prometheus::core::Metric;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::error::SessionError;

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("a constant name and constant labels")
}

/// Look-ups by who answered (`near`, `redis`, `postgres`, `memory`) and what (`live`, `ended`, `unknown`, `error`).
pub(crate) static LOOKUPS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("session_lookups_total", "Look-ups of a session token by tier and outcome", &["tier", "outcome"])
});

/// Look-ups that the process' own cache answered; a part of [`LOOKUPS`] that is counted without a search.
pub(crate) static NEAR_HITS: LazyLock<IntCounter> =
    LazyLock::new(|| LOOKUPS.with_label_values(&["near", "live"]));

/// Look-ups that Redis answered; likewise.
pub(crate) static REDIS_HITS: LazyLock<IntCounter> =
    LazyLock::new(|| LOOKUPS.with_label_values(&["redis", "live"]));

/// Logins by method and outcome (`success`, `refused`, `limited`, and `error` for an outage).
pub(crate) static LOGINS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters("session_logins_total", "Logins by method and outcome", &["method", "outcome"])
});

/// Counts a login by how it ended.
pub(crate) fn count_login<T>(method: &str, outcome: &Result<T, SessionError>) {
    let label = match outcome {
        Ok(_) => "success",
        Err(SessionError::RateLimited(_)) => "limited",
        Err(SessionError::Unavailable(_) | SessionError::Internal(_)) => "error",
        Err(_) => "refused",
    };
    LOGINS.with_label_values(&[method, label]).inc();
}

/// Sessions ended, by cause.
pub(crate) static REVOCATIONS: LazyLock<IntCounterVec> =
    LazyLock::new(|| counters("session_revocations_total", "Sessions ended by cause", &["cause"]));

/// Uses of sessions that the older software began, by where it kept them.
pub(crate) static LEGACY_USES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "session_legacy_uses_total",
        "Uses of sessions that the older software began, by source",
        &["source"],
    )
});

/// The same of each source, in their order, counted without a search.
pub(crate) static LEGACY_USES_OF: LazyLock<Vec<IntCounter>> = LazyLock::new(|| {
    LegacySource::ALL.iter().map(|source| LEGACY_USES.with_label_values(&[source.as_str()])).collect()
});

/// Look-ups that a strategy let one store answer (`old`, `production`).
pub(crate) static STRATEGY_READS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counters(
        "session_strategy_reads_total",
        "Look-ups by the store that answered: old or production",
        &["side"],
    )
});

/// Look-ups in which one store said yes and the other no.
pub(crate) static STRATEGY_DISAGREEMENTS: LazyLock<IntCounter> = LazyLock::new(|| {
    let help = "Look-ups in which one store knew a live session and the other did not";
    IntCounter::new("session_strategy_disagreements_total", help).expect("a constant name")
});

/// Calls to production that failed while the old store answered, by what was called.
pub(crate) static STRATEGY_FAILURES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    let help = "Calls to production that failed and were not felt, by operation";
    counters("session_strategy_production_failures_total", help, &["operation"])
});

/// 1 for the strategy that runs, 0 for the others.
pub(crate) static STRATEGY: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    let options = Opts::new("session_strategy", "1 for the migration strategy that runs");
    IntGaugeVec::new(options, &["strategy"]).expect("a constant name and constant labels")
});

/// Commands to Redis by outcome (`ok`, `failed`, `refused` by the circuit breaker).
pub(crate) static REDIS: LazyLock<IntCounterVec> =
    LazyLock::new(|| counters("session_redis_commands_total", "Commands to Redis by outcome", &["outcome"]));

/// Commands that Redis answered; a part of [`REDIS`] that is counted without a search.
pub(crate) static REDIS_ANSWERS: LazyLock<IntCounter> = LazyLock::new(|| REDIS.with_label_values(&["ok"]));

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect("a constant name")
}

/// 1 while this process holds a lease.
pub(crate) static LEASE: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("session_cache_lease", "1 while anything cached may count"));

/// Denials that are kept.
pub(crate) static DENIALS: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("session_denials", "Denials that are kept"));

/// Sessions in the process' own cache.
pub(crate) static NEAR_ENTRIES: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("session_near_entries", "Sessions in the process' own cache"));

/// Bytes of the process' own cache.
pub(crate) static NEAR_BYTES: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("session_near_bytes", "Bytes of the process' own cache, about"));

/// Time from a committed notification to its arrival here, on the path that denials take.
pub(crate) static LAG: LazyLock<Histogram> = LazyLock::new(|| {
    let buckets = vec![0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0];
    let options = HistogramOpts::new(
        "session_revocation_lag_seconds",
        "From the acknowledgement of a notification like a revocation's to its arrival here",
    );
    Histogram::with_opts(options.buckets(buckets)).expect("a constant name")
});

/// How long notifications of revocations took to arrive here, since this process began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RevocationLag {
    /// How often it was measured.
    pub measured: u64,
    /// On average.
    pub mean: Duration,
    /// What 99 in 100 did not take longer than, as finely as it is measured; `None` beyond that.
    pub most: Option<Duration>,
}

/// How long revocations took to arrive; `None` before the first.
#[must_use]
pub fn revocation_lag() -> Option<RevocationLag> {
    summary(&LAG)
}

fn summary(histogram: &Histogram) -> Option<RevocationLag> {
    let seen = histogram.metric();
    let seen = seen.get_histogram();
    let measured = seen.get_sample_count();
    let reached = |share: u64| share.saturating_mul(100) >= measured.saturating_mul(99);
    let most = seen.get_bucket().iter().find(|bucket| reached(bucket.cumulative_count()));
    let mean = seen.get_sample_sum() / f64::from(u32::try_from(measured).unwrap_or(u32::MAX));
    (measured > 0).then(|| RevocationLag {
        measured,
        mean: Duration::try_from_secs_f64(mean).unwrap_or_default(),
        most: most.and_then(|bucket| Duration::try_from_secs_f64(bucket.upper_bound()).ok()),
    })
}

/// Adds the counters to an application's registry.
///
/// # Errors
/// When the registry has metrics of these names already.
pub fn register(registry: &Registry) -> prometheus::Result<()> {
    for counters in
        [&LOOKUPS, &LOGINS, &REVOCATIONS, &LEGACY_USES, &REDIS, &STRATEGY_READS, &STRATEGY_FAILURES]
    {
        registry.register(Box::new((**counters).clone()))?;
    }
    for gauge in [&LEASE, &DENIALS, &NEAR_ENTRIES, &NEAR_BYTES] {
        registry.register(Box::new((**gauge).clone()))?;
    }
    registry.register(Box::new((*STRATEGY_DISAGREEMENTS).clone()))?;
    registry.register(Box::new((*STRATEGY).clone()))?;
    registry.register(Box::new((*LAG).clone()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_summed_up_by_its_mean_and_by_what_nearly_all_kept_to() {
        let buckets = vec![0.001, 0.01, 0.1];
        let lag = Histogram::with_opts(HistogramOpts::new("lag", "lag").buckets(buckets)).unwrap();
        assert_eq!(summary(&lag), None);
        (0..98).for_each(|_| lag.observe(0.0005));
        lag.observe(0.005);
        lag.observe(0.05);
        let told = summary(&lag).unwrap();
        assert_eq!((told.measured, told.most), (100, Some(Duration::from_millis(10))));
        assert_eq!(told.mean, Duration::from_secs_f64((98.0 * 0.0005 + 0.005 + 0.05) / 100.0));
        (0..100).for_each(|_| lag.observe(7.0));
        assert_eq!(summary(&lag).unwrap().most, None, "longer than is measured finely");
    }
}
