//! The acts of a manager, by their names.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use constants::{ApplicationContext, AuditAction};
use identity_db::audit::{self, Origin};
use identity_db::rate_limit::{self, Counter};
use identity_db::server::Faults;
use identity_db::session::{self, Revocation, Session};
use identity_db::user::{self, Credential, NewUser, User, UserChange};
use identity_db::{SessionId, UserId, failpoint, migration};
use tokio::sync::broadcast;

use super::look_up::Decision;
use super::{ProductionUserManager, Result, to_the_end};
use crate::account::{EndOthers, LoggedIn, OthersEnded, SessionRequest};
use crate::administration::Administration;
use crate::email::Email;
use crate::login::{Code, OneTimeProof, Phone, Redeemer};
use crate::manager::{Freshness, Health, UserManager};
use crate::principal::Snapshot;
use crate::token::SessionToken;

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
                context: Some(context),
                actor: Some(created.id),
                subject: Some(created.id),
                origin,
                ..audit::Entry::of(AuditAction::UserCreated)
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
        Ok(match self.judge(token, freshness, origin).await? {
            Decision::Live(snapshot) => Some(snapshot),
            Decision::Ended(_) | Decision::Unknown => None,
        })
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
            let (context, idle) = (inner.context, inner.lifetimes.idle);
            let extended = inner.database.run(move |conn| session::extend(conn, &id, context, idle)).await?;
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
            action: AuditAction::SessionEndedByOwner,
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
            let context = inner.context;
            let renewed = inner
                .database
                .run(move |conn| session::renew_proof(conn, &id, context, credential_version))
                .await?;
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
            needed: true,
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
        self.0.follow_denials().await;
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
