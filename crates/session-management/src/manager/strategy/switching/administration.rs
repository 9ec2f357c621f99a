//! What staff do, by the strategy that runs: acts behind the gate, as every other act.

use async_trait::async_trait;
use constants::ApplicationContext;
use identity_db::audit;
use identity_db::people::Search;
use identity_db::right::{Grant, NewGrant};
use identity_db::session::Session;
use identity_db::user::User;
use identity_db::{SessionId, UserId};

use super::{SwitchingUserManager, act};
use crate::administration::{
    Actor, Administration, AuditPage, Granted, PageOf, PeoplePage, PersonChange, Result, Statistics,
};

#[async_trait]
impl Administration for SwitchingUserManager {
    async fn people(&self, search: Search, page: PageOf, per_page: i64) -> Result<PeoplePage> {
        self.0.manager().administration().people(search, page, per_page).await
    }

    async fn person(&self, id: UserId) -> Result<Option<User>> {
        self.0.manager().administration().person(id).await
    }

    async fn change_person(&self, actor: Actor, id: UserId, change: PersonChange) -> Result<Option<User>> {
        act!(self, manager => manager.administration().change_person(actor, id, change))
    }

    async fn sessions_of(&self, id: UserId) -> Result<Option<Vec<Session>>> {
        self.0.manager().administration().sessions_of(id).await
    }

    async fn end_sessions_of(&self, actor: Actor, id: UserId) -> Result<Option<usize>> {
        act!(self, manager => manager.administration().end_sessions_of(actor, id))
    }

    async fn end_session_of(&self, actor: Actor, id: UserId, session: SessionId) -> Result<Option<()>> {
        act!(self, manager => manager.administration().end_session_of(actor, id, session))
    }

    async fn grants_of(&self, id: UserId) -> Result<Option<Vec<Grant>>> {
        self.0.manager().administration().grants_of(id).await
    }

    async fn grant(&self, actor: Actor, id: UserId, new: NewGrant) -> Result<Option<Granted>> {
        act!(self, manager => manager.administration().grant(actor, id, new))
    }

    async fn take(
        &self,
        actor: Actor,
        id: UserId,
        permission: String,
        context: ApplicationContext,
    ) -> Result<Option<()>> {
        act!(self, manager => manager.administration().take(actor, id, permission, context))
    }

    async fn audit_log(&self, search: audit::Search, page: PageOf, per_page: i64) -> Result<AuditPage> {
        self.0.manager().administration().audit_log(search, page, per_page).await
    }

    async fn statistics(&self) -> Result<Statistics> {
        self.0.manager().administration().statistics().await
    }
}
