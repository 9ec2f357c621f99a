//! Logging in and ending sessions in memory.

use constants::AuditAction;
use std::sync::Arc;

use identity_db::audit::{Entry, Origin};
use identity_db::session::{Session, State};
use identity_db::{Incarnation, SessionId};

use super::MockUserManager;
use crate::account::{EndOthers, LoggedIn, OthersEnded, SessionRequest};
use crate::metrics;
use crate::principal::{Memo, Snapshot};
use crate::token::SessionToken;

/// What the memory says of a token.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its session is live.
    Live(Arc<Snapshot>),
    /// It was ended here.
    Ended,
    /// It has run out here, or its person is blocked; elsewhere it may be known better.
    Over,
    /// It is not here.
    Unknown,
}

impl MockUserManager {
    /// What is said of a session here. A yes notes a use.
    pub(crate) fn judge(&self, id: &SessionId) -> Verdict {
        let now = self.now();
        let mut store = self.store();
        if store.is_shut(id) {
            return Verdict::Ended;
        }
        let Some(found) = store.found(id, now) else { return Verdict::Unknown };
        match found.state(self.context) {
            State::Live => {}
            State::Revoked | State::OtherContext => return Verdict::Ended,
            State::Expired | State::Blocked => return Verdict::Over,
        }
        store.note_use(id, now, self.idle_end(now, found.session.absolute_expires_at));
        Verdict::Live(Arc::new(Snapshot {
            session: found.session,
            user: found.user,
            rights: found.rights,
            read_at: found.read_at,
            incarnation: Incarnation { system: 0, timeline: 0 },
            memo: Memo::default(),
        }))
    }

    pub(crate) fn log_in(&self, request: SessionRequest) -> Option<LoggedIn> {
        let SessionRequest { user, auth_method, login, rehashed } = request;
        let now = self.now();
        let mut store = self.store();
        let known = &store.person(user.id)?.credential.user;
        if known.blocked_at.is_some() || known.credential_version != user.credential_version {
            return None;
        }
        let (known, _) = store.change(user.id)?;
        known.user.last_login_at = Some(now);
        known.hashed_password = rehashed.or(known.hashed_password.take());
        let user = known.user.clone();
        for carried in &login.carried {
            let id = carried.id();
            if store.live(&id, self.context, now).is_some() {
                store.revoke(&id);
            }
        }
        let token = SessionToken::generate();
        let absolute_expires_at = now + self.lifetimes.absolute;
        let session = Session {
            id: token.id(),
            user_id: user.id,
            application_context: self.context,
            created_at: now,
            last_activity: now,
            expires_at: self.idle_end(now, absolute_expires_at),
            absolute_expires_at,
            ip_address: login.origin.ip_address,
            user_agent: login.origin.user_agent,
            revoked: false,
            session_epoch: user.session_epoch,
            auth_method: auth_method.to_owned(),
            authenticated_at: Some(now),
            adopted_from: None,
        };
        store.open(session.clone(), now);
        let origin = Origin { ip_address: session.ip_address, user_agent: session.user_agent.clone() };
        let detail = Some(serde_json::json!({"method": auth_method}));
        let own = self.own_act(AuditAction::SessionCreated, user.id, origin);
        store.note(Entry { session: Some(session.id), detail, ..own }, now);
        log::info!(
            "[SESSION_CREATE] context={} session={} user={} method={auth_method}",
            self.context,
            session.id.short(),
            user.id
        );
        Some(LoggedIn { token, user, session, dual_written: false })
    }

    /// Ends the sessions of these ids; ending what is not here is no error.
    pub(crate) fn end(&self, ids: &[SessionId], cause: AuditAction, origin: &Origin) -> usize {
        let mut store = self.store();
        let mut ended = 0;
        for id in ids {
            if !store.revoke(id) {
                continue;
            }
            ended += 1;
            if let Some(user) = store.kept(id).map(|kept| kept.session.user_id) {
                let own = self.own_act(cause, user, origin.clone());
                store.note(Entry { session: Some(*id), ..own }, self.now());
            }
            metrics::REVOCATIONS.with_label_values(&[cause.as_str()]).inc();
            log::info!("[SESSION_DELETE] context={} session={} cause={cause}", self.context, id.short());
        }
        ended
    }

    /// Ends all other sessions of a person; also returns those that were live.
    pub(crate) fn end_all_others(&self, act: EndOthers) -> Option<(OthersEnded, Vec<SessionId>)> {
        let now = self.now();
        let mut store = self.store();
        let own = store.live(&act.own.token.id(), self.context, now)?;
        if own.user.credential_version != act.credential_version {
            return None;
        }
        let others = store.sessions_of(own.user.id).filter(|kept| kept.session.id != own.session.id);
        let others = others.map(|kept| kept.session.id);
        let live: Vec<SessionId> = others.filter(|id| store.live(id, self.context, now).is_some()).collect();
        let (known, changes) = store.change(own.user.id)?;
        known.user.session_epoch += 1;
        known.user.version += 1;
        changes.ended_before = Some((now, AuditAction::SessionsEndedByOwner));
        if let Some(hash) = act.new_password {
            known.user.credential_version += 1;
            known.hashed_password = Some(hash);
            changes.password = true;
        }
        let session_epoch = known.user.session_epoch;
        let ended: Vec<SessionId> = store.sessions_of(own.user.id).map(|kept| kept.session.id).collect();
        for id in &ended {
            store.revoke(id);
        }
        let token = SessionToken::generate();
        let authenticated_at = if act.proven { Some(now) } else { own.session.authenticated_at };
        let kept =
            Session { id: token.id(), session_epoch, authenticated_at, last_activity: now, ..own.session };
        store.open(kept, now);
        Some((OthersEnded { revoked: live.len(), token, dual_written: false }, live))
    }
}
