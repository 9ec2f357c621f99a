//! The manager in the memory of one process: for `APP_ENV=mock`, where there is no server at all.

mod administration;
mod one_time;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use constants::{ApplicationContext, Role};
use identity_db::audit::{Entry, Line, Origin};
use identity_db::rate_limit::Counter;
use identity_db::right::{Grant, Right, Rights};
use identity_db::session::{Found, Session, State};
use identity_db::user::{Credential, NewUser, User, UserChange};
use identity_db::{Incarnation, SessionId, UserId};
use uuid::Uuid;

use super::{Freshness, Health, Result, UserManager};
use crate::account::{EndOthers, LoggedIn, OthersEnded, SessionRequest};
use crate::administration::Administration;
use crate::clock::Clock;
use crate::email::Email;
use crate::factory::Lifetimes;
use crate::login::{Code, OneTimeProof, Phone, Redeemer};
use crate::metrics;
use crate::principal::{Memo, Snapshot};
use crate::token::SessionToken;
use one_time::OneTime;

/// People and sessions in memory. It says and does what Postgres would, and is gone with its process.
#[derive(Debug)]
pub struct MockUserManager {
    context: ApplicationContext,
    lifetimes: Lifetimes,
    clock: Arc<dyn Clock>,
    store: Mutex<Store>,
}

#[derive(Debug, Default)]
struct Store {
    people: HashMap<UserId, Credential>,
    sessions: HashMap<SessionId, Session>,
    grants: HashMap<UserId, Vec<Grant>>,
    audit: Vec<Line>,
    attempts: HashMap<(&'static str, String), (DateTime<Utc>, i32)>,
    once: OneTime,
}

impl MockUserManager {
    /// An empty store.
    #[must_use]
    pub fn new(context: ApplicationContext, lifetimes: Lifetimes, clock: Arc<dyn Clock>) -> Self {
        Self { context, lifetimes, clock, store: Mutex::default() }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line of the audit log on what a person did for themselves.
    fn own_act(&self, action: &'static str, user: UserId, origin: Origin) -> Entry {
        let (actor, subject) = (Some(user), Some(user));
        Entry { action, context: Some(self.context), actor, subject, session: None, origin, detail: None }
    }

    fn idle_end(&self, now: DateTime<Utc>, absolute_end: DateTime<Utc>) -> DateTime<Utc> {
        (now + self.lifetimes.idle).min(absolute_end)
    }
}

/// A person of whom nothing is known yet.
fn nobody(now: DateTime<Utc>) -> User {
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
    fn found(&self, id: &SessionId, now: DateTime<Utc>) -> Option<Found> {
        let session = self.sessions.get(id)?.clone();
        let user = self.people.get(&session.user_id)?.user.clone();
        let rights = self.rights(user.id, session.application_context, now);
        Some(Found { session, user, rights, read_at: now, now })
    }

    fn rights(&self, user: UserId, context: ApplicationContext, now: DateTime<Utc>) -> Rights {
        let counts = |grant: &&Grant| {
            grant.application_context == context && grant.expires_at.is_none_or(|end| end > now)
        };
        let grants = self.grants.get(&user).into_iter().flatten().filter(counts);
        grants
            .map(|grant| Right { permission: grant.permission.clone(), expires_at: grant.expires_at })
            .collect()
    }

    fn live(&self, id: &SessionId, context: ApplicationContext, now: DateTime<Utc>) -> Option<Found> {
        self.found(id, now).filter(|found| found.state(context) == State::Live)
    }

    fn revoke(&mut self, id: &SessionId) -> bool {
        let Some(session) = self.sessions.get_mut(id) else { return false };
        !std::mem::replace(&mut session.revoked, true)
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
        Ok(self.store().people.get(&id).map(|credential| credential.user.clone()))
    }

    async fn credential_by_email(&self, email: &Email) -> Result<Option<Credential>> {
        let of = |credential: &&Credential| credential.user.email.as_deref() == Some(email.as_str());
        Ok(self.store().people.values().find(of).cloned())
    }

    async fn credential(&self, id: UserId) -> Result<Option<Credential>> {
        Ok(self.store().people.get(&id).cloned())
    }

    async fn create(&self, new: NewUser, origin: Origin) -> Result<Option<User>> {
        let mut store = self.store();
        if new.email.is_some() && store.people.values().any(|known| known.user.email == new.email) {
            return Ok(None);
        }
        let user = User {
            email: new.email,
            is_verified: new.is_verified,
            role: new.role,
            ..nobody(self.clock.now())
        };
        store.people.insert(user.id, Credential { user: user.clone(), hashed_password: new.hashed_password });
        let own = self.own_act("user_created", user.id, origin);
        store.note(own, self.clock.now());
        Ok(Some(user))
    }

    async fn update(&self, id: UserId, change: UserChange) -> Result<Option<User>> {
        let mut store = self.store();
        let Some(known) = store.people.get_mut(&id) else { return Ok(None) };
        known.user.role = change.role.unwrap_or(known.user.role);
        known.user.is_verified = change.is_verified.unwrap_or(known.user.is_verified);
        known.user.version += 1;
        Ok(Some(known.user.clone()))
    }

    async fn get_all(&self, limit: i64, offset: i64) -> Result<Vec<User>> {
        let mut people: Vec<User> = self.store().people.values().map(|known| known.user.clone()).collect();
        people.sort_by_key(|user| (std::cmp::Reverse(user.created_at), user.id));
        let (limit, offset) = (usize::try_from(limit).unwrap_or(0), usize::try_from(offset).unwrap_or(0));
        Ok(people.into_iter().skip(offset).take(limit).collect())
    }

    async fn count(&self) -> Result<i64> {
        Ok(i64::try_from(self.store().people.len()).unwrap_or(i64::MAX))
    }

    async fn look_up(
        &self,
        token: &SessionToken,
        _freshness: Freshness,
        _origin: &Origin,
    ) -> Result<Option<Arc<Snapshot>>> {
        let (id, now) = (token.id(), self.clock.now());
        let mut store = self.store();
        let Some(Found { session, user, rights, read_at, .. }) = store.live(&id, self.context, now) else {
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
            user.id
        );
        let end = self.idle_end(now, session.absolute_expires_at);
        if let Some(used) = store.sessions.get_mut(&id) {
            used.last_activity = now;
            used.expires_at = end;
        }
        Ok(Some(Arc::new(Snapshot {
            session,
            user,
            rights,
            read_at,
            incarnation: Incarnation { system: 0, timeline: 0 },
            memo: Memo::default(),
        })))
    }

    async fn create_session(&self, request: SessionRequest) -> Result<Option<LoggedIn>> {
        let SessionRequest { user, auth_method, login, rehashed } = request;
        let now = self.clock.now();
        let mut store = self.store();
        let Some(known) = store.people.get_mut(&user.id) else { return Ok(None) };
        if known.user.blocked_at.is_some() || known.user.credential_version != user.credential_version {
            return Ok(None);
        }
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
        store.sessions.insert(session.id, session.clone());
        let origin = Origin { ip_address: session.ip_address, user_agent: session.user_agent.clone() };
        let detail = Some(serde_json::json!({"method": auth_method}));
        let own = self.own_act("session_created", user.id, origin);
        store.note(Entry { session: Some(session.id), detail, ..own }, now);
        log::info!(
            "[SESSION_CREATE] context={} session={} user={} method={auth_method}",
            self.context,
            session.id.short(),
            user.id
        );
        Ok(Some(LoggedIn { token, user, session, dual_written: false }))
    }

    async fn delete_session(&self, tokens: &[SessionToken], origin: Origin) -> Result<()> {
        let mut store = self.store();
        for token in tokens {
            let id = token.id();
            if store.revoke(&id) {
                if let Some(user) = store.sessions.get(&id).map(|session| session.user_id) {
                    let own = self.own_act("session_logout", user, origin.clone());
                    store.note(Entry { session: Some(id), ..own }, self.clock.now());
                }
                log::info!(
                    "[SESSION_DELETE] context={} session={} cause=session_logout",
                    self.context,
                    id.short()
                );
            }
        }
        Ok(())
    }

    async fn extend_session(&self, token: &SessionToken) -> Result<bool> {
        Ok(self.look_up(token, Freshness::Authoritative, &Origin::default()).await?.is_some())
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        let now = self.clock.now();
        let store = self.store();
        let own = store.sessions.values().filter(|session| session.user_id == user);
        let mut live: Vec<Session> =
            own.filter(|session| store.live(&session.id, self.context, now).is_some()).cloned().collect();
        live.sort_by_key(|session| (std::cmp::Reverse(session.last_activity), session.id));
        Ok(live)
    }

    async fn revoke_session(&self, user: UserId, id: &SessionId, _origin: Origin) -> Result<bool> {
        let now = self.clock.now();
        let mut store = self.store();
        let own = store.live(id, self.context, now).is_some_and(|found| found.user.id == user);
        Ok(own && store.revoke(id))
    }

    async fn end_others(&self, act: EndOthers) -> Result<Option<OthersEnded>> {
        let now = self.clock.now();
        let mut store = self.store();
        let Some(own) = store.live(&act.own.token.id(), self.context, now) else { return Ok(None) };
        if own.user.credential_version != act.credential_version {
            return Ok(None);
        }
        let live: Vec<SessionId> =
            store.sessions.keys().filter(|id| **id != own.session.id).cloned().collect();
        let live = live.into_iter().filter(|id| {
            store.found(id, now).is_some_and(|found| {
                found.user.id == own.user.id && found.state(found.session.application_context) == State::Live
            })
        });
        let revoked = live.count();
        let Some(known) = store.people.get_mut(&own.user.id) else { return Ok(None) };
        known.user.session_epoch += 1;
        known.user.version += 1;
        if let Some(hash) = act.new_password {
            known.user.credential_version += 1;
            known.hashed_password = Some(hash);
        }
        let session_epoch = known.user.session_epoch;
        store.revoke(&own.session.id);
        let token = SessionToken::generate();
        let authenticated_at = if act.proven { Some(now) } else { own.session.authenticated_at };
        let kept =
            Session { id: token.id(), session_epoch, authenticated_at, last_activity: now, ..own.session };
        store.sessions.insert(kept.id, kept);
        Ok(Some(OthersEnded { revoked, token, dual_written: false }))
    }

    async fn renew_proof(&self, token: &SessionToken, credential_version: i64) -> Result<bool> {
        let (id, now) = (token.id(), self.clock.now());
        let mut store = self.store();
        let live = store.live(&id, self.context, now);
        if live.is_none_or(|found| found.user.credential_version != credential_version) {
            return Ok(false);
        }
        Ok(store.sessions.get_mut(&id).map(|session| session.authenticated_at = Some(now)).is_some())
    }

    async fn store_code(&self, phone: &Phone, code: &Code) -> Result<()> {
        self.store().once.store_code(phone, code, self.clock.now());
        Ok(())
    }

    async fn redeem(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>> {
        Ok(self.store().redeem(&proof, &redeemer, self.clock.now()))
    }

    fn administration(&self) -> &dyn Administration {
        self
    }

    async fn reserve(&self, counters: Vec<Counter>) -> Result<std::result::Result<(), Duration>> {
        let now = self.clock.now();
        let mut store = self.store();
        for counter in counters {
            let key = (counter.purpose, counter.subject);
            let (start, count) = store.attempts.entry(key).or_insert((now, 0));
            if *start + counter.window <= now {
                (*start, *count) = (now, 0);
            }
            if *count >= counter.limit {
                let wait = (*start + counter.window).signed_duration_since(now);
                return Ok(Err(wait.to_std().unwrap_or(counter.window)));
            }
            *count += 1;
        }
        Ok(Ok(()))
    }

    async fn refund(&self, counters: Vec<Counter>) -> Result<()> {
        let mut store = self.store();
        for counter in counters {
            if let Some((_, count)) = store.attempts.get_mut(&(counter.purpose, counter.subject)) {
                *count -= 1;
            }
        }
        Ok(())
    }

    async fn health(&self) -> Health {
        Health { postgres: true, redis: true, lease: true, migrated: true, fit: true }
    }

    async fn maintain(&self) -> Duration {
        let now = self.clock.now();
        let mut store = self.store();
        store.sessions.retain(|_, session| session.absolute_expires_at > now);
        store.once.purge(now);
        Duration::from_secs(60)
    }
}
