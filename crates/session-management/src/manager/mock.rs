//! The manager in the memory of one process: for `APP_ENV=mock`, where there is no server at all.

mod acts;
mod administration;
mod exchange;
mod one_time;
mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use constants::{ApplicationContext, AuditAction};
use identity_db::audit::{Entry, Origin};
use identity_db::rate_limit::Counter;
use identity_db::session::Session;
use identity_db::user::{Credential, NewUser, User, UserChange};
use identity_db::{SessionId, UserId};

use super::{Freshness, Health, Result, UserManager};
use crate::account::{EndOthers, LoggedIn, OthersEnded, SessionRequest};
use crate::administration::Administration;
use crate::clock::Clock;
use crate::email::Email;
use crate::factory::Lifetimes;
use crate::login::{Code, OneTimeProof, Phone, Redeemer};
use crate::metrics;
use crate::principal::Snapshot;
use crate::token::SessionToken;
use store::{Attempts, Store, nobody};

pub(crate) use acts::Verdict;
pub(crate) use one_time::Used;

/// People and sessions in memory. It says and does what Postgres would, and is gone with its process.
#[derive(Debug)]
pub struct MockUserManager {
    context: ApplicationContext,
    lifetimes: Lifetimes,
    clock: Arc<dyn Clock>,
    store: Mutex<Store>,
}

impl MockUserManager {
    /// An empty store.
    #[must_use]
    pub fn new(context: ApplicationContext, lifetimes: Lifetimes, clock: Arc<dyn Clock>) -> Self {
        Self { context, lifetimes, clock, store: Mutex::default() }
    }

    /// Now, as exact as Postgres would keep it.
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.clock.now().timestamp_micros()).unwrap_or_default()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line of the audit log on what a person did for themselves.
    fn own_act(&self, action: AuditAction, user: UserId, origin: Origin) -> Entry {
        let (actor, subject) = (Some(user), Some(user));
        Entry { action, context: Some(self.context), actor, subject, session: None, origin, detail: None }
    }

    fn idle_end(&self, now: DateTime<Utc>, absolute_end: DateTime<Utc>) -> DateTime<Utc> {
        (now + self.lifetimes.idle).min(absolute_end)
    }
}

#[async_trait]
impl UserManager for MockUserManager {
    fn context(&self) -> ApplicationContext {
        self.context
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<User>> {
        Ok(self.credential_by_email(email).await?.map(|credential| credential.user))
    }

    async fn find_by_id(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.store().person(id).map(|person| person.credential.user.clone()))
    }

    async fn credential_by_email(&self, email: &Email) -> Result<Option<Credential>> {
        let of = |credential: &&Credential| credential.user.email.as_deref() == Some(email.as_str());
        Ok(self.store().people().find(of).cloned())
    }

    async fn credential(&self, id: UserId) -> Result<Option<Credential>> {
        Ok(self.store().person(id).map(|person| person.credential.clone()))
    }

    async fn create(&self, new: NewUser, origin: Origin) -> Result<Option<User>> {
        let mut store = self.store();
        if new.email.is_some() && store.people().any(|known| known.user.email == new.email) {
            return Ok(None);
        }
        let user =
            User { email: new.email, is_verified: new.is_verified, role: new.role, ..nobody(self.now()) };
        store.add(Credential { user: user.clone(), hashed_password: new.hashed_password });
        store.note(self.own_act(AuditAction::UserCreated, user.id, origin), self.now());
        Ok(Some(user))
    }

    async fn update(&self, id: UserId, change: UserChange) -> Result<Option<User>> {
        let mut store = self.store();
        let Some((known, changes)) = store.change(id) else { return Ok(None) };
        known.user.role = change.role.unwrap_or(known.user.role);
        known.user.is_verified = change.is_verified.unwrap_or(known.user.is_verified);
        known.user.version += 1;
        changes.attributes = true;
        Ok(Some(known.user.clone()))
    }

    async fn get_all(&self, limit: i64, offset: i64) -> Result<Vec<User>> {
        let mut people: Vec<User> = self.store().people().map(|known| known.user.clone()).collect();
        people.sort_by_key(|user| (std::cmp::Reverse(user.created_at), user.id));
        let (limit, offset) = (usize::try_from(limit).unwrap_or(0), usize::try_from(offset).unwrap_or(0));
        Ok(people.into_iter().skip(offset).take(limit).collect())
    }

    async fn count(&self) -> Result<i64> {
        Ok(i64::try_from(self.store().count()).unwrap_or(i64::MAX))
    }

    async fn look_up(
        &self,
        token: &SessionToken,
        _freshness: Freshness,
        _origin: &Origin,
    ) -> Result<Option<Arc<Snapshot>>> {
        let id = token.id();
        let Verdict::Live(snapshot) = self.judge(&id) else {
            metrics::LOOKUPS.with_label_values(&["memory", "unknown"]).inc();
            log::debug!(target: crate::LOOKUP_LOG_TARGET, "[SESSION_LOOKUP] session={} not live", id.short());
            return Ok(None);
        };
        metrics::LOOKUPS.with_label_values(&["memory", "live"]).inc();
        log::debug!(
            target: crate::LOOKUP_LOG_TARGET,
            "[SESSION_LOOKUP] context={} session={} user={} tier=memory",
            self.context,
            id.short(),
            snapshot.user.id
        );
        Ok(Some(snapshot))
    }

    async fn create_session(&self, request: SessionRequest) -> Result<Option<LoggedIn>> {
        Ok(self.log_in(request))
    }

    async fn delete_session(&self, tokens: &[SessionToken], origin: Origin) -> Result<()> {
        let ids: Vec<SessionId> = tokens.iter().map(SessionToken::id).collect();
        self.end(&ids, AuditAction::SessionLogout, &origin);
        Ok(())
    }

    async fn extend_session(&self, token: &SessionToken) -> Result<bool> {
        Ok(self.look_up(token, Freshness::Authoritative, &Origin::default()).await?.is_some())
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        let now = self.now();
        let store = self.store();
        let own = store.sessions_of(user).map(|kept| &kept.session);
        let mut live: Vec<Session> =
            own.filter(|session| store.live(&session.id, self.context, now).is_some()).cloned().collect();
        live.sort_by_key(|session| (std::cmp::Reverse(session.last_activity), session.id));
        Ok(live)
    }

    async fn revoke_session(&self, user: UserId, id: &SessionId, origin: Origin) -> Result<bool> {
        let now = self.now();
        let own = self.store().live(id, self.context, now).is_some_and(|found| found.user.id == user);
        Ok(own && self.end(std::slice::from_ref(id), AuditAction::SessionEndedByOwner, &origin) == 1)
    }

    async fn end_others(&self, act: EndOthers) -> Result<Option<OthersEnded>> {
        Ok(self.end_all_others(act).map(|(ended, _)| ended))
    }

    async fn renew_proof(&self, token: &SessionToken, credential_version: i64) -> Result<bool> {
        let (id, now) = (token.id(), self.now());
        let mut store = self.store();
        let live = store.live(&id, self.context, now);
        if live.is_none_or(|found| found.user.credential_version != credential_version) {
            return Ok(false);
        }
        Ok(store.change_session(&id).map(|session| session.authenticated_at = Some(now)).is_some())
    }

    async fn store_code(&self, phone: &Phone, code: &Code) -> Result<()> {
        self.store().once.store_code(phone, code, self.now());
        Ok(())
    }

    async fn redeem(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>> {
        Ok(self.store().redeem(&proof, &redeemer, self.now()))
    }

    fn administration(&self) -> &dyn Administration {
        self
    }

    async fn reserve(&self, counters: Vec<Counter>) -> Result<std::result::Result<(), Duration>> {
        let now = self.now();
        let mut store = self.store();
        for counter in counters {
            let key = (counter.purpose, counter.subject);
            let fresh = || Attempts { end: now + counter.window, count: 0 };
            let attempts = store.attempts.entry(key).or_insert_with(fresh);
            if attempts.end <= now {
                *attempts = fresh();
            }
            if attempts.count >= counter.limit {
                let wait = attempts.end.signed_duration_since(now);
                return Ok(Err(wait.to_std().unwrap_or(counter.window)));
            }
            attempts.count += 1;
        }
        Ok(Ok(()))
    }

    async fn refund(&self, counters: Vec<Counter>) -> Result<()> {
        let mut store = self.store();
        for counter in counters {
            // Of a window that has begun anew since, nothing is given back.
            if let Some(attempts) = store.attempts.get_mut(&(counter.purpose, counter.subject)) {
                attempts.count = (attempts.count - 1).max(0);
            }
        }
        Ok(())
    }

    async fn health(&self) -> Health {
        Health { needed: false, postgres: true, redis: true, lease: true, migrated: true, fit: true }
    }

    async fn maintain(&self) -> Duration {
        let now = self.now();
        self.store().purge(now);
        Duration::from_secs(60)
    }
}
