//! Uses of sessions, remembered here and written down in batches: no write is part of a request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use identity_db::SessionId;

use crate::principal::Snapshot;

/// The least time between two marks of one session.
const THROTTLE: Duration = Duration::from_secs(60);

/// How long marks wait at most before they are written down.
const FLUSH: Duration = Duration::from_secs(10);

/// Marks of which sessions were used since the last flush.
#[derive(Debug)]
pub(crate) struct TouchBook {
    throttle: Duration,
    marks: Mutex<Marks>,
}

#[derive(Debug, Default)]
struct Marks {
    /// To be written down.
    pending: HashMap<SessionId, Instant>,
    /// Written down recently, while cached copies may still show an older time.
    written: HashMap<SessionId, Instant>,
}

impl TouchBook {
    /// A book for sessions that live `idle` unused: with a very short life, uses are written more often, so
    /// that a session in use does not end between two marks.
    pub(crate) fn new(idle: Duration) -> Self {
        Self { throttle: THROTTLE.min(idle / 4), marks: Mutex::default() }
    }

    /// How often [`TouchBook::take`] should be called.
    pub(crate) fn flush_period(&self) -> Duration {
        FLUSH.min(self.throttle / 2).max(Duration::from_millis(50))
    }

    /// Notes a use at `now`, unless one was noted within the throttle, here or by what Postgres knew when the
    /// snapshot was read.
    pub(crate) fn mark(&self, snapshot: &Snapshot, now: DateTime<Utc>) {
        let known = now.signed_duration_since(snapshot.session.last_activity);
        if known.to_std().map_or(true, |age| age < self.throttle)
            || !snapshot.memo.note_use(now, self.throttle)
        {
            return;
        }
        let id = &snapshot.session.id;
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.written.contains_key(id) || marks.pending.contains_key(id) {
            return;
        }
        marks.pending.insert(*id, Instant::now());
    }

    /// Takes what is to be written down, each with how long ago it was.
    pub(crate) fn take(&self) -> Vec<(SessionId, Duration)> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let throttle = self.throttle;
        marks.written.retain(|_, at| at.elapsed() < throttle);
        let taken: HashMap<SessionId, Instant> = std::mem::take(&mut marks.pending);
        marks.written.extend(taken.iter().map(|(id, at)| (*id, *at)));
        taken.into_iter().map(|(id, at)| (id, at.elapsed())).collect()
    }

    /// Puts back what could not be written down.
    pub(crate) fn put_back(&self, uses: &[(SessionId, Duration)]) {
        let now = Instant::now();
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, age) in uses {
            marks.written.remove(id);
            marks.pending.entry(*id).or_insert_with(|| now.checked_sub(*age).unwrap_or(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::tests::snapshot;

    fn at(seconds: u64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn one_mark_a_minute_and_none_for_a_fresh_session_c3() {
        let book = TouchBook::new(Duration::from_secs(3600));
        let session = snapshot("session-a");
        book.mark(&session, at(59));
        assert!(book.take().is_empty());
        for _ in 0..1000 {
            book.mark(&session, at(61));
        }
        assert_eq!(book.take().len(), 1);
        book.mark(&session.clone(), at(62));
        assert!(book.take().is_empty(), "a copy that is older than the flush marks nothing again");
    }

    #[test]
    fn what_could_not_be_written_is_kept() {
        let book = TouchBook::new(Duration::from_secs(3600));
        book.mark(&snapshot("session-a"), at(61));
        let taken = book.take();
        book.put_back(&taken);
        assert_eq!(book.take().len(), 1);
    }

    #[test]
    fn a_short_life_is_renewed_in_time() {
        let book = TouchBook::new(Duration::from_secs(2));
        assert!(book.flush_period() + book.throttle < Duration::from_secs(1));
    }
}
