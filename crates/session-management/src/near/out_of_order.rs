//! The checks of [`Near::admits`] in orders that are wrong, for the tests that show why.

use chrono::{DateTime, Utc};
use identity_db::failpoint;

use super::Near;
use crate::principal::Snapshot;

impl Near {
    pub(super) fn admits_by_denials_first(&self, snapshot: &Snapshot) -> Option<DateTime<Utc>> {
        let denied = self.denials.deny(&snapshot.session.id, snapshot.user.id, snapshot.user.version);
        failpoint!(wait "near::between_checks");
        if denied || !self.lease.is_fresh(self.clock.uptime()) || !self.lease.covers(snapshot) {
            return None;
        }
        self.in_time(snapshot, self.clock.uptime())
    }

    pub(super) fn admits_by_the_clock_of_its_start(&self, snapshot: &Snapshot) -> Option<DateTime<Utc>> {
        let start = self.clock.uptime();
        if !self.lease.is_fresh(start) {
            return None;
        }
        failpoint!(wait "near::between_checks");
        if self.denials.deny(&snapshot.session.id, snapshot.user.id, snapshot.user.version)
            || !self.lease.covers(snapshot)
        {
            return None;
        }
        self.in_time(snapshot, start)
    }

    /// Keeps a yes under a time that is later than what was read.
    pub(super) fn remember_late(&self, snapshot: &Snapshot) {
        let read_at = self.lease.postgres_clock(self.clock.uptime());
        self.keep(&std::sync::Arc::new(Snapshot { read_at, ..snapshot.clone() }));
    }
}
