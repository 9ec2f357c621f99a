//! `gradual`: production answers first; what it does not know is looked up in the old store and carried forward.
//!
//! Before an act touches a person, what the old store alone knows of them is carried forward, so that the act finds it.

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
use super::stores::answered_by;
use crate::account::{EndOthers, LoggedIn, OthersEnded, SessionRequest};
use crate::administration::Administration;
use crate::email::Email;
use crate::login::{Code, OneTimeProof, Phone, Redeemer, TelegramIdentity};
use crate::manager::mock::{Used, Verdict};
use crate::manager::production::Decision;
use crate::manager::{Freshness, Health, Result, UserManager};
use crate::metrics;
use crate::principal::Snapshot;
use crate::token::SessionToken;

/// Production first, and the old store for what it does not know yet.
#[derive(Debug, Clone)]
pub struct GradualUserManager {
    stores: Arc<Stores>,
    staff: StrategyAdministration,
}

impl GradualUserManager {
    pub(crate) fn new(stores: Arc<Stores>) -> Self {
        Self { staff: StrategyAdministration::felt(Arc::clone(&stores)), stores }
    }

    /// Carries forward what the old store alone knows of a token; whether it knew a live session.
    async fn carry(&self, id: &SessionId) -> Result<bool> {
        let is_news = !self.stores.old.is_known_elsewhere(id);
        let Some(user) = self.stores.old.owner(id) else { return Ok(false) };
        let is_live = matches!(self.stores.old.judge(id), Verdict::Live(_));
        self.stores.save_person(user).await?;
        Ok(is_live && is_news)
    }

    async fn carry_all(&self, tokens: &[SessionToken]) -> Result<Vec<SessionId>> {
        let ids: Vec<SessionId> = tokens.iter().map(SessionToken::id).collect();
        self.stores.save_owners(&ids).await?;
        Ok(ids)
    }

    /// Uses up a code that only the old store has.
    async fn redeem_old(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>> {
        let Some(user) = self.stores.old.redeem(proof, redeemer).await? else { return Ok(None) };
        self.stores.save_person(user.id).await?;
        self.stores.production.find_by_id(user.id).await
    }
}

/// The phone or the Telegram id that a proof is about.
pub(super) fn subject(proof: &OneTimeProof) -> (Option<&str>, Option<i64>) {
    match proof {
        OneTimeProof::Code(phone, _) => (Some(phone.as_str()), None),
        OneTimeProof::Telegram(TelegramIdentity(payload)) => (None, Some(payload.telegram_id)),
    }
}

/// What a proof uses up.
pub(super) fn used_by(proof: &OneTimeProof) -> Used {
    match proof {
        OneTimeProof::Code(phone, _) => Used { phones: vec![phone.clone()], payloads: Vec::new() },
        OneTimeProof::Telegram(TelegramIdentity(payload)) => {
            let until =
                chrono::DateTime::from_timestamp(payload.signed_at, 0).unwrap_or_default() + payload.lifetime;
            Used { phones: Vec::new(), payloads: vec![(payload.digest, until)] }
        }
    }
}

#[async_trait]
impl UserManager for GradualUserManager {
    fn context(&self) -> ApplicationContext {
        self.stores.production.context()
    }

    async fn find_by_email(&self, email: &Email) -> Result<Option<User>> {
        Ok(self.credential_by_email(email).await?.map(|known| known.user))
    }

    async fn find_by_id(&self, id: UserId) -> Result<Option<User>> {
        self.stores.save_person(id).await?;
        self.stores.production.find_by_id(id).await
    }

    async fn credential_by_email(&self, email: &Email) -> Result<Option<Credential>> {
        let known = self.stores.production.credential_by_email(email).await?;
        if known.is_some() {
            return Ok(known);
        }
        let Some(old) = self.stores.old.credential_by_email(email).await? else { return Ok(None) };
        self.stores.save_person(old.user.id).await?;
        self.stores.production.credential_by_email(email).await
    }

    async fn credential(&self, id: UserId) -> Result<Option<Credential>> {
        self.stores.save_person(id).await?;
        self.stores.production.credential(id).await
    }

    async fn create(&self, new: NewUser, origin: Origin) -> Result<Option<User>> {
        if let Some(email) = new.email.as_deref().and_then(Email::parse)
            && let Some(old) = self.stores.old.find_by_email(&email).await?
        {
            self.stores.save_person(old.id).await?;
        }
        self.stores.production.create(new, origin).await
    }

    async fn update(&self, id: UserId, change: UserChange) -> Result<Option<User>> {
        self.stores.save_person(id).await?;
        self.stores.production.update(id, change).await
    }

    async fn get_all(&self, limit: i64, offset: i64) -> Result<Vec<User>> {
        self.stores.production.get_all(limit, offset).await
    }

    async fn count(&self) -> Result<i64> {
        self.stores.production.count().await
    }

    fn peek(&self, id: &SessionId) -> Option<Arc<Snapshot>> {
        let snapshot = self.stores.production.peek(id)?;
        answered_by("production");
        Some(snapshot)
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
        let production = &self.stores.production;
        let mut decision = production.judge(token, freshness, origin).await?;
        let mut side = "production";
        if matches!(decision, Decision::Unknown) && self.carry(&token.id()).await? {
            side = "old";
            metrics::STRATEGY_DISAGREEMENTS.inc();
            log::info!("[SESSION_CARRY] context={} session={}", self.context(), token.id().short());
            // Its row decides: it may have met an end on its way.
            decision = production.judge(token, freshness, origin).await?;
        }
        answered_by(side);
        Ok(match decision {
            Decision::Live(snapshot) => Some(snapshot),
            Decision::Ended(_) | Decision::Unknown => None,
        })
    }

    async fn create_session(&self, request: SessionRequest) -> Result<Option<LoggedIn>> {
        self.stores.save_person(request.user.id).await?;
        let carried = self.carry_all(&request.login.carried).await?;
        let opened = self.stores.production.create_session(request).await?;
        if opened.is_some() {
            self.stores.old.end_quietly(&carried);
        }
        Ok(opened)
    }

    async fn delete_session(&self, tokens: &[SessionToken], origin: Origin) -> Result<()> {
        let ids = self.carry_all(tokens).await?;
        self.stores.production.delete_session(tokens, origin).await?;
        self.stores.old.end_quietly(&ids);
        Ok(())
    }

    async fn extend_session(&self, token: &SessionToken) -> Result<bool> {
        self.carry(&token.id()).await?;
        self.stores.production.extend_session(token).await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        self.stores.save_person(user).await?;
        self.stores.production.sessions(user).await
    }

    async fn revoke_session(&self, user: UserId, id: &SessionId, origin: Origin) -> Result<bool> {
        self.stores.save_person(user).await?;
        let ended = self.stores.production.revoke_session(user, id, origin).await?;
        if ended {
            self.stores.old.end_quietly(std::slice::from_ref(id));
        }
        Ok(ended)
    }

    async fn end_others(&self, act: EndOthers) -> Result<Option<OthersEnded>> {
        let user = act.own.user_id;
        self.stores.save_person(user).await?;
        let ended = self.stores.production.end_others(act).await?;
        if ended.is_some() {
            self.stores.old.end_person_quietly(user);
        }
        Ok(ended)
    }

    async fn renew_proof(&self, token: &SessionToken, credential_version: i64) -> Result<bool> {
        self.carry(&token.id()).await?;
        self.stores.production.renew_proof(token, credential_version).await
    }

    async fn store_code(&self, phone: &Phone, code: &Code) -> Result<()> {
        self.stores.production.store_code(phone, code).await?;
        // The newest alone counts.
        self.stores.old.take_in_used(Used { phones: vec![phone.clone()], payloads: Vec::new() });
        Ok(())
    }

    async fn redeem(&self, proof: OneTimeProof, redeemer: Redeemer) -> Result<Option<User>> {
        let (phone, telegram_id) = subject(&proof);
        if let Some(user) = self.stores.old.owner_of(phone, telegram_id) {
            self.stores.save_person(user).await?;
        }
        let found = self.stores.production.redeem(proof.clone(), redeemer.clone()).await?;
        if found.is_some() {
            self.stores.old.take_in_used(used_by(&proof));
            return Ok(found);
        }
        match &proof {
            OneTimeProof::Code(phone, _) if self.stores.old.has_code_of_its_own(phone) => {
                self.redeem_old(proof, redeemer).await
            }
            _ => Ok(None),
        }
    }

    fn administration(&self) -> &dyn Administration {
        &self.staff
    }

    async fn reserve(&self, counters: Vec<Counter>) -> Result<std::result::Result<(), Duration>> {
        self.stores.production.reserve(counters).await
    }

    async fn refund(&self, counters: Vec<Counter>) -> Result<()> {
        self.stores.production.refund(counters).await
    }

    async fn health(&self) -> Health {
        self.stores.production.health().await
    }

    async fn examine(&self) -> std::result::Result<(), Faults> {
        self.stores.production.examine().await
    }

    async fn follow_denials(&self) {
        self.stores.production.follow_denials().await;
    }

    async fn maintain(&self) -> Duration {
        self.stores.production.maintain().await
    }
}
