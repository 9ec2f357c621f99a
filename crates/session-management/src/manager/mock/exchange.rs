//! What goes between the memory and Postgres: what is newer here, and what is brought here.

use constants::AuditAction;
use std::collections::HashSet;

use identity_db::carry::{Arrived, Bundle, Carried, Person};
use identity_db::right::Grant;
use identity_db::session::Session;
use identity_db::user::Credential;
use identity_db::{SessionId, UserId};

use super::store::Changes;
use super::{MockUserManager, Used};
use crate::login::Phone;

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
        let Changes { attributes, blocked, lifted, password, ended_before, ref rights } = known.changes;
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
        let bundle =
            Bundle { person, sessions: carried.collect(), auth_token: None, context: self.context, action };
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

    /// Takes a session in that Postgres has live, with a person who is here. An end here stays one.
    pub(crate) fn take_in_session(&self, session: &Session) {
        let mut store = self.store();
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

    /// Ends ids of which nothing is known here.
    pub(crate) fn shut(&self, ids: &[SessionId]) {
        let until = self.now() + self.lifetimes.absolute;
        let mut store = self.store();
        for id in ids.iter().filter(|id| store.kept(id).is_none()).copied().collect::<Vec<_>>() {
            store.shut(id, until);
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
