//! The manager on Postgres, which decides; the process' own cache and Redis may repeat its yes under a lease.
//!
//! The write order is always: one Postgres transaction, commit, then Redis as well as it goes, then the
//! answer. Acts run in a task of their own, so that a client that hangs up cannot stop one between its
//! commit and what must follow.

mod administration;
mod cleanup;
mod fitness;
mod legacy;
mod look_up;
mod one_time;

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use constants::{ApplicationContext, Environment, LegacySource, LegacyTokens};
use identity_db::audit::{self, Origin};
use identity_db::rate_limit::{self, Counter};
use identity_db::server::Faults;
use identity_db::session::{self, LookUps, NewSession, Revocation, Revoked, Rotation, Session};
use identity_db::stream::{Denial, Event, StreamError};
use identity_db::user::{self, Credential, NewUser, User, UserChange};
use identity_db::{
    Database, DatabaseError, QueryError, SessionId, UserId, failpoint, instance_key, migration, stream,
};

use super::{Freshness, Health, Result, UserManager};
use crate::account::{EndOthers, LoggedIn, Login, OthersEnded, SessionRequest, dual_writes};
use crate::adapter::SessionAdapter;
use crate::administration::Administration;
use crate::clock::Clock;
use crate::email::Email;
use crate::error::SessionError;
use crate::factory::Lifetimes;
use crate::keyring::Keyring;
use crate::login::{Code, OneTimeProof, Phone, Redeemer};
use crate::metrics;
use crate::near::Near;
use crate::principal::Snapshot;
use crate::token::SessionToken;
use crate::touch::TouchBook;
use administration::ClosedHours;
use fitness::Fitness;
use tokio::sync::broadcast;

/// How long to wait before the next stream when one has ended: from the first to the last of a row of
/// failures.
const STREAM_PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(1000)];

/// Changes of people that are kept for whoever follows them slowly.
const CHANGES: usize = 1024;

/// How often the root keys are read again.
const KEYRING_AGE: Duration = Duration::from_secs(60);

/// People and sessions in Postgres, with Redis in front of web's look-ups. Cloning shares everything.
#[derive(Debug, Clone)]
pub struct ProductionUserManager(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    context: ApplicationContext,
    lifetimes: Lifetimes,
    legacy: LegacyTokens,
    cleaned_up: AtomicBool,
    look_ups: LookUps,
    database: Database,
    cache: Arc<dyn SessionAdapter>,
    other_caches: Vec<Arc<dyn SessionAdapter>>,
    legacy_cache: Arc<dyn SessionAdapter>,
    legacy_uses: Mutex<BTreeMap<LegacySource, i64>>,
    keyring: Arc<RwLock<Option<Keyring>>>,
    keyring_read_at: AtomicI64,
    touches: TouchBook,
    clock: Arc<dyn Clock>,
    near: Near,
    listen_url: String,
    fitness: Fitness,
    /// Whoever was changed, as the stream tells of them.
    changes: broadcast::Sender<UserId>,
    closed_hours: ClosedHours,
}

/// What a production manager is made of.
pub(crate) struct Parts {
    pub(crate) context: ApplicationContext,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) legacy: LegacyTokens,
    pub(crate) database: Database,
    pub(crate) cache: Arc<dyn SessionAdapter>,
    /// Where the other applications keep theirs.
    pub(crate) other_caches: Vec<Arc<dyn SessionAdapter>>,
    /// Where the older software keeps its sessions.
    pub(crate) legacy_cache: Arc<dyn SessionAdapter>,
    pub(crate) keyring: Arc<RwLock<Option<Keyring>>>,
    pub(crate) near_entries: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) listen_url: String,
    pub(crate) environment: Environment,
}

impl ProductionUserManager {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { context, lifetimes, legacy, database, cache, legacy_cache, keyring, .. } = parts;
        let Parts { near_entries, clock, listen_url, environment, other_caches, .. } = parts;
        Self(Arc::new(Inner {
            context,
            lifetimes,
            legacy,
            cleaned_up: AtomicBool::new(false),
            look_ups: LookUps::new(database.clone()),
            database,
            cache,
            other_caches,
            legacy_cache,
            legacy_uses: Mutex::default(),
            keyring,
            keyring_read_at: AtomicI64::new(0),
            touches: TouchBook::new(lifetimes.idle),
            near: Near::new(Arc::clone(&clock), near_entries),
            changes: broadcast::channel(CHANGES).0,
            clock,
            listen_url,
            fitness: Fitness::new(environment == Environment::Production),
            closed_hours: ClosedHours::default(),
        }))
    }
}

/// Runs an act to its end, also when the caller goes away.
async fn to_the_end<T: Send + 'static>(act: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(act).await.unwrap_or_else(|panic| Err(SessionError::Internal(panic.to_string())))
}

impl Inner {
    fn legacy_uses(&self) -> MutexGuard<'_, BTreeMap<LegacySource, i64>> {
        self.legacy_uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn create_session(&self, request: SessionRequest) -> Result<Option<LoggedIn>> {
        let SessionRequest { mut user, auth_method, login, rehashed } = request;
        let token = SessionToken::generate();
        let id = token.id();
        let dual_written = dual_writes(self.context, self.legacy_tokens(), login.by_cookie);
        let carried: Vec<SessionId> = login.carried.iter().map(SessionToken::id).collect();
        self.adopt_carried(&login).await?;
        let row = session::Login {
            user_id: user.id,
            credential_version: user.credential_version,
            session: NewSession {
                id,
                context: self.context,
                idle: self.lifetimes.idle,
                absolute: self.lifetimes.absolute,
                origin: login.origin,
                auth_method,
            },
            carried: carried.clone(),
            auth_token: dual_written.then(|| token.expose().to_owned()),
            rehashed,
        };
        let Some(session) = self.database.run(move |conn| session::open(conn, &row)).await? else {
            return Ok(None);
        };
        log::info!(
            "[SESSION_CREATE] context={} session={} user={} method={auth_method}",
            self.context,
            id.short(),
            user.id
        );
        if !carried.is_empty() {
            self.forget(&carried).await;
        }
        self.fill(&id).await;
        user.last_login_at = Some(session.created_at);
        Ok(Some(LoggedIn { token, user, session, dual_written }))
    }

    /// What the request carried and the older software began is to end with the rest. That Redis cannot be asked
    /// for it keeps nobody from logging in.
    async fn adopt_carried(&self, login: &Login) -> Result<()> {
        if !self.adopts() {
            return Ok(());
        }
        for token in &login.carried {
            if self.look_ups.find(token.id()).await?.0.is_none() {
                match self.adopt(token, &login.origin).await {
                    Err(SessionError::Unavailable(reason)) => {
                        log::warn!("a carried token stays as it is: {reason}");
                    }
                    other => drop(other?),
                }
            }
        }
        Ok(())
    }

    async fn log_out(&self, tokens: Vec<SessionToken>, origin: Origin) -> Result<()> {
        let mut revocation = Revocation {
            ids: tokens.iter().map(SessionToken::id).collect(),
            of_user: None,
            context: Some(self.context),
            actor: None,
            action: "session_logout",
            origin,
        };
        let ended = self.revoke(revocation.clone()).await?;
        self.forget_legacy(&tokens, &ended.keyed).await;
        let rest: Vec<SessionToken> =
            tokens.into_iter().filter(|token| !ended.all.contains(&token.id())).collect();
        revocation.ids = self.adopt_unknown(&rest, &revocation.origin).await?;
        if !revocation.ids.is_empty() {
            let ended = self.revoke(revocation).await?;
            self.forget_legacy(&rest, &ended.keyed).await;
        }
        Ok(())
    }

    async fn revoke(&self, revocation: Revocation) -> Result<Revoked> {
        let ids = revocation.ids.clone();
        let cause = revocation.action;
        let ended = self.database.run(move |conn| session::revoke(conn, &revocation)).await?;
        for id in &ended.live {
            metrics::REVOCATIONS.with_label_values(&[cause]).inc();
            log::info!("[SESSION_DELETE] context={} session={} cause={cause}", self.context, id.short());
        }
        self.forget(&ids).await;
        Ok(ended)
    }

    async fn end_others(&self, act: EndOthers) -> Result<Option<OthersEnded>> {
        let EndOthers { own, new_password, credential_version, proven, action } = act;
        let token = SessionToken::generate();
        let dual_written = dual_writes(self.context, self.legacy_tokens(), own.by_cookie);
        let rotation = Rotation {
            keep: own.token.id(),
            replacement: token.id(),
            proven,
            auth_token: dual_written.then(|| token.expose().to_owned()),
        };
        let entry = audit::Entry {
            action,
            context: Some(self.context),
            actor: Some(own.user_id),
            subject: Some(own.user_id),
            session: Some(rotation.replacement),
            origin: own.origin,
            detail: None,
        };
        let replacement = rotation.replacement;
        let ended = self
            .database
            .transaction(move |conn| {
                let seen = Some(credential_version);
                let raised = user::raise_epoch(conn, own.user_id, seen, new_password.as_ref())?;
                let raised = raised.ok_or(QueryError::RollbackTransaction)?;
                let ended = session::end_all(conn, own.user_id, raised.session_epoch, Some(&rotation))?;
                if !ended.kept {
                    return Err(QueryError::RollbackTransaction);
                }
                audit::append(conn, &entry)?;
                Ok((ended, raised))
            })
            .await;
        let (ended, raised) = match ended {
            Err(DatabaseError::RolledBack) => return Ok(None),
            other => other?,
        };
        self.near.deny_user(raised.id, raised.version);
        for id in &ended.live {
            metrics::REVOCATIONS.with_label_values(&[action]).inc();
            log::info!("[SESSION_DELETE] context={} session={} cause={action}", self.context, id.short());
        }
        self.forget(&ended.all).await;
        self.fill(&replacement).await;
        Ok(Some(OthersEnded { revoked: ended.live.len(), token, dual_written }))
    }

    async fn refresh_keyring(&self) {
        let now = self.clock.now().timestamp_millis();
        let age = now - self.keyring_read_at.load(Ordering::Relaxed);
        if age < i64::try_from(KEYRING_AGE.as_millis()).unwrap_or(i64::MAX) {
            return;
        }
        match self.database.read(instance_key::current).await {
            Ok(roots) => {
                let derived = Keyring::derive(&roots);
                if derived.is_some() {
                    self.keyring_read_at.store(now, Ordering::Relaxed);
                }
                *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = derived;
            }
            Err(error) => log::debug!("the root keys could not be read: {error}"),
        }
    }

    /// Asks both servers what they are; `None` while they cannot be asked.
    async fn examine(&self) -> Option<Faults> {
        let (pool, listener) = tokio::join!(self.database.server(), stream::server(&self.listen_url));
        let faults = Faults::of(&pool.ok()?, listener.as_ref().ok());
        self.fitness.note(&faults, listener.is_ok());
        Some(faults)
    }

    /// What the stream tells, in the order of its socket.
    fn hear(&self, event: &Event) -> ControlFlow<StreamError> {
        match event {
            Event::Examined(faults) if !self.fitness.note(faults, true) => {
                ControlFlow::Break(StreamError::Unfit(faults.clone()))
            }
            event => {
                if let Event::Denied(Denial::User { id, .. }) = event {
                    // Without a follower nobody needs to know.
                    let _ = self.changes.send(*id);
                }
                self.near.apply(event)
            }
        }
    }

    async fn write_down_uses(&self) {
        let uses = self.touches.take();
        if uses.is_empty() {
            return;
        }
        let idle = self.lifetimes.idle;
        let batch = uses.clone();
        match self.database.run(move |conn| session::touch(conn, idle, &batch)).await {
            Ok(count) => log::debug!("wrote down the uses of {count} of {} sessions", uses.len()),
            Err(error) => {
                log::debug!("uses could not be written down: {error}");
                self.touches.put_back(uses);
            }
        }
    }
}

#[async_trait]
impl UserManager for ProductionUserManager {
    fn context(&self) -> ApplicationContext {
        self.0.context
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<User>> {
        let email = email.clone();
        Ok(self.0.database.read(move |conn| user::find_by_email(conn, email.as_str())).await?)
    }

    async fn find_by_id(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.0.database.read(move |conn| user::find(conn, id)).await?)
    }

    async fn credential_by_email(&self, email: &Email) -> Result<Option<Credential>> {
        let email = email.clone();
        Ok(self.0.database.read(move |conn| user::credential_by_email(conn, email.as_str())).await?)
    }

    async fn credential(&self, id: UserId) -> Result<Option<Credential>> {
        Ok(self.0.database.read(move |conn| user::credential(conn, id)).await?)
    }

    async fn create(&self, new: NewUser, origin: Origin) -> Result<Option<User>> {
        let context = self.0.context;
        let created = self.0.database.transaction(move |conn| {
            let Some(created) = user::create(conn, &new)? else { return Ok(None) };
            let entry = audit::Entry {
                action: "user_created",
                context: Some(context),
                actor: Some(created.id),
                subject: Some(created.id),
                origin,
                ..audit::Entry::default()
            };
            audit::append(conn, &entry)?;
            Ok(Some(created))
        });
        Ok(created.await?)
    }

    async fn update(&self, id: UserId, change: UserChange) -> Result<Option<User>> {
        let inner = Arc::clone(&self.0);
        to_the_end(async move {
            let updated = inner.database.run(move |conn| user::update(conn, id, &change)).await?;
            if let Some(user) = &updated {
                inner.near.deny_user(user.id, user.version);
            }
            Ok(updated)
        })
        .await
    }

    async fn get_all(&self, limit: i64, offset: i64) -> Result<Vec<User>> {
        Ok(self.0.database.read(move |conn| user::list(conn, None, limit, offset)).await?)
    }

    async fn count(&self) -> Result<i64> {
        Ok(self.0.database.read(user::count).await?)
    }

    fn peek(&self, id: &SessionId) -> Option<Arc<Snapshot>> {
        self.0.peek(id)
    }

    fn changed_users(&self) -> broadcast::Receiver<UserId> {
        self.0.changes.subscribe()
    }

    async fn look_up(
        &self,
        token: &SessionToken,
        freshness: Freshness,
        origin: &Origin,
    ) -> Result<Option<Arc<Snapshot>>> {
        if self.0.caches() && freshness == Freshness::Cached {
            return self.0.look_up_cached(token, origin).await;
        }
        self.0.look_up_in_postgres(token, origin).await
    }

    async fn create_session(&self, request: SessionRequest) -> Result<Option<LoggedIn>> {
        let inner = Arc::clone(&self.0);
        to_the_end(async move { inner.create_session(request).await }).await
    }

    async fn delete_session(&self, tokens: &[SessionToken], origin: Origin) -> Result<()> {
        if tokens.is_empty() {
            return Ok(());
        }
        let inner = Arc::clone(&self.0);
        let tokens = tokens.to_vec();
        let act = async move { inner.log_out(tokens, origin).await };
        if failpoint!("guard::commit_before_answer") {
            tokio::spawn(act);
            return Ok(());
        }
        to_the_end(act).await
    }

    async fn extend_session(&self, token: &SessionToken) -> Result<bool> {
        let inner = Arc::clone(&self.0);
        let id = token.id();
        to_the_end(async move {
            let idle = inner.lifetimes.idle;
            let extended = inner.database.run(move |conn| session::extend(conn, &id, idle)).await?;
            // It goes on: the next look-up writes it anew, and no older copy needs to be denied.
            inner.delete_from_redis(&[id]).await;
            Ok(extended)
        })
        .await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        let context = self.0.context;
        Ok(self.0.database.read(move |conn| session::list(conn, user, Some(context))).await?)
    }

    async fn revoke_session(&self, user: UserId, id: &SessionId, origin: Origin) -> Result<bool> {
        let revocation = Revocation {
            ids: vec![*id],
            of_user: Some(user),
            context: Some(self.0.context),
            actor: Some(user),
            action: "session_ended_by_owner",
            origin,
        };
        let inner = Arc::clone(&self.0);
        to_the_end(async move { inner.revoke(revocation).await.map(|ended| !ended.live.is_empty()) }).await
    }

    async fn end_others(&self, act: EndOthers) -> Result<Option<OthersEnded>> {
        let inner = Arc::clone(&self.0);
        to_the_end(async move { inner.end_others(act).await }).await
    }

    async fn renew_proof(&self, token: &SessionToken, credential_version: i64) -> Result<bool> {
        let inner = Arc::clone(&self.0);
        let id = token.id();
        to_the_end(async move {
            let renewed =
                inner.database.run(move |conn| session::renew_proof(conn, &id, credential_version)).await?;
            // It goes on: the next look-up writes it anew, and no older copy needs to be denied.
            inner.delete_from_redis(&[id]).await;
            Ok(renewed)
        })
        .await
    }

    async fn store_code(&self, phone: &Phone, code: &Code) -> Result<()> {
        self.0.store_code(phone, code).await
    }

    async fn redeem(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>> {
        self.0.redeem(proof, redeemer).await
    }

    fn administration(&self) -> &dyn Administration {
        self
    }

    async fn reserve(&self, counters: Vec<Counter>) -> Result<std::result::Result<(), Duration>> {
        Ok(self.0.database.run(move |conn| rate_limit::reserve(conn, &counters)).await?)
    }

    async fn refund(&self, counters: Vec<Counter>) -> Result<()> {
        Ok(self.0.database.run(move |conn| rate_limit::refund(conn, &counters)).await?)
    }

    async fn health(&self) -> Health {
        let (pending, redis) = tokio::join!(self.0.database.read(migration::pending), self.0.cache.ping());
        if pending.is_ok() && !self.0.fitness.is_known() {
            self.0.examine().await;
        }
        Health {
            fit: self.0.fitness.may_serve(),
            postgres: pending.is_ok(),
            redis: redis.is_ok(),
            lease: self.0.near.has_lease(),
            migrated: matches!(pending, Ok(0)),
        }
    }

    async fn examine(&self) -> std::result::Result<(), Faults> {
        let Some(faults) = self.0.examine().await else { return Ok(()) };
        // What is written to Redis from the first request on is signed.
        self.0.refresh_keyring().await;
        self.0.look_for_cleanup().await;
        let pending = self.0.database.read(migration::pending).await;
        self.0.fitness.refusal(faults, !matches!(pending, Ok(0)))
    }

    async fn follow_denials(&self) {
        let inner = &self.0;
        let mut failures = 0_u32;
        loop {
            let began = inner.clock.uptime();
            let sink = |event| inner.hear(&event);
            let error = stream::follow(&inner.listen_url, &inner.database, inner.presence(), &sink).await;
            inner.near.end_lease();
            let lasted = inner.clock.uptime().saturating_sub(began);
            failures = if lasted > Duration::from_secs(10) { 0 } else { failures.saturating_add(1) };
            // A fault has been logged when it was found.
            if failures <= 1 && !matches!(error, StreamError::Unfit(_)) {
                log::warn!("nothing cached counts until denials are heard again: {error}");
            } else {
                log::debug!("no stream of denials yet: {error}");
            }
            let [first, last] = STREAM_PAUSES;
            tokio::time::sleep(last.min(first * failures.max(1))).await;
        }
    }

    async fn maintain(&self) -> Duration {
        self.0.refresh_keyring().await;
        self.0.look_for_cleanup().await;
        self.0.write_down_uses().await;
        self.0.write_down_legacy_uses().await;
        let no_key = self.0.keyring.read().unwrap_or_else(PoisonError::into_inner).is_none();
        if no_key { Duration::from_millis(500) } else { self.0.touches.flush_period() }
    }
}
