//! The two stores of a process, and what goes from one to the other.

use constants::AuditAction;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use identity_db::audit::Origin;
use identity_db::carry::Arrived;
use identity_db::session::State;
use identity_db::{SessionId, UserId};

use crate::error::SessionError;
use crate::manager::mock::MockUserManager;
use crate::manager::production::ProductionUserManager;
use crate::manager::{Result, UserManager};
use crate::metrics;
use crate::token::SessionToken;

/// People that one transaction carries: some tens of milliseconds.
const BATCH: usize = 20;

/// Logouts that are kept for production at most: anybody may send one.
const MISSED: usize = 100_000;

/// How long production is left alone: one request in so long waits for it in vain, and all others do not wait.
const ALONE: Duration = Duration::from_secs(1);

/// Rows that one statement reads.
const PAGE: i64 = 500;

/// The memory of the process, which is the old store, and production.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) old: Arc<MockUserManager>,
    pub(crate) production: ProductionUserManager,
    /// Whether the old store has had everything that production has.
    filled: AtomicBool,
    /// Until when production, which has just not answered, is left alone by those who go on without it.
    away_until: Mutex<Option<Instant>>,
    /// Logouts that did not reach production.
    missed: Mutex<Vec<(Vec<SessionToken>, Origin)>>,
}

impl Stores {
    pub(crate) fn new(old: Arc<MockUserManager>, production: ProductionUserManager) -> Self {
        Self {
            old,
            production,
            filled: AtomicBool::new(false),
            away_until: Mutex::default(),
            missed: Mutex::default(),
        }
    }

    /// Whether the old store's "unknown" is an answer.
    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// The old store is kept up to date no longer.
    pub(crate) fn fall_behind(&self) {
        self.filled.store(false, Ordering::Release);
    }

    /// Asks production, unless it has just not answered.
    pub(crate) async fn reach<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let away = || self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        if away().is_some_and(|until| Instant::now() < until) {
            return Err(SessionError::Unavailable("it did not answer a moment ago".into()));
        }
        let answer = call.await;
        // It may have been Redis alone that a stranger's token was looked for in.
        if matches!(answer, Err(SessionError::Unavailable(_))) && !self.production.answers().await {
            *away() = Some(Instant::now() + ALONE);
        }
        answer
    }

    /// Notes a logout that did not reach production; whatever its tokens are, they open nothing here any more.
    pub(crate) fn note_missed(&self, tokens: Vec<SessionToken>, origin: Origin) {
        let ids: Vec<SessionId> = tokens.iter().map(SessionToken::id).collect();
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        if missed.len() < MISSED {
            self.old.shut(&ids);
            missed.push((tokens, origin));
        }
    }

    async fn log_out_missed(&self) -> Result<()> {
        loop {
            let next = self.missed.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((tokens, origin)) = next else { return Ok(()) };
            if let Err(error) = self.production.delete_session(&tokens, origin.clone()).await {
                self.missed.lock().unwrap_or_else(PoisonError::into_inner).push((tokens, origin));
                return Err(error);
            }
        }
    }

    /// Saves what is unsaved of a person, if anything is. It is done when this returns `Ok`.
    pub(crate) async fn save_person(&self, user: UserId) -> Result<()> {
        if self.old.has_unsaved(user) {
            self.save_with(user, AuditAction::SessionCarried, None).await?;
        }
        Ok(())
    }

    /// Saves what is unsaved of a person as an act that happens now, with the token that the older software is to know.
    pub(crate) async fn save_with(
        &self,
        user: UserId,
        action: AuditAction,
        auth_token: Option<String>,
    ) -> Result<Option<Arrived>> {
        let Some(mut unsaved) = self.old.unsaved(user, action) else { return Ok(None) };
        unsaved.bundle.auth_token = auth_token;
        let arrived = self.production.carry_one(unsaved.bundle.clone()).await?;
        self.old.saved(&unsaved, arrived.as_ref());
        Ok(arrived)
    }

    /// Saves everything that is unsaved; with `uses` also when sessions were last used. It may be interrupted at any
    /// moment and called again.
    pub(crate) async fn save_all(&self, uses: bool) -> Result<()> {
        self.log_out_missed().await?;
        let used = self.old.used();
        if !used.phones.is_empty() || !used.payloads.is_empty() {
            self.production.note_used(used.clone()).await?;
            self.old.used_is_saved(&used);
        }
        for people in self.old.unsaved_people(uses).chunks(BATCH) {
            let unsaved: Vec<_> = people
                .iter()
                .filter_map(|user| self.old.unsaved(*user, AuditAction::SessionCarried))
                .collect();
            let bundles = unsaved.iter().map(|unsaved| unsaved.bundle.clone()).collect();
            let arrived = self.production.carry(bundles).await?;
            for (unsaved, arrived) in unsaved.iter().zip(&arrived) {
                self.old.saved(unsaved, arrived.as_ref());
            }
        }
        Ok(())
    }

    /// Brings everybody and every live session of this application to the old store, and every end.
    pub(crate) async fn load_all(&self) -> Result<()> {
        let (mut after, mut seen) = (None, HashSet::new());
        loop {
            let people = self.production.people(after, PAGE).await?;
            let Some((last, _)) = people.last() else { break };
            after = Some(last.user.id);
            seen.extend(people.iter().map(|(person, _)| person.user.id));
            people.into_iter().for_each(|(person, grants)| self.old.take_in(person, grants));
        }
        self.old.forget_deleted(&seen);
        let mut after = None;
        loop {
            let sessions = self.production.live(after, PAGE).await?;
            let Some(last) = sessions.last() else { break };
            after = Some(last.id);
            for session in sessions {
                // Whoever came since.
                if self.old.find_by_id(session.user_id).await?.is_none() {
                    self.load_person(session.user_id).await?;
                }
                self.old.take_in_session(&session);
            }
        }
        self.old.take_in_used(self.production.used().await?);
        self.load_ends().await?;
        self.filled.store(true, Ordering::Release);
        Ok(())
    }

    /// Ends in the old store what has ended in production, also what is not even there any more.
    pub(crate) async fn load_ends(&self) -> Result<()> {
        self.check_ends(self.old.known_elsewhere()).await
    }

    /// The same of these sessions, as far as production has had them.
    pub(crate) async fn check_ends(&self, known: Vec<SessionId>) -> Result<()> {
        for ids in known.chunks(usize::try_from(PAGE).unwrap_or(1)) {
            let rows = self.production.rows(ids.to_vec()).await?;
            let stands = |state| matches!(state, State::Live | State::Expired | State::Blocked);
            let standing = rows.iter().filter(|row| stands(row.state(row.session.application_context)));
            let standing: HashSet<SessionId> = standing.map(|row| row.session.id).collect();
            let is_over = |id: &&SessionId| !standing.contains(*id) && self.old.is_known_elsewhere(id);
            let ended: Vec<SessionId> = ids.iter().filter(is_over).copied().collect();
            self.old.end_quietly(&ended);
        }
        Ok(())
    }

    /// Brings a person to the old store, as production has them.
    pub(crate) async fn load_person(&self, user: UserId) -> Result<()> {
        if let Some((person, grants)) = self.production.person(user).await? {
            self.old.take_in(person, grants);
        }
        Ok(())
    }

    /// Brings a person to the old store as staff have just left them in production, and ends what they have ended.
    pub(crate) async fn follow(&self, user: UserId) -> Result<()> {
        self.load_person(user).await?;
        self.check_ends(self.old.sessions_of(user)).await
    }

    /// Saves what the old store alone knows of these sessions.
    pub(crate) async fn save_owners(&self, ids: &[SessionId]) -> Result<()> {
        for user in ids.iter().filter_map(|id| self.old.owner(id)).collect::<HashSet<_>>() {
            self.save_person(user).await?;
        }
        Ok(())
    }
}

/// What production answered, unless it failed: that is counted and logged, and felt by nobody.
pub(super) fn unfelt<T>(operation: &str, answer: Result<T>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(error) => {
            metrics::STRATEGY_FAILURES.with_label_values(&[operation]).inc();
            match error {
                SessionError::Unavailable(reason) => {
                    log::warn!("{operation} did not reach production: {reason}");
                }
                error => log::error!("{operation} did not reach production: {error}"),
            }
            None
        }
    }
}

/// Counts a look-up by the store that answered.
pub(super) fn answered_by(side: &str) {
    metrics::STRATEGY_READS.with_label_values(&[side]).inc();
}
