//! The principal of a request: user and session, in the application context that alone it counts in.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use constants::{AppContext, ApplicationContext, Permission, lifetime};
use identity_db::Incarnation;
use identity_db::right::Rights;
use identity_db::session::Session;
use identity_db::user::User;

/// What one statement read of a live session: the session, its user and their rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// What the user may do in its application beyond what their role brings.
    pub rights: Rights,
    /// Postgres' clock at the read.
    pub read_at: DateTime<Utc>,
    /// The server that was read from.
    pub incarnation: Incarnation,
    /// What is noted of it while it is cached.
    pub memo: Memo,
}

/// What is noted of a snapshot while it is cached. It is no part of what was read: a copy begins with none,
/// and two snapshots are equal whatever is noted of them.
#[derive(Debug, Default)]
pub struct Memo {
    /// When it was last used, in microseconds of Postgres' clock.
    used_at: AtomicI64,
    /// What the presentation made of it, to be sent again as it is.
    rendered: OnceLock<Bytes>,
}

impl Memo {
    /// Notes a use at `now`; `false` when one was noted within `throttle` before.
    pub(crate) fn note_use(&self, now: DateTime<Utc>, throttle: Duration) -> bool {
        let now = now.timestamp_micros();
        let throttle = i64::try_from(throttle.as_micros()).unwrap_or(i64::MAX);
        let noted = |last: i64| (now.saturating_sub(last) >= throttle).then_some(now);
        self.used_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, noted).is_ok()
    }

    /// What the presentation made of the snapshot: made once, then shared.
    ///
    /// # Errors
    /// As `render`; nothing is kept then.
    pub fn rendered<E>(&self, render: impl FnOnce() -> Result<Bytes, E>) -> Result<Bytes, E> {
        match self.rendered.get() {
            Some(made) => Ok(made.clone()),
            None => render().map(|made| self.rendered.get_or_init(|| made).clone()),
        }
    }
}

impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memo {}

impl Snapshot {
    /// When the session ends unless something moves its end: the idle end, or the absolute one.
    #[must_use]
    pub fn end(&self) -> DateTime<Utc> {
        self.session.expires_at.min(self.session.absolute_expires_at)
    }

    /// Whether the person may do something in the session's application: their role brings the permission there, or it
    /// was granted to them and has not ended.
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        let by_role = || {
            self.session.application_context == ApplicationContext::Admin
                && permission.parse().is_ok_and(|permission: Permission| self.user.role.brings(permission))
        };
        self.rights.contain(permission) || by_role()
    }

    /// Whether the person proved who they are within the last five minutes before `now`.
    #[must_use]
    pub fn is_recent(&self, now: DateTime<Utc>) -> bool {
        let Some(at) = self.session.authenticated_at else { return false };
        now.signed_duration_since(at).to_std().is_ok_and(|age| age <= lifetime::RECENT_PROOF)
    }
}

/// Who a request of application `C` comes from.
#[derive(Debug)]
pub struct Principal<C> {
    snapshot: Arc<Snapshot>,
    context: PhantomData<fn() -> C>,
}

impl<C> Clone for Principal<C> {
    fn clone(&self) -> Self {
        Self { snapshot: Arc::clone(&self.snapshot), context: PhantomData }
    }
}

impl<C: AppContext> Principal<C> {
    /// The principal of a live session; `None` when the session is another application's.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Option<Self> {
        (snapshot.session.application_context == C::CONTEXT)
            .then_some(Self { snapshot, context: PhantomData })
    }

    /// The person.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.snapshot.user
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.snapshot.session
    }

    /// Whether the person may do something in this application, as [`Snapshot::may`].
    #[must_use]
    pub fn may(&self, permission: &str) -> bool {
        self.snapshot.may(permission)
    }

    /// All as it was read, with what is noted of them.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use constants::Role;
    use constants::contexts::{Admin, Web};
    use identity_db::UserId;

    use super::*;
    use crate::token::SessionToken;

    /// A session of web that was opened and read in 1970, and lives for an hour.
    pub(crate) fn snapshot(token: &str) -> Snapshot {
        let opened = DateTime::UNIX_EPOCH;
        let end = opened + Duration::from_secs(3600);
        let user = User {
            id: UserId(uuid::Uuid::from_u128(1)),
            email: Some("ann@example.com".into()),
            phone: None,
            telegram_id: None,
            is_verified: false,
            role: Role::User,
            created_at: opened,
            last_login_at: None,
            blocked_at: None,
            session_epoch: 0,
            credential_version: 0,
            version: 0,
        };
        let session = Session {
            id: SessionToken::parse(token).unwrap().id(),
            user_id: user.id,
            application_context: ApplicationContext::Web,
            created_at: opened,
            last_activity: opened,
            expires_at: end,
            absolute_expires_at: end,
            ip_address: None,
            user_agent: None,
            revoked: false,
            session_epoch: 0,
            auth_method: "password".into(),
            authenticated_at: None,
            adopted_from: None,
        };
        let incarnation = Incarnation { system: 1, timeline: 1 };
        let rights = Rights::default();
        Snapshot { session, user, rights, read_at: opened, incarnation, memo: Memo::default() }
    }

    #[test]
    fn a_principal_is_of_its_own_application_alone_f3() {
        let session = Arc::new(snapshot("session-a"));
        assert!(Principal::<Web>::new(Arc::clone(&session)).is_some());
        assert!(Principal::<Admin>::new(session).is_none());
    }
}
