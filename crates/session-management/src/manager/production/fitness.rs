//! Whether the Postgres servers are what the promises need, as far as they could be asked.

use std::sync::{PoisonError, RwLock};

use identity_db::server::{Fault, Faults};

/// What was found, and what follows from it. In production (*strict*) every fault takes the caches away, and
/// keeps a process that has never found all in order from being ready. Elsewhere a fault is a warning, and
/// the caches go only where a cached yes could outlive a revocation.
#[derive(Debug)]
pub(super) struct Fitness {
    strict: bool,
    found: RwLock<Found>,
}

#[derive(Debug, Default)]
struct Found {
    /// Of the last examination; `None` before the first.
    faults: Option<Faults>,
    /// Both servers were asked once and nothing was wrong.
    passed: bool,
}

impl Fitness {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, found: RwLock::default() }
    }

    /// Notes what an examination of one or of `both` servers found, and logs it if it is news. The answer is
    /// whether caches may count.
    pub(super) fn note(&self, faults: &Faults, both: bool) -> bool {
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        let news = found.faults.as_ref() != Some(faults);
        found.faults = Some(faults.clone());
        found.passed |= both && faults.0.is_empty();
        drop(found);
        let caches = if self.strict { faults.0.is_empty() } else { !faults.void_caches() };
        if news && !faults.0.is_empty() {
            let without = if caches { "" } else { " (until then nothing cached counts)" };
            if self.strict {
                log::error!("{faults}{without}");
            } else {
                log::warn!("{faults}{without}");
            }
        }
        caches
    }

    /// Whether the servers were examined at all.
    pub(super) fn is_known(&self) -> bool {
        self.found.read().unwrap_or_else(PoisonError::into_inner).faults.is_some()
    }

    /// Whether requests should be sent here. Who has passed once stays: without caches the answers are right,
    /// and a fault that all processes find at the same time must not take all of them away.
    pub(super) fn may_serve(&self) -> bool {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        !self.strict || found.passed || found.faults.as_ref().is_some_and(|faults| faults.0.is_empty())
    }

    /// What stops the start: in production everything but triggers that a pending migration will bring.
    pub(super) fn refusal(&self, faults: Faults, pending: bool) -> Result<(), Faults> {
        let stops = |fault: &Fault| self.strict && !(pending && matches!(fault, Fault::MissingTriggers(_)));
        let left: Vec<Fault> = faults.0.into_iter().filter(stops).collect();
        if left.is_empty() { Ok(()) } else { Err(Faults(left)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_passed_once_stays_ready_and_goes_on_without_caches() {
        let (fine, fault) = (Faults(Vec::new()), Faults(vec![Fault::NoFsync]));
        let strict = Fitness::new(true);
        assert!(!strict.may_serve());
        assert!(!strict.note(&fault, false));
        assert!(!strict.may_serve());
        assert!(strict.note(&fine, false));
        assert!(strict.may_serve());
        assert!(!strict.note(&fault, true));
        assert!(!strict.may_serve(), "only one of the two servers had been asked");
        assert!(strict.note(&fine, true));
        assert!(!strict.note(&fault, true));
        assert!(strict.may_serve());
    }

    #[test]
    fn elsewhere_only_what_voids_caches_takes_them_away() {
        let lenient = Fitness::new(false);
        assert!(lenient.note(&Faults(vec![Fault::NoFsync]), true));
        assert!(!lenient.note(&Faults(vec![Fault::Standby("DATABASE_URL")]), true));
        assert!(lenient.may_serve());
        assert!(lenient.refusal(Faults(vec![Fault::NoFsync]), false).is_ok());
    }
}
