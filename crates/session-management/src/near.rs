//! The cache in the process, and the rules by which anything cached may count.
//!
//! A cache repeats a yes that Postgres gave, never makes one, and only while this process holds a *lease*:
//! proof, renewed ten times a second, that it has heard of every revocation that was committed until then.
//! The order of the checks in [`Near::admits`] is part of the protocol.

mod denials;
mod lease;
#[cfg(feature = "failpoints")]
mod out_of_order;
mod table;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity_db::stream::{Denial, Event, StreamError};
use identity_db::{SessionId, UserId, failpoint};
use tokio::sync::{Mutex, MutexGuard};

use crate::clock::Clock;
use crate::metrics;
use crate::principal::Snapshot;
use denials::Denials;
use lease::Lease;
use table::{Known, Table};

/// How old a cached answer may be. Denials are kept longer than that.
const AGE: Duration = Duration::from_secs(5 * 60);

/// How long a look-up waits for another one of the same session before it asks for itself.
const FLIGHT: Duration = Duration::from_millis(50);

/// Look-ups of one session go one after the other; sessions share a lane by chance.
const LANES: usize = 4096;

/// The cache in the process with its lease and denials.
#[derive(Debug)]
pub(crate) struct Near {
    table: Table,
    denials: Denials,
    lease: Lease,
    lanes: Vec<Mutex<()>>,
    clock: Arc<dyn Clock>,
}

impl Near {
    /// A cache of so many sessions at most.
    pub(crate) fn new(clock: Arc<dyn Clock>, entries: usize) -> Self {
        let lanes = (0..LANES).map(|_| Mutex::new(())).collect();
        let table = Table::new(entries);
        Self { table, denials: Denials::default(), lease: Lease::default(), lanes, clock }
    }

    /// A yes that may be repeated now, with Postgres' clock.
    pub(crate) fn get(&self, id: &SessionId) -> Option<(Arc<Snapshot>, DateTime<Utc>)> {
        match self.table.get(id)? {
            Known::Live(snapshot) => self.admits(&snapshot).map(|now| (snapshot, now)),
            Known::Dead => None,
        }
    }

    /// Whether this session is known to have ended for good. That needs no lease: it can never change.
    pub(crate) fn is_dead(&self, id: &SessionId) -> bool {
        matches!(self.table.get(id), Some(Known::Dead))
    }

    /// Whether what Postgres said then may be repeated now. The checks stand in this order: a process that
    /// is paused between two of them has then heard of everything that the lease vouches for. When all hold,
    /// the answer is Postgres' clock.
    pub(crate) fn admits(&self, snapshot: &Snapshot) -> Option<DateTime<Utc>> {
        #[cfg(feature = "failpoints")]
        if failpoint!("guard::lease_before_denials") {
            return self.admits_by_denials_first(snapshot);
        } else if failpoint!("guard::age_clock_after_denials") {
            return self.admits_by_the_clock_of_its_start(snapshot);
        }
        if !self.lease.is_fresh(self.clock.uptime()) {
            return None;
        }
        failpoint!(wait "near::between_checks");
        if self.denials.deny(&snapshot.session.id, snapshot.user.id, snapshot.user.version)
            || !self.lease.covers(snapshot)
        {
            return None;
        }
        // The clock is read again: a pause that lasted until the denials were forgotten must make the entry old.
        self.in_time(snapshot, self.clock.uptime())
    }

    /// Postgres' clock at this uptime, unless what was read is too old then, or the session or a right has ended.
    fn in_time(&self, snapshot: &Snapshot, uptime: Duration) -> Option<DateTime<Utc>> {
        let now = self.lease.postgres_clock(uptime);
        let age = now.signed_duration_since(snapshot.read_at).to_std();
        let young = age.is_ok_and(|age| age < AGE || failpoint!("guard::age_limit"));
        let live = now < snapshot.end() || failpoint!("guard::end_of_entry");
        let rights = snapshot.rights.first_end();
        let rights = rights.is_none_or(|end| now < end) || failpoint!("guard::end_of_right");
        (young && live && rights).then_some(now)
    }

    /// Keeps a yes that a look-up just got from Postgres, or that Redis repeated and the checks admitted.
    pub(crate) fn remember(&self, snapshot: &Arc<Snapshot>) {
        failpoint!(wait "near::remember");
        #[cfg(feature = "failpoints")]
        if failpoint!("guard::one_statement") {
            return self.remember_late(snapshot);
        }
        self.keep(snapshot);
    }

    fn keep(&self, snapshot: &Arc<Snapshot>) {
        self.table.insert(snapshot.session.id, Known::Live(Arc::clone(snapshot)));
    }

    /// Keeps a no that is final.
    pub(crate) fn remember_dead(&self, id: SessionId) {
        self.table.insert(id, Known::Dead);
    }

    /// Denies sessions that this process just ended, before it answers.
    pub(crate) fn deny_sessions(&self, ids: &[SessionId]) {
        if failpoint!("guard::own_denial") {
            return;
        }
        let uptime = self.clock.uptime();
        for id in ids {
            self.denials.add_session(*id, uptime);
        }
    }

    /// Denies what was read of a person below a version that this process just made.
    pub(crate) fn deny_user(&self, id: UserId, version: i64) {
        self.denials.add_user(id, version, self.clock.uptime());
    }

    /// Waits until no other look-up of this session runs, but not for long.
    pub(crate) async fn lane(&self, id: &SessionId) -> Option<MutexGuard<'_, ()>> {
        if !self.has_lease() {
            return None;
        }
        let lane = usize::try_from(id.spread() >> 32).unwrap_or_default() % LANES;
        if let Ok(free) = self.lanes[lane].try_lock() {
            return Some(free);
        }
        tokio::time::timeout(FLIGHT, self.lanes[lane].lock()).await.ok()
    }

    /// Whether anything cached counts now.
    pub(crate) fn has_lease(&self) -> bool {
        self.lease.is_fresh(self.clock.uptime())
    }

    /// Applies what the stream tells. Called by the task that reads the socket, in the socket's order.
    pub(crate) fn apply(&self, event: &Event) -> ControlFlow<StreamError> {
        let uptime = self.clock.uptime();
        match *event {
            Event::Examined(_) | Event::StrategySet => {}
            Event::Started { clock, incarnation } => self.lease.start(clock, incarnation),
            Event::Denied(Denial::Session(id)) => self.denials.add_session(id, uptime),
            Event::Denied(Denial::User { id, version }) => self.denials.add_user(id, version, uptime),
            Event::Denied(Denial::All) => return self.begin_anew(),
            Event::Probed { lag } => metrics::LAG.observe(lag.as_secs_f64()),
            Event::BeatSent => self.lease.beat_sent(uptime),
            Event::BeatAnswered { clock } => {
                if failpoint!("guard::lease_from_start_of_beat") {
                    self.lease.beat_sent(uptime);
                }
                self.lease.beat_answered(clock);
                self.denials.forget_old(uptime);
                self.report();
            }
        }
        if self.denials.is_full() {
            if failpoint!("guard::none_dropped") {
                self.denials.clear_for_new_stream();
                return ControlFlow::Continue(());
            }
            // None is dropped: with a new stream nothing that was read before counts, and none is needed.
            log::warn!("too many denials are kept; the stream begins anew");
            return self.begin_anew();
        }
        ControlFlow::Continue(())
    }

    fn begin_anew(&self) -> ControlFlow<StreamError> {
        self.end_lease();
        ControlFlow::Break(StreamError::Restarted)
    }

    /// Nothing cached counts from here on, until a new stream grants a lease.
    pub(crate) fn end_lease(&self) {
        self.lease.end();
        self.denials.clear_for_new_stream();
        self.report();
    }

    fn report(&self) {
        metrics::LEASE.set(i64::from(self.has_lease()));
        metrics::DENIALS.set(i64::try_from(self.denials.len()).unwrap_or(i64::MAX));
        metrics::NEAR_ENTRIES.set(i64::try_from(self.table.len()).unwrap_or(i64::MAX));
        metrics::NEAR_BYTES.set(i64::try_from(self.table.bytes()).unwrap_or(i64::MAX));
    }
}
