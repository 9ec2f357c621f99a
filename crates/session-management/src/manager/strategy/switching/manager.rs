//! Every act by the strategy that runs; acts behind the gate, and to their end also when the caller goes away.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use constants::{ApplicationContext, MigrationStrategy};
use identity_db::audit::Origin;
use identity_db::rate_limit::Counter;
use identity_db::server::Faults;
use identity_db::session::Session;
use identity_db::user::{Credential, NewUser, User, UserChange};
use identity_db::{SessionId, UserId};
use tokio::sync::broadcast;

use super::{SwitchingUserManager, act};
use crate::account::{EndOthers, LoggedIn, OthersEnded, SessionRequest};
use crate::administration::Administration;
use crate::email::Email;
use crate::login::{Code, OneTimeProof, Phone, Redeemer};
use crate::manager::strategy::stores::{Stores, answered_by};
use crate::manager::{Freshness, Health, Result, UserManager};
use crate::principal::Snapshot;
use crate::token::SessionToken;

#[async_trait]
impl UserManager for SwitchingUserManager {
    fn context(&self) -> ApplicationContext {
        self.0.stores.production.context()
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<User>> {
        self.0.manager().find_by_email(email).await
    }

    async fn find_by_id(&self, id: UserId) -> Result<Option<User>> {
        self.0.manager().find_by_id(id).await
    }

    async fn credential_by_email(&self, email: &Email) -> Result<Option<Credential>> {
        self.0.manager().credential_by_email(email).await
    }

    async fn credential(&self, id: UserId) -> Result<Option<Credential>> {
        self.0.manager().credential(id).await
    }

    async fn create(&self, new: NewUser, origin: Origin) -> Result<Option<User>> {
        act!(self, manager => manager.create(new, origin))
    }

    async fn update(&self, id: UserId, change: UserChange) -> Result<Option<User>> {
        act!(self, manager => manager.update(id, change))
    }

    async fn get_all(&self, limit: i64, offset: i64) -> Result<Vec<User>> {
        self.0.manager().get_all(limit, offset).await
    }

    async fn count(&self) -> Result<i64> {
        self.0.manager().count().await
    }

    fn peek(&self, id: &SessionId) -> Option<Arc<Snapshot>> {
        self.0.manager().peek(id)
    }

    /// Of whatever strategy runs when: the stream is followed in each.
    fn changed_users(&self) -> broadcast::Receiver<UserId> {
        self.0.stores.production.changed_users()
    }

    async fn look_up(
        &self,
        token: &SessionToken,
        freshness: Freshness,
        origin: &Origin,
    ) -> Result<Option<Arc<Snapshot>>> {
        let strategy = self.0.strategy();
        let answer = self.0.manager().look_up(token, freshness, origin).await;
        match strategy {
            MigrationStrategy::MockOnly if answer.is_ok() => answered_by("old"),
            MigrationStrategy::ProductionOnly if answer.is_ok() => answered_by("production"),
            // They count by themselves.
            _ => {}
        }
        answer
    }

    async fn create_session(&self, request: SessionRequest) -> Result<Option<LoggedIn>> {
        act!(self, manager => manager.create_session(request))
    }

    async fn delete_session(&self, tokens: &[SessionToken], origin: Origin) -> Result<()> {
        let tokens = tokens.to_vec();
        act!(self, manager => manager.delete_session(&tokens, origin))
    }

    async fn extend_session(&self, token: &SessionToken) -> Result<bool> {
        let token = token.clone();
        act!(self, manager => manager.extend_session(&token))
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        self.0.manager().sessions(user).await
    }

    async fn revoke_session(&self, user: UserId, id: &SessionId, origin: Origin) -> Result<bool> {
        let id = *id;
        act!(self, manager => manager.revoke_session(user, &id, origin))
    }

    async fn end_others(&self, act: EndOthers) -> Result<Option<OthersEnded>> {
        act!(self, manager => manager.end_others(act))
    }

    async fn renew_proof(&self, token: &SessionToken, credential_version: i64) -> Result<bool> {
        let token = token.clone();
        act!(self, manager => manager.renew_proof(&token, credential_version))
    }

    async fn store_code(&self, phone: &Phone, code: &Code) -> Result<()> {
        let (phone, code) = (phone.clone(), code.clone());
        act!(self, manager => manager.store_code(&phone, &code))
    }

    async fn redeem(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>> {
        act!(self, manager => manager.redeem(proof, redeemer))
    }

    fn administration(&self) -> &dyn Administration {
        self
    }

    async fn reserve(&self, counters: Vec<Counter>) -> Result<std::result::Result<(), Duration>> {
        self.0.manager().reserve(counters).await
    }

    async fn refund(&self, counters: Vec<Counter>) -> Result<()> {
        self.0.manager().refund(counters).await
    }

    async fn health(&self) -> Health {
        self.0.manager().health().await
    }

    async fn examine(&self) -> std::result::Result<(), Faults> {
        self.0.stores.production.examine().await?;
        // What was set counts from the first request on, if it can be asked.
        self.0.begin().await;
        Ok(())
    }

    async fn follow_denials(&self) {
        tokio::join!(self.0.stores.production.follow_denials(), self.0.follow_strategy());
    }

    async fn leave(&self) {
        let left = self.0.stores.production.leave(self.0.id).await;
        if let Err(error) = left {
            log::debug!("that this process ends could not be said: {error}");
        }
    }

    async fn maintain(&self) -> Duration {
        let Stores { old, production, .. } = &*self.0.stores;
        let next = match self.0.strategy() {
            MigrationStrategy::MockWithWriteThrough => self.0.manager().maintain().await,
            _ => production.maintain().await,
        };
        next.min(old.maintain().await)
    }
}
