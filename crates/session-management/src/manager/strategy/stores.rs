//! The two stores of a process, and what goes from one to the other.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use constants::AuditAction;
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
    /// Logouts that did not reach production, the oldest first.
    missed: Mutex<VecDeque<(Vec<SessionToken>, Origin)>>,
    /// Held by who tells production what it has missed, so that nobody finds it told while it is on its way.
    saving: tokio::sync::Mutex<()>,
}

impl Stores {
    pub(crate) fn new(old: Arc<MockUserManager>, production: ProductionUserManager) -> Self {
        Self {
            old,
            production,
            filled: AtomicBool::new(false),
            away_until: Mutex::default(),
            missed: Mutex::default(),
            saving: tokio::sync::Mutex::default(),
        }
    }

    /// Whether the old store has had what production had when it was asked. It says nothing of what other processes did since.
    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Acquire)
    }

    /// The old store is kept up to date no longer.
    pub(crate) fn fall_behind(&self) {
        self.filled.store(false, Ordering::Release);
    }

    /// Asks production, unless it has just not answered.
    pub(crate) async fn reach<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(is_first) = self.may_ask() else {
            return Err(SessionError::Unavailable("it did not answer a moment ago".into()));
        };
        let answer = call.await;
        if !matches!(answer, Err(SessionError::Unavailable(_))) {
            *self.away_until() = None;
        } else if is_first || self.away_until().is_none() {
            // It may have been Redis alone that a stranger's token was looked for in.
            let answers = self.production.answers().await;
            *self.away_until() = (!answers).then(|| Instant::now() + ALONE);
        }
        answer
    }

    /// Whether production may be asked: `None` while it is left alone. When that is over one goes first and sees
    /// whether it answers, and the others go on without.
    fn may_ask(&self) -> Option<bool> {
        let now = Instant::now();
        let mut away = self.away_until();
        match *away {
            Some(until) if now < until => None,
            Some(_) => {
                *away = Some(now + ALONE);
                Some(true)
            }
            None => Some(false),
        }
    }

    fn away_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.away_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a logout that did not reach production; whatever its tokens are, they open nothing here any more.
    ///
    /// # Errors
    /// When too many are kept: then it is not done.
    pub(crate) fn keep_missed(&self, tokens: Vec<SessionToken>, origin: Origin) -> Result<()> {
        let ids: Vec<SessionId> = tokens.iter().map(SessionToken::id).collect();
        let mut missed = self.missed();
        if missed.len() >= MISSED {
            return Err(SessionError::Unavailable("too many logouts have not reached production".into()));
        }
        self.old.end_for_good(&ids);
        missed.push_back((tokens, origin));
        Ok(())
    }

    fn missed(&self) -> MutexGuard<'_, VecDeque<(Vec<SessionToken>, Origin)>> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each is kept until production has taken it.
    async fn log_out_missed(&self) -> Result<()> {
        loop {
            let next = self.missed().front().cloned();
            let Some((tokens, origin)) = next else { return Ok(()) };
            self.production.delete_session(&tokens, origin).await?;
            self.missed().pop_front();
        }
    }

    /// Saves what is unsaved of a person, if anything is. It is done when this returns `Ok`.
    pub(crate) async fn save_person(&self, user: UserId) -> Result<()> {
        if self.old.has_unsaved(user) {
            self.save_as(user, AuditAction::SessionCarried).await?;
        }
        Ok(())
    }

    /// Saves what is unsaved of a person; to the audit log, sessions that are new come by this act.
    pub(crate) async fn save_as(&self, user: UserId, action: AuditAction) -> Result<Option<Arrived>> {
        let Some(unsaved) = self.old.unsaved(user, action) else { return Ok(None) };
        let arrived = self.production.carry_one(unsaved.bundle.clone()).await?;
        self.old.saved(&unsaved, arrived.as_ref());
        Ok(arrived)
    }

    /// Saves everything that is unsaved; with `uses` also when sessions were last used. It may be interrupted at any
    /// moment and called again.
    pub(crate) async fn save_all(&self, uses: bool) -> Result<()> {
        let _alone = self.saving.lock().await;
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
