//! The lease: until when this process is known to have heard of every revocation, and Postgres' clock.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity_db::{Incarnation, failpoint};

use crate::principal::Snapshot;

/// How long a lease lasts, from before the beat was sent that grants it.
const LENGTH: Duration = Duration::from_millis(500);

/// A start that nothing was read after: there is no stream.
const NEVER: i64 = i64::MAX;

/// All times in microseconds. The lease is written last (Release) and read first (Acquire): who sees it
/// fresh sees everything that was applied before it was granted.
#[derive(Debug)]
pub(super) struct Lease {
    /// Uptime at which it lapses; 0 for none.
    until: AtomicU64,
    /// Uptime just before the last beat was sent.
    sent: AtomicU64,
    /// Postgres' clock minus uptime.
    ahead: AtomicI64,
    /// Postgres' clock at the start of the stream.
    start: AtomicI64,
    system: AtomicI64,
    timeline: AtomicI64,
}

impl Default for Lease {
    fn default() -> Self {
        Self {
            until: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            ahead: AtomicI64::new(0),
            start: AtomicI64::new(NEVER),
            system: AtomicI64::new(0),
            timeline: AtomicI64::new(0),
        }
    }
}

impl Lease {
    pub(super) fn is_fresh(&self, uptime: Duration) -> bool {
        micros(uptime) < self.until.load(Ordering::Acquire) || failpoint!("guard::lease")
    }

    /// Whether what was read is covered by the stream that runs now: read after its start, from the same server.
    pub(super) fn covers(&self, snapshot: &Snapshot) -> bool {
        let Snapshot { read_at, incarnation: Incarnation { system, timeline }, .. } = snapshot;
        let later = read_at.timestamp_micros() > self.start.load(Ordering::Acquire);
        let same = *system == self.system.load(Ordering::Acquire)
            && *timeline == self.timeline.load(Ordering::Acquire);
        (later || failpoint!("guard::stream_start")) && (same || failpoint!("guard::incarnation"))
    }

    /// Postgres' clock: what the last beat brought, plus what has passed since before it was sent. So it is
    /// ahead by a round trip at most, and what is cached looks older than it is, never younger.
    pub(super) fn postgres_clock(&self, uptime: Duration) -> DateTime<Utc> {
        let uptime = i64::try_from(uptime.as_micros()).unwrap_or(i64::MAX);
        let now = uptime.saturating_add(self.ahead.load(Ordering::Acquire));
        DateTime::from_timestamp_micros(now).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    pub(super) fn start(&self, clock: DateTime<Utc>, incarnation: Incarnation) {
        self.end();
        self.system.store(incarnation.system, Ordering::Release);
        self.timeline.store(incarnation.timeline, Ordering::Release);
        self.start.store(clock.timestamp_micros(), Ordering::Release);
    }

    pub(super) fn beat_sent(&self, uptime: Duration) {
        self.sent.store(micros(uptime), Ordering::Release);
    }

    pub(super) fn beat_answered(&self, clock: DateTime<Utc>) {
        let sent = self.sent.load(Ordering::Acquire);
        let ahead = clock.timestamp_micros().saturating_sub(i64::try_from(sent).unwrap_or(i64::MAX));
        self.ahead.store(ahead, Ordering::Release);
        self.until.store(sent + micros(LENGTH), Ordering::Release);
    }

    pub(super) fn end(&self) {
        self.until.store(0, Ordering::Release);
        self.start.store(NEVER, Ordering::Release);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
