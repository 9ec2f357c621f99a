//! What is done between requests: keys, the examination of the servers, uses, the stream of denials.

use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::time::Duration;

use identity_db::server::Faults;
use identity_db::stream::{Denial, Event, StreamError};
use identity_db::{instance_key, session, stream};

use super::Inner;
use crate::keyring::Keyring;

/// How long to wait before the next stream when one has ended: from the first to the last of a row of
/// failures.
const STREAM_PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(1000)];

/// Uses written down by one statement. What a very busy process collects in ten seconds does not fit into the time
/// that a statement has.
const USES_AT_ONCE: usize = 500;

/// How often the root keys are read again.
const KEYRING_AGE: Duration = Duration::from_secs(60);

impl Inner {
    pub(super) async fn refresh_keyring(&self) {
        let now = self.clock.uptime();
        let read_at = *self.keyring_read_at.lock().unwrap_or_else(PoisonError::into_inner);
        if read_at.is_some_and(|at| now.saturating_sub(at) < KEYRING_AGE) {
            return;
        }
        match self.database.read(instance_key::current).await {
            Ok(roots) => {
                let derived = Keyring::derive(&roots);
                if derived.is_some() {
                    *self.keyring_read_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
                }
                *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = derived;
            }
            Err(error) => log::debug!("the root keys could not be read: {error}"),
        }
    }

    /// Asks both servers what they are; `None` while they cannot be asked.
    pub(super) async fn examine(&self) -> Option<Faults> {
        let (pool, listener) = tokio::join!(self.database.server(), stream::server(&self.listen_url));
        let faults = Faults::of(&pool.ok()?, listener.as_ref().ok());
        self.fitness.note(&faults, listener.is_ok());
        Some(faults)
    }

    /// What the stream tells, in the order of its socket.
    pub(super) fn hear(&self, event: &Event) -> ControlFlow<StreamError> {
        match event {
            Event::Examined(faults) if !self.fitness.note(faults, true) => {
                ControlFlow::Break(StreamError::Unfit(faults.clone()))
            }
            Event::StrategySet => {
                self.strategy_set.notify_one();
                ControlFlow::Continue(())
            }
            event => {
                if let Event::Denied(Denial::User { id, .. }) = event {
                    // Without a follower nobody needs to know.
                    let _ = self.changes.send(*id);
                }
                self.near.apply(event)
            }
        }
    }

    pub(super) async fn write_down_uses(&self) {
        let uses = self.touches.take();
        if uses.is_empty() {
            return;
        }
        let idle = self.lifetimes.idle;
        for (batch, done) in uses.chunks(USES_AT_ONCE).zip((0..).step_by(USES_AT_ONCE)) {
            let statement = batch.to_vec();
            match self.database.run(move |conn| session::touch(conn, idle, &statement)).await {
                Ok(count) => log::debug!("wrote down the uses of {count} of {} sessions", batch.len()),
                Err(error) => {
                    log::debug!("uses could not be written down: {error}");
                    return self.touches.put_back(&uses[done..]);
                }
            }
        }
    }

    /// Follows one stream after another.
    pub(super) async fn follow_denials(&self) {
        let mut failures = 0_u32;
        loop {
            let began = self.clock.uptime();
            let sink = |event| self.hear(&event);
            let error = stream::follow(&self.listen_url, &self.database, self.presence(), &sink).await;
            self.near.end_lease();
            let lasted = self.clock.uptime().saturating_sub(began);
            failures = if lasted > Duration::from_secs(10) { 0 } else { failures.saturating_add(1) };
            // A fault has been logged when it was found.
            if failures <= 1 && !matches!(error, StreamError::Unfit(_)) {
                log::warn!("nothing cached counts until denials are heard again: {error}");
            } else {
                log::debug!("no stream of denials yet: {error}");
            }
            let [first, last] = STREAM_PAUSES;
            tokio::time::sleep(last.min(first * failures.max(1))).await;
        }
    }
}
