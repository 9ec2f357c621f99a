//! What goes between the memory and Postgres: what is newer here, and what is brought here.

use constants::AuditAction;
use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity_db::carry::{Arrived, Bundle, Carried, Person};
use identity_db::right::Grant;
use identity_db::session::Session;
use identity_db::user::Credential;
use identity_db::{SessionId, UserId};

use super::store::{Changes, Person as Kept, Store};
use super::{MockUserManager, Used};
use crate::factory::Lifetimes;
use crate::login::Phone;
use crate::principal::Snapshot;
use crate::token::SessionToken;

/// Longer than anything that was read in Postgres is on its way here.
const ON_ITS_WAY: Duration = Duration::from_secs(60);

/// What is to be saved of one person, with how far it goes.
#[derive(Debug)]
pub(crate) struct Unsaved {
    pub(crate) bundle: Bundle,
    person: u64,
    sessions: Vec<(SessionId, u64)>,
}

impl MockUserManager {
    /// People of whom something is unsaved; with `uses` also those whose sessions were merely used.
    pub(crate) fn unsaved_people(&self, uses: bool) -> Vec<UserId> {
        self.store().unsaved(uses)
    }

    /// Whether something of a person is unsaved.
    pub(crate) fn has_unsaved(&self, user: UserId) -> bool {
        self.store().has_unsaved(user)
    }

    /// What is to be saved of a person; `None` for somebody who is not here.
    pub(crate) fn unsaved(&self, user: UserId, action: AuditAction) -> Option<Unsaved> {
        let store = self.store();
        let known = store.person(user)?;
        let Changes { attributes, blocked, lifted, password, ended_before, ref rights, ref auth_token } =
            known.changes;
        let person = Person {
            credential: known.credential.clone(),
            known: known.revision.is_known(),
            attributes,
            blocked,
            lifted,
            password,
            ended_before,
            grants: rights.iter().map(|(context, permission)| known.grant(*context, permission)).collect(),
        };
        let epoch = known.credential.user.session_epoch;
        let fresh = || store.sessions_of(user).filter(|kept| kept.revision.is_unsaved() || kept.used);
        let carried = fresh().map(|kept| Carried {
            session: kept.session.clone(),
            began: kept.began,
            ended: kept.session.revoked || kept.session.session_epoch < epoch,
            known: kept.revision.is_known(),
        });
        let stands = |token: &&SessionToken| {
            let kept = store.kept(&token.id()).map(|kept| &kept.session);
            kept.is_some_and(|session| !session.revoked && session.session_epoch >= epoch)
        };
        let Lifetimes { idle, absolute } = self.lifetimes;
        let auth_token = auth_token.as_ref().filter(stands).map(|token| token.expose().to_owned());
        let bundle = Bundle {
            person,
            sessions: carried.collect(),
            auth_token,
            idle,
            absolute,
            context: self.context,
            action,
        };
        let sessions = fresh().map(|kept| (kept.session.id, kept.revision.now)).collect();
        Some(Unsaved { bundle, person: known.revision.now, sessions })
    }

    /// Notes what Postgres has now; what was changed here meanwhile stays unsaved. `None` for a person whom it had
    /// and has no more.
    pub(crate) fn saved(&self, unsaved: &Unsaved, arrived: Option<&Arrived>) {
        let id = unsaved.bundle.person.credential.user.id;
        let mut store = self.store();
        let Some(arrived) = arrived else {
            store.forget(id);
            return;
        };
        if let Some(person) = store.person_mut(id) {
            person.revision.save(unsaved.person);
            if !person.revision.is_unsaved() {
                person.changes = Changes::default();
            } else if person.changes.auth_token.as_ref().map(SessionToken::expose)
                == unsaved.bundle.auth_token.as_deref()
            {
                // Another process may write a newer one meanwhile.
                person.changes.auth_token = None;
            }
        }
        store.take_in(arrived.credential.clone(), arrived.grants.clone());
        for (session, revision) in &unsaved.sessions {
            if let Some(kept) = store.kept_mut(session) {
                kept.revision.save(*revision);
                kept.used = false;
                kept.session.revoked |= arrived.dead.contains(session);
            }
        }
        for ended in &arrived.ended {
            if let Some(kept) = store.kept_mut(ended) {
                kept.session.revoked = true;
            }
        }
        store.settle(id);
    }

    /// Takes a person in as Postgres has them, with their rights.
    pub(crate) fn take_in(&self, person: Credential, grants: Vec<Grant>) {
        self.store().take_in(person, Some(grants));
    }

    /// Every session of a person that is not known to have ended.
    pub(crate) fn sessions_of(&self, user: UserId) -> Vec<SessionId> {
        let store = self.store();
        let standing = store.sessions_of(user).filter(|kept| !kept.session.revoked);
        standing.map(|kept| kept.session.id).collect()
    }

    /// Takes out people whom Postgres has had and who are not among those whom it has.
    pub(crate) fn forget_deleted(&self, present: &HashSet<UserId>) {
        let mut store = self.store();
        let known = |id: &UserId| store.person(*id).is_some_and(|person| person.revision.is_known());
        let gone: Vec<UserId> = store
            .people()
            .map(|known| known.user.id)
            .filter(|id| known(id) && !present.contains(id))
            .collect();
        gone.into_iter().for_each(|id| store.forget(id));
    }

    /// Notes the token that the older software is to know of a person.
    pub(crate) fn note_token(&self, user: UserId, token: &SessionToken) {
        if let Some((_, changes)) = self.store().change(user) {
            changes.auth_token = Some(token.clone());
        }
    }

    /// Takes in what Postgres has just said of a session, unless it says something newer of its person since: that may
    /// be the end of all of their sessions.
    pub(crate) fn take_in_read(&self, read: &Snapshot) -> bool {
        let mut store = self.store();
        let is_newer = |person: &Kept| {
            !person.revision.is_unsaved() && person.credential.user.version > read.user.version
        };
        if store.person(read.user.id).is_some_and(is_newer) {
            return false;
        }
        Self::take_in_live(&mut store, &read.session);
        true
    }

    /// Takes a session in that Postgres has live, with a person who is here. An end here stays one.
    pub(crate) fn take_in_session(&self, session: &Session) {
        Self::take_in_live(&mut self.store(), session);
    }

    fn take_in_live(store: &mut Store, session: &Session) {
        let Some(epoch) = store.person(session.user_id).map(|person| person.credential.user.session_epoch)
        else {
            return;
        };
        if store.is_shut(&session.id) {
            return;
        }
        let Some(kept) = store.kept_mut(&session.id) else {
            store.insert_saved(Session { session_epoch: epoch, ..session.clone() });
            return;
        };
        let own = &mut kept.session;
        own.last_activity = own.last_activity.max(session.last_activity);
        own.expires_at = own.expires_at.max(session.expires_at);
        own.authenticated_at = own.authenticated_at.max(session.authenticated_at);
    }

    /// Ends what Postgres says has ended. It is told nothing of it.
    pub(crate) fn end_quietly(&self, ids: &[SessionId]) {
        let mut store = self.store();
        for id in ids {
            if let Some(kept) = store.kept_mut(id) {
                kept.session.revoked = true;
            }
        }
    }

    /// The same of everything of a person.
    pub(crate) fn end_person_quietly(&self, user: UserId) {
        let ids: Vec<SessionId> = self.store().sessions_of(user).map(|kept| kept.session.id).collect();
        self.end_quietly(&ids);
    }

    /// Ends sessions of which Postgres cannot be told now; also what is not known here opens nothing any more.
    pub(crate) fn end_for_good(&self, ids: &[SessionId]) {
        self.shut(ids, self.now() + self.lifetimes.absolute);
    }

    /// Ends what Postgres has just ended, also what a look-up has read before and is about to bring here.
    pub(crate) fn end_at_once(&self, ids: &[SessionId]) {
        self.shut(ids, self.now() + ON_ITS_WAY);
    }

    fn shut(&self, ids: &[SessionId], until: DateTime<Utc>) {
        let mut store = self.store();
        for id in ids {
            match store.kept_mut(id) {
                Some(kept) => kept.session.revoked = true,
                None => store.shut(*id, until),
            }
        }
    }

    /// Whether Postgres has ever had a session.
    pub(crate) fn is_known_elsewhere(&self, id: &SessionId) -> bool {
        self.store().kept(id).is_some_and(|kept| kept.revision.is_known())
    }

    /// Whose session it is.
    pub(crate) fn owner(&self, id: &SessionId) -> Option<UserId> {
        self.store().kept(id).map(|kept| kept.session.user_id)
    }

    /// Every session that Postgres has had and that is not known to have ended.
    pub(crate) fn known_elsewhere(&self) -> Vec<SessionId> {
        let store = self.store();
        let known = |id: &SessionId| {
            store.kept(id).is_some_and(|kept| kept.revision.is_known() && !kept.session.revoked)
        };
        store.ids().into_iter().filter(known).collect()
    }

    /// The id of the person who has this phone or Telegram id.
    pub(crate) fn owner_of(&self, phone: Option<&str>, telegram_id: Option<i64>) -> Option<UserId> {
        let store = self.store();
        let is_theirs = |known: &&Credential| match telegram_id {
            Some(_) => known.user.telegram_id == telegram_id,
            None => known.user.phone.as_deref() == phone,
        };
        store.people().find(is_theirs).map(|known| known.user.id)
    }

    /// Notes that Postgres has the code of a phone, too.
    pub(crate) fn code_is_elsewhere(&self, phone: &Phone) {
        self.store().once.is_elsewhere(phone);
    }

    /// Whether a code is here that Postgres does not have.
    pub(crate) fn has_code_of_its_own(&self, phone: &Phone) -> bool {
        self.store().once.is_only_here(phone)
    }

    /// Codes and payloads that were used here and of which Postgres was not told.
    pub(crate) fn used(&self) -> Used {
        self.store().once.used()
    }

    /// Notes that it was told.
    pub(crate) fn used_is_saved(&self, used: &Used) {
        self.store().once.saved(used);
    }

    /// Notes what was used elsewhere.
    pub(crate) fn take_in_used(&self, used: Used) {
        self.store().once.take_in(used);
    }
}
