//! What is not to be believed: sessions, and people below a version. A denial says "ask", never "no".

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use identity_db::{SessionId, UserId, failpoint};

/// How long a denial is kept: longer than anything cached may count.
const KEPT: Duration = Duration::from_secs(10 * 60);

/// How often old ones are looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// Denials at most, before the stream begins anew.
const MOST: usize = 200_000;

#[derive(Debug, Default)]
pub(super) struct Denials {
    kept: RwLock<Kept>,
    /// How many there are, so that a look-up takes no lock while there are none.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Kept {
    /// By uptime at which they came.
    sessions: HashMap<SessionId, Duration>,
    /// The highest version, and the uptime at which it came.
    users: HashMap<UserId, (i64, Duration)>,
    swept: Duration,
}

impl Denials {
    /// Whether a session, or its user below a newer version, is denied.
    pub(super) fn deny(&self, session: &SessionId, user: UserId, version: i64) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let kept = self.read();
        kept.sessions.contains_key(session)
            || kept.users.get(&user).is_some_and(|(newest, _)| *newest > version)
    }

    pub(super) fn add_session(&self, id: SessionId, uptime: Duration) {
        if failpoint!("guard::session_denial") {
            return;
        }
        let mut kept = self.write();
        kept.sessions.insert(id, uptime);
        self.count(&kept);
    }

    pub(super) fn add_user(&self, id: UserId, version: i64, uptime: Duration) {
        if failpoint!("guard::user_denial") {
            return;
        }
        let mut kept = self.write();
        let newest = kept.users.entry(id).or_insert((version, uptime));
        *newest = (newest.0.max(version), uptime);
        self.count(&kept);
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() > MOST
    }

    /// Forgets what nothing cached can contradict any more.
    pub(super) fn forget_old(&self, uptime: Duration) {
        if self.len() == 0 || uptime.saturating_sub(self.read().swept) < SWEEP {
            return;
        }
        let longest = if failpoint!("guard::kept_longer_than_age") { Duration::ZERO } else { KEPT };
        let mut kept = self.write();
        kept.swept = uptime;
        kept.sessions.retain(|_, came| uptime.saturating_sub(*came) < longest);
        kept.users.retain(|_, (_, came)| uptime.saturating_sub(*came) < longest);
        self.count(&kept);
    }

    /// Makes room when there are too many. Nothing that was read before the next stream counts, so none is
    /// needed for it; until then there is no lease.
    pub(super) fn clear_for_new_stream(&self) {
        if self.is_full() {
            let mut kept = self.write();
            kept.sessions.clear();
            kept.users.clear();
            self.count(&kept);
        }
    }

    fn count(&self, kept: &Kept) {
        self.count.store(kept.sessions.len() + kept.users.len(), Ordering::Release);
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}
