//! What the memory holds, and what of it Postgres has not seen yet.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};
use constants::{ApplicationContext, AuditAction, Role};
use identity_db::audit::Line;
use identity_db::carry::GrantChange;
use identity_db::right::{Grant, Right, Rights};
use identity_db::session::{Found, Session, State};
use identity_db::user::{Credential, User};
use identity_db::{SessionId, UserId};
use uuid::Uuid;

use super::one_time::OneTime;
use crate::token::SessionToken;

#[derive(Debug, Default)]
pub(super) struct Store {
    people: HashMap<UserId, Person>,
    sessions: HashMap<SessionId, Kept>,
    by_user: HashMap<UserId, HashSet<SessionId>>,
    /// People of whom something is newer here than in Postgres.
    unsaved: BTreeSet<UserId>,
    /// Ids that were ended although nothing is known of them.
    shut: HashMap<SessionId, DateTime<Utc>>,
    /// The newest lines of the audit log.
    pub(super) audit: VecDeque<Line>,
    pub(super) attempts: HashMap<(&'static str, String), Attempts>,
    pub(super) once: OneTime,
}

/// Attempts within a window that began with the first.
#[derive(Debug)]
pub(super) struct Attempts {
    pub(super) end: DateTime<Utc>,
    pub(super) count: i32,
}

/// Counts the changes of something, and up to which of them Postgres has it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Revision {
    pub(super) now: u64,
    saved: u64,
}

impl Revision {
    /// Whether Postgres has ever had it.
    pub(super) const fn is_known(self) -> bool {
        self.saved > 0
    }

    pub(super) const fn is_unsaved(self) -> bool {
        self.now != self.saved
    }

    /// As Postgres has it.
    pub(super) const fn save(&mut self, revision: u64) {
        self.saved = revision;
    }

    const fn rise(&mut self) {
        self.now += 1;
    }
}

#[derive(Debug)]
pub(super) struct Person {
    pub(super) credential: Credential,
    pub(super) grants: Vec<Grant>,
    pub(super) revision: Revision,
    pub(super) changes: Changes,
}

/// What was changed of a person since Postgres had them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Changes {
    /// Role and verification.
    pub(super) attributes: bool,
    pub(super) blocked: bool,
    /// The block that Postgres may have and that was lifted.
    pub(super) lifted: Option<DateTime<Utc>>,
    pub(super) password: bool,
    /// Ends of all sessions, and the audit log's name for the last.
    pub(super) ended_before: Option<(DateTime<Utc>, AuditAction)>,
    /// Rights that were granted or taken.
    pub(super) rights: BTreeSet<(ApplicationContext, String)>,
    /// The newest token that the older software is to know.
    pub(super) auth_token: Option<SessionToken>,
}

impl Person {
    /// What became of a right.
    pub(super) fn grant(&self, context: ApplicationContext, permission: &str) -> GrantChange {
        let is_it = |grant: &&Grant| grant.application_context == context && grant.permission == permission;
        let grant = self.grants.iter().find(is_it).cloned();
        GrantChange { permission: permission.to_owned(), context, grant }
    }
}

#[derive(Debug)]
pub(super) struct Kept {
    pub(super) session: Session,
    /// When its id began.
    pub(super) began: DateTime<Utc>,
    pub(super) revision: Revision,
    /// Used since Postgres had it.
    pub(super) used: bool,
}

/// A person of whom nothing is known yet.
pub(super) fn nobody(now: DateTime<Utc>) -> User {
    User {
        id: UserId(Uuid::new_v4()),
        email: None,
        phone: None,
        telegram_id: None,
        is_verified: false,
        role: Role::User,
        created_at: now,
        last_login_at: None,
        blocked_at: None,
        session_epoch: 0,
        credential_version: 0,
        version: 0,
    }
}

impl Store {
    pub(super) fn person(&self, id: UserId) -> Option<&Person> {
        self.people.get(&id)
    }

    pub(super) fn people(&self) -> impl Iterator<Item = &Credential> {
        self.people.values().map(|person| &person.credential)
    }

    pub(super) fn count(&self) -> usize {
        self.people.len()
    }

    /// Puts a new person in.
    pub(super) fn add(&mut self, credential: Credential) {
        let id = credential.user.id;
        let (revision, changes) = (Revision::default(), Changes::default());
        let mut person = Person { credential, grants: Vec::new(), revision, changes };
        person.revision.rise();
        self.people.insert(id, person);
        self.unsaved.insert(id);
    }

    /// Changes a person, and what is noted of the change.
    pub(super) fn change(&mut self, id: UserId) -> Option<(&mut Credential, &mut Changes)> {
        let person = self.people.get_mut(&id)?;
        person.revision.rise();
        self.unsaved.insert(id);
        Some((&mut person.credential, &mut person.changes))
    }

    /// Changes one right of a person.
    pub(super) fn change_right(
        &mut self,
        id: UserId,
        context: ApplicationContext,
        permission: &str,
    ) -> Option<&mut Vec<Grant>> {
        let (known, changes) = self.change(id)?;
        known.user.version += 1;
        changes.rights.insert((context, permission.to_owned()));
        self.people.get_mut(&id).map(|person| &mut person.grants)
    }

    pub(super) fn rights(&self, user: UserId, context: ApplicationContext, now: DateTime<Utc>) -> Rights {
        let counts = |grant: &&Grant| {
            grant.application_context == context && grant.expires_at.is_none_or(|end| end > now)
        };
        let grants = self.people.get(&user).map(|person| person.grants.iter()).unwrap_or_default();
        grants
            .filter(counts)
            .map(|grant| Right { permission: grant.permission.clone(), expires_at: grant.expires_at })
            .collect()
    }

    /// Puts a person in as Postgres has them, with their rights where these are known, unless something is newer here. The epoch is the memory's own.
    pub(super) fn take_in(&mut self, mut credential: Credential, grants: Option<Vec<Grant>>) {
        let id = credential.user.id;
        match self.people.get_mut(&id) {
            Some(known) if known.revision.is_unsaved() => {}
            Some(known) => {
                credential.user.session_epoch = known.credential.user.session_epoch;
                known.credential = credential;
                known.grants = grants.unwrap_or_else(|| std::mem::take(&mut known.grants));
            }
            None => {
                let revision = Revision { now: 1, saved: 1 };
                let grants = grants.unwrap_or_default();
                self.people.insert(id, Person { credential, grants, revision, changes: Changes::default() });
            }
        }
    }

    /// Takes a person out, with everything.
    pub(super) fn forget(&mut self, id: UserId) {
        self.people.remove(&id);
        self.unsaved.remove(&id);
        for session in self.by_user.remove(&id).unwrap_or_default() {
            self.sessions.remove(&session);
        }
    }

    pub(super) fn kept(&self, id: &SessionId) -> Option<&Kept> {
        self.sessions.get(id)
    }

    pub(super) fn ids(&self) -> Vec<SessionId> {
        self.sessions.keys().copied().collect()
    }

    pub(super) fn sessions_of(&self, user: UserId) -> impl Iterator<Item = &Kept> {
        self.by_user.get(&user).into_iter().flatten().filter_map(|id| self.sessions.get(id))
    }

    /// Puts a new session in.
    pub(super) fn open(&mut self, session: Session, began: DateTime<Utc>) {
        let user = session.user_id;
        let mut kept = Kept { session, began, revision: Revision::default(), used: false };
        kept.revision.rise();
        self.insert(kept);
        self.unsaved.insert(user);
    }

    /// Puts a session in that Postgres has, or had.
    pub(super) fn insert_saved(&mut self, session: Session) {
        let began = session.created_at;
        self.insert(Kept { session, began, revision: Revision { now: 1, saved: 1 }, used: false });
    }

    fn insert(&mut self, kept: Kept) {
        self.by_user.entry(kept.session.user_id).or_default().insert(kept.session.id);
        self.sessions.insert(kept.session.id, kept);
    }

    /// Changes a session in a way that Postgres must be told of.
    pub(super) fn change_session(&mut self, id: &SessionId) -> Option<&mut Session> {
        let kept = self.sessions.get_mut(id)?;
        kept.revision.rise();
        self.unsaved.insert(kept.session.user_id);
        Some(&mut kept.session)
    }

    /// Changes a session without that.
    pub(super) fn kept_mut(&mut self, id: &SessionId) -> Option<&mut Kept> {
        self.sessions.get_mut(id)
    }

    /// Notes a use, of which Postgres is told when it is to answer.
    pub(super) fn note_use(&mut self, id: &SessionId, now: DateTime<Utc>, end: DateTime<Utc>) {
        if let Some(kept) = self.sessions.get_mut(id) {
            kept.session.last_activity = now;
            kept.session.expires_at = end;
            kept.used = true;
        }
    }

    pub(super) fn found(&self, id: &SessionId, now: DateTime<Utc>) -> Option<Found> {
        let session = self.sessions.get(id)?.session.clone();
        let user = self.people.get(&session.user_id)?.credential.user.clone();
        let rights = self.rights(user.id, session.application_context, now);
        Some(Found { session, user, rights, read_at: now, now })
    }

    pub(super) fn live(
        &self,
        id: &SessionId,
        context: ApplicationContext,
        now: DateTime<Utc>,
    ) -> Option<Found> {
        self.found(id, now).filter(|found| found.state(context) == State::Live)
    }

    pub(super) fn revoke(&mut self, id: &SessionId) -> bool {
        if self.sessions.get(id).is_none_or(|kept| kept.session.revoked) {
            return false;
        }
        self.change_session(id).map(|session| session.revoked = true).is_some()
    }

    /// Ends what is not here.
    pub(super) fn shut(&mut self, id: SessionId, until: DateTime<Utc>) {
        let known = self.shut.entry(id).or_insert(until);
        *known = until.max(*known);
    }

    pub(super) fn is_shut(&self, id: &SessionId) -> bool {
        self.shut.contains_key(id)
    }

    /// People of whom something is unsaved; with `uses` also those whose sessions were merely used.
    pub(super) fn unsaved(&self, uses: bool) -> Vec<UserId> {
        let mut unsaved = self.unsaved.clone();
        if uses {
            unsaved.extend(self.sessions.values().filter(|kept| kept.used).map(|kept| kept.session.user_id));
        }
        unsaved.into_iter().collect()
    }

    pub(super) fn has_unsaved(&self, id: UserId) -> bool {
        self.unsaved.contains(&id)
    }

    pub(super) fn person_mut(&mut self, id: UserId) -> Option<&mut Person> {
        self.people.get_mut(&id)
    }

    /// Takes a person from the list of those with something unsaved, if that is so.
    pub(super) fn settle(&mut self, id: UserId) {
        let person = self.people.get(&id).is_some_and(|person| person.revision.is_unsaved());
        if !person && !self.sessions_of(id).any(|kept| kept.revision.is_unsaved()) {
            self.unsaved.remove(&id);
        }
    }

    /// Drops what has run out for good: there is nothing left of it that anybody should be told.
    pub(super) fn purge(&mut self, now: DateTime<Utc>) {
        let Self { sessions, by_user, .. } = self;
        sessions.retain(|id, kept| {
            let stays = kept.session.absolute_expires_at > now;
            if !stays && let Some(ids) = by_user.get_mut(&kept.session.user_id) {
                ids.remove(id);
            }
            stays
        });
        self.shut.retain(|_, until| *until > now);
        self.attempts.retain(|_, attempts| attempts.end > now);
        self.once.purge(now);
    }
}
