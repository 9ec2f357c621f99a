//! The principal of a request: user and session, in the application context that alone it counts in.

use std::marker::PhantomData;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use constants::{ApplicationContext, lifetime};
use identity_db::Incarnation;
use identity_db::session::Session;
use identity_db::user::User;
use serde::{Deserialize, Serialize};

/// An application context as a type, so that a handler of one cannot be given a principal of another.
pub trait AppContext: Send + Sync + 'static {
    /// The same as a value.
    const CONTEXT: ApplicationContext;
}

/// The context of `apps/web`.
#[derive(Debug, Clone, Copy)]
pub struct Web;

/// The context of `apps/admin-panel`.
#[derive(Debug, Clone, Copy)]
pub struct Admin;

impl AppContext for Web {
    const CONTEXT: ApplicationContext = ApplicationContext::Web;
}

impl AppContext for Admin {
    const CONTEXT: ApplicationContext = ApplicationContext::Admin;
}

/// What one statement read of a live session: the session and its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// Postgres' clock at the read.
    pub read_at: DateTime<Utc>,
    /// The server that was read from.
    pub incarnation: Incarnation,
}

impl Snapshot {
    /// When the session ends unless something moves its end: the idle end, or the absolute one.
    #[must_use]
    pub fn end(&self) -> DateTime<Utc> {
        self.session.expires_at.min(self.session.absolute_expires_at)
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
}
