//! The look-up through the caches, and what is written to them and taken out of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use identity_db::audit::Origin;
use identity_db::session::{Found, State};
use identity_db::{SessionId, failpoint};

use super::{Inner, Result};
use crate::LOOKUP_LOG_TARGET as LOOKUP;
use crate::adapter::{SessionData, SessionKey};
use crate::metrics;
use crate::principal::{Memo, Snapshot};
use crate::token::SessionToken;

/// What Postgres says of a token.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Its session is live.
    Live(Arc<Snapshot>),
    /// It has a row that says no, and why; no other place is asked.
    Ended(State),
    /// It has no row.
    Unknown,
}

impl Inner {
    /// Whether anything cached may answer at all: admin-panel, for one, always asks Postgres.
    pub(super) fn caches(&self) -> bool {
        self.context.application().cached || failpoint!("guard::admin_reads_no_cache")
    }

    /// What the process' own cache may repeat now.
    pub(super) fn peek(&self, id: &SessionId) -> Option<Arc<Snapshot>> {
        if !self.caches() {
            return None;
        }
        let (snapshot, now) = self.near.get(id)?;
        metrics::NEAR_HITS.inc();
        self.answered("near", &snapshot, now);
        Some(snapshot)
    }

    /// The look-up through the caches: what is near, then Redis, then Postgres.
    pub(super) async fn look_up_cached(&self, token: &SessionToken, origin: &Origin) -> Result<Decision> {
        let id = &token.id();
        if let Some(snapshot) = self.peek(id) {
            return Ok(Decision::Live(snapshot));
        }
        if self.near.is_dead(id) {
            metrics::LOOKUPS.with_label_values(&["near", "ended"]).inc();
            return Ok(Decision::Ended(State::Revoked));
        }
        // Many requests of one session at once ask once. Who waited in vain asks for itself.
        let _lane = self.near.lane(id).await;
        if let Some(snapshot) = self.peek(id) {
            return Ok(Decision::Live(snapshot));
        }
        if let Some((snapshot, now)) = self.ask_redis(id).await {
            self.near.remember(&snapshot);
            metrics::REDIS_HITS.inc();
            self.answered("redis", &snapshot, now);
            return Ok(Decision::Live(snapshot));
        }
        let decision = self.look_up_in_postgres(token, origin).await?;
        if let Decision::Live(snapshot) = &decision {
            self.near.remember(snapshot);
            // Without a lease nobody would ask for it, and each of the look-ups that Postgres then answers would write.
            if self.near.has_lease() {
                self.write_to_redis(snapshot).await;
            }
        }
        Ok(decision)
    }

    /// The look-up that no cache answers. A token without a row may be one of the older software; if it is, it has
    /// a row then, and that decides.
    pub(super) async fn look_up_in_postgres(
        &self,
        token: &SessionToken,
        origin: &Origin,
    ) -> Result<Decision> {
        let id = token.id();
        let mut decision = self.decide(&id).await?;
        match &decision {
            Decision::Live(snapshot) => self.count_legacy_use(snapshot),
            Decision::Unknown if self.adopt(token, origin).await? => {
                decision = if failpoint!("guard::adoption_decides_from_row") {
                    self.decide_by(&id, |_| State::Live).await?
                } else {
                    self.decide(&id).await?
                };
            }
            Decision::Ended(_) | Decision::Unknown => {}
        }
        if let Decision::Live(snapshot) = &decision {
            self.touches.mark(snapshot, snapshot.read_at);
        }
        Ok(decision)
    }

    /// A yes that Redis repeats and that may count now. Without a lease it is not even asked.
    pub(super) async fn ask_redis(&self, id: &SessionId) -> Option<(Arc<Snapshot>, DateTime<Utc>)> {
        if !self.near.has_lease() {
            return None;
        }
        let data = match self.cache.get(SessionKey::from(id)).await {
            Ok(data) => data?,
            Err(error) => {
                log::debug!("[SESSION_LOOKUP] context={} {error}", self.context);
                return None;
            }
        };
        let snapshot = data.snapshot.filter(|snapshot| {
            (snapshot.session.id == *id && snapshot.session.application_context == self.context)
                || failpoint!("guard::value_names_its_session")
        })?;
        self.near.admits(&snapshot).map(|now| (snapshot, now))
    }

    /// Notes who answered, and that the session was used.
    pub(super) fn answered(&self, tier: &str, snapshot: &Snapshot, now: DateTime<Utc>) {
        log::debug!(
            target: LOOKUP,
            "[SESSION_LOOKUP] context={} session={} user={} tier={tier}",
            self.context,
            snapshot.session.id.short(),
            snapshot.user.id
        );
        self.touches.mark(snapshot, now);
        self.count_legacy_use(snapshot);
    }

    /// The answer of Postgres' row, which ends the look-up whatever it is.
    pub(super) async fn decide(&self, id: &SessionId) -> Result<Decision> {
        self.decide_by(id, |found| found.state(self.context)).await
    }

    async fn decide_by(&self, id: &SessionId, judge: impl FnOnce(&Found) -> State) -> Result<Decision> {
        let outcome = |outcome: &str| metrics::LOOKUPS.with_label_values(&["postgres", outcome]).inc();
        let (found, incarnation) = match self.look_ups.find(*id).await {
            Ok(found) => found,
            Err(_) if failpoint!("guard::error_is_neither") => return Ok(Decision::Ended(State::Revoked)),
            Err(error) => {
                outcome("error");
                log::warn!("[SESSION_LOOKUP] context={} session={} {error}", self.context, id.short());
                return Err(error.into());
            }
        };
        let Some(found) = found else {
            if failpoint!("guard::miss_is_not_remembered") {
                self.near.remember_dead(*id);
            }
            outcome("unknown");
            log::debug!(target: LOOKUP, "[SESSION_LOOKUP] context={} session={} unknown", self.context, id.short());
            return Ok(Decision::Unknown);
        };
        let state = judge(&found);
        if state != State::Live {
            if failpoint!("guard::no_state_filter") {
                return Ok(Decision::Unknown);
            }
            outcome("ended");
            log::debug!(target: LOOKUP, "[SESSION_LOOKUP] context={} session={} {state:?}", self.context, id.short());
            if self.caches() && found.is_final() {
                self.near.remember_dead(*id);
            }
            return Ok(Decision::Ended(state));
        }
        outcome("live");
        let Found { session, user, rights, mut read_at, .. } = found;
        if failpoint!("guard::read_at_on_postgres_clock") {
            read_at = self.clock.now();
        }
        log::debug!(
            target: LOOKUP,
            "[SESSION_LOOKUP] context={} session={} user={} tier=postgres",
            self.context,
            id.short(),
            user.id
        );
        let memo = Memo::default();
        Ok(Decision::Live(Arc::new(Snapshot { session, user, rights, read_at, incarnation, memo })))
    }

    /// Writes what Postgres just said to Redis, as well as it goes. It stays there as long as the session
    /// lives, so that operators see it; how long it counts is another matter.
    pub(super) async fn write_to_redis(&self, snapshot: &Arc<Snapshot>) {
        let Ok(ttl) = snapshot.end().signed_duration_since(snapshot.read_at).to_std() else { return };
        let data = SessionData::of(Arc::clone(snapshot));
        if let Err(error) = self.cache.set(SessionKey::from(&snapshot.session.id), &data, ttl).await {
            log::debug!("[SESSION_LOOKUP] context={} {error}", self.context);
        }
    }

    /// What follows the commit of an end, before it is answered: this process denies the sessions by itself,
    /// the others hear of it from Postgres. Then the values leave Redis, as well as it goes; that an end is
    /// final does not depend on it.
    pub(super) async fn forget(&self, ids: &[SessionId]) {
        self.near.deny_sessions(ids);
        self.delete_from_redis(ids).await;
    }

    pub(super) async fn delete_from_redis(&self, ids: &[SessionId]) {
        let keys: Vec<SessionKey<'_>> = ids.iter().map(SessionKey::from).collect();
        if let Err(error) = self.cache.delete(&keys).await {
            log::debug!("[SESSION_DELETE] context={} {error}", self.context);
        }
    }

    /// Fills the caches with a session that was just opened, as well as it goes.
    pub(super) async fn fill(&self, id: &SessionId) {
        if let Ok(Decision::Live(snapshot)) = self.decide(id).await {
            if self.caches() {
                self.near.remember(&snapshot);
            }
            self.write_to_redis(&snapshot).await;
        }
    }
}
