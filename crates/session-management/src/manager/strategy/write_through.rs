//! `mock-with-write-through`: the old store answers, and every write also goes to production. A failure of production is
//! counted and logged and never felt; what it has missed is saved later.
//!
//! Two things the old store does not decide alone, as long as production can be asked: an end that production knows
//! wins over its yes, and what it does not know it takes from there, since another process may have made it.

mod acts;
mod look_up;
mod people;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use constants::ApplicationContext;
use identity_db::audit::Origin;
use identity_db::rate_limit::Counter;
use identity_db::server::Faults;
use identity_db::session::Session;
use identity_db::user::{Credential, NewUser, User, UserChange};
use identity_db::{SessionId, UserId};
use tokio::sync::broadcast;

use super::Stores;
use super::administration::StrategyAdministration;
use super::stores::unfelt;
use crate::account::{EndOthers, LoggedIn, OthersEnded, SessionRequest};
use crate::administration::Administration;
use crate::email::Email;
use crate::error::SessionError;
use crate::login::{Code, OneTimeProof, Phone, Redeemer};
use crate::manager::{Freshness, Health, Result, UserManager};
use crate::principal::Snapshot;
use crate::token::SessionToken;

/// How often what production has missed is tried again.
const CATCH_UP: Duration = Duration::from_secs(1);

/// The old store, and production written beside it.
#[derive(Debug, Clone)]
pub struct WriteThroughUserManager {
    stores: Arc<Stores>,
    staff: StrategyAdministration,
}

impl WriteThroughUserManager {
    pub(crate) fn new(stores: Arc<Stores>) -> Self {
        Self { staff: StrategyAdministration::unfelt(Arc::clone(&stores)), stores }
    }

    /// Tells production of what an act has just changed of a person.
    async fn write(&self, operation: &str, user: UserId) {
        unfelt(operation, self.stores.reach(self.stores.save_person(user)).await);
    }
}

#[async_trait]
impl UserManager for WriteThroughUserManager {
    fn context(&self) -> ApplicationContext {
        self.stores.old.context()
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<User>> {
        Ok(self.credential_by_email(email).await?.map(|known| known.user))
    }

    async fn find_by_id(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.credential(id).await?.map(|known| known.user))
    }

    async fn credential_by_email(&self, email: &Email) -> Result<Option<Credential>> {
        self.credential_of(email).await
    }

    async fn credential(&self, id: UserId) -> Result<Option<Credential>> {
        unfelt("find", self.stores.reach(self.stores.load_person(id)).await);
        self.stores.old.credential(id).await
    }

    async fn create(&self, new: NewUser, origin: Origin) -> Result<Option<User>> {
        self.make(new, origin).await
    }

    async fn update(&self, id: UserId, change: UserChange) -> Result<Option<User>> {
        unfelt("find", self.stores.reach(self.stores.load_person(id)).await);
        let updated = self.stores.old.update(id, change).await?;
        self.write("update", id).await;
        Ok(updated)
    }

    /// Production alone knows whom other processes have made.
    async fn get_all(&self, limit: i64, offset: i64) -> Result<Vec<User>> {
        match unfelt("list", self.stores.reach(self.stores.production.get_all(limit, offset)).await) {
            Some(people) => Ok(people),
            None => self.stores.old.get_all(limit, offset).await,
        }
    }

    async fn count(&self) -> Result<i64> {
        match unfelt("list", self.stores.reach(self.stores.production.count()).await) {
            Some(count) => Ok(count),
            None => self.stores.old.count().await,
        }
    }

    fn changed_users(&self) -> broadcast::Receiver<UserId> {
        self.stores.production.changed_users()
    }

    async fn look_up(
        &self,
        token: &SessionToken,
        freshness: Freshness,
        origin: &Origin,
    ) -> Result<Option<Arc<Snapshot>>> {
        self.ask_both(token, freshness, origin).await
    }

    async fn create_session(&self, request: SessionRequest) -> Result<Option<LoggedIn>> {
        self.log_in(request).await
    }

    async fn delete_session(&self, tokens: &[SessionToken], origin: Origin) -> Result<()> {
        self.log_out(tokens, origin).await
    }

    async fn extend_session(&self, token: &SessionToken) -> Result<bool> {
        let extended = self.stores.old.extend_session(token).await?;
        unfelt("extend_session", self.stores.reach(self.stores.production.extend_session(token)).await);
        Ok(extended)
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        self.bring_sessions(user).await;
        self.stores.old.sessions(user).await
    }

    async fn revoke_session(&self, user: UserId, id: &SessionId, origin: Origin) -> Result<bool> {
        let production =
            self.stores.reach(self.stores.production.revoke_session(user, id, origin.clone())).await;
        let there = unfelt("revoke_session", production);
        let here = self.stores.old.revoke_session(user, id, origin).await?;
        if there == Some(true) {
            self.stores.old.end_at_once(std::slice::from_ref(id));
        }
        self.write("revoke_session", user).await;
        match there {
            None if !here => {
                Err(SessionError::Unavailable("a session of another process cannot be ended".into()))
            }
            there => Ok(here || there == Some(true)),
        }
    }

    async fn end_others(&self, act: EndOthers) -> Result<Option<OthersEnded>> {
        Ok(self.end_all_others(act).await)
    }

    async fn renew_proof(&self, token: &SessionToken, credential_version: i64) -> Result<bool> {
        let renewed = self.stores.old.renew_proof(token, credential_version).await?;
        if let Some(user) = self.stores.old.owner(&token.id()) {
            self.write("renew_proof", user).await;
        }
        Ok(renewed)
    }

    async fn store_code(&self, phone: &Phone, code: &Code) -> Result<()> {
        self.stores.old.store_code(phone, code).await?;
        if unfelt("store_code", self.stores.reach(self.stores.production.store_code(phone, code)).await)
            .is_some()
        {
            self.stores.old.code_is_elsewhere(phone);
        }
        Ok(())
    }

    async fn redeem(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>> {
        self.use_up(proof, redeemer).await
    }

    fn administration(&self) -> &dyn Administration {
        &self.staff
    }

    async fn reserve(&self, counters: Vec<Counter>) -> Result<std::result::Result<(), Duration>> {
        if let Err(wait) = self.stores.old.reserve(counters.clone()).await? {
            return Ok(Err(wait));
        }
        // Processes share the count of production, so that they are no further attempts each.
        Ok(unfelt("reserve", self.stores.reach(self.stores.production.reserve(counters)).await)
            .unwrap_or(Ok(())))
    }

    async fn refund(&self, counters: Vec<Counter>) -> Result<()> {
        self.stores.old.refund(counters.clone()).await?;
        unfelt("refund", self.stores.reach(self.stores.production.refund(counters)).await);
        Ok(())
    }

    async fn health(&self) -> Health {
        Health { needed: false, ..self.stores.production.health().await }
    }

    async fn examine(&self) -> std::result::Result<(), Faults> {
        self.stores.production.examine().await
    }

    async fn follow_denials(&self) {
        self.stores.production.follow_denials().await;
    }

    async fn maintain(&self) -> Duration {
        if let Err(error) = self.stores.save_all(false).await {
            log::debug!("production has still missed writes: {error}");
        }
        self.stores.production.maintain().await.min(CATCH_UP)
    }
}
