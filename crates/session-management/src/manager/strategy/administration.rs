//! What staff do while there are two stores: in production, which alone knows everybody, and the old store follows.
//!
//! So whoever is blocked or logged out there goes on nowhere: production's no wins in either strategy. Where a failure of
//! production is not to be felt, the old store is asked in its place; what staff do there is carried over later.

use std::sync::Arc;

use async_trait::async_trait;
use constants::ApplicationContext;
use identity_db::audit;
use identity_db::people::Search;
use identity_db::right::{Grant, NewGrant};
use identity_db::session::Session;
use identity_db::user::User;
use identity_db::{SessionId, UserId};

use super::Stores;
use super::stores::unfelt;
use crate::administration::{
    Actor, Administration, AuditPage, Granted, PageOf, PeoplePage, PersonChange, Result, Statistics,
};
use crate::error::SessionError;

/// Staff's access to both stores.
#[derive(Debug, Clone)]
pub(super) struct StrategyAdministration {
    stores: Arc<Stores>,
    /// Whether a failure of production is an answer.
    is_felt: bool,
}

/// Asks production, and the old store in its place.
macro_rules! ask {
    ($this:expr, $store:ident => $question:expr) => {{
        let there = async {
            let $store: &dyn Administration = &$this.stores.production;
            $question.await
        };
        match $this.reach("list", there).await {
            None => {
                let $store: &dyn Administration = &*$this.stores.old;
                $question.await
            }
            Some(answer) => answer,
        }
    }};
}

/// Acts upon a person in production, and lets the old store follow; or acts there.
macro_rules! act {
    ($this:expr, $actor:ident, $person:expr, [$($given:ident),*], $store:ident => $act:expr) => {{
        let there = {
            let $actor = $actor.clone();
            $(let $given = $given.clone();)*
            async move {
                $this.prepare(&$actor, $person).await?;
                let $store: &dyn Administration = &$this.stores.production;
                $act.await
            }
        };
        match $this.reach("administer", there).await {
            None => {
                let $store: &dyn Administration = &*$this.stores.old;
                $act.await
            }
            Some(answer) => {
                if matches!(answer, Ok(Some(_))) {
                    $this.follow($person).await;
                }
                answer
            }
        }
    }};
}

impl StrategyAdministration {
    /// Where production answers.
    pub(super) fn felt(stores: Arc<Stores>) -> Self {
        Self { stores, is_felt: true }
    }

    /// Where the old store answers.
    pub(super) fn unfelt(stores: Arc<Stores>) -> Self {
        Self { stores, is_felt: false }
    }

    /// What production says; `None` when it says nothing and that is not to be felt.
    async fn reach<T>(&self, operation: &str, call: impl Future<Output = Result<T>>) -> Option<Result<T>> {
        if self.is_felt {
            return Some(call.await);
        }
        match self.stores.reach(call).await {
            Err(error @ SessionError::Unavailable(_)) => unfelt(operation, Err(error)),
            answer => Some(answer),
        }
    }

    /// Before an act production knows of both what the old store does.
    async fn prepare(&self, actor: &Actor, person: UserId) -> Result<()> {
        if let Some(staff) = &actor.staff {
            self.stores.save_person(staff.id).await?;
        }
        self.stores.save_person(person).await
    }

    /// The old store follows what was done. Where it does not, each look-up asks production all the same.
    async fn follow(&self, person: UserId) {
        unfelt("administer", self.stores.reach(self.stores.follow(person)).await);
    }
}

#[async_trait]
impl Administration for StrategyAdministration {
    async fn people(&self, search: Search, page: PageOf, per_page: i64) -> Result<PeoplePage> {
        ask!(self, store => store.people(search.clone(), page.clone(), per_page))
    }

    async fn person(&self, id: UserId) -> Result<Option<User>> {
        ask!(self, store => store.person(id))
    }

    async fn change_person(&self, actor: Actor, id: UserId, change: PersonChange) -> Result<Option<User>> {
        act!(self, actor, id, [], store => store.change_person(actor, id, change))
    }

    async fn sessions_of(&self, id: UserId) -> Result<Option<Vec<Session>>> {
        ask!(self, store => store.sessions_of(id))
    }

    async fn end_sessions_of(&self, actor: Actor, id: UserId) -> Result<Option<usize>> {
        act!(self, actor, id, [], store => store.end_sessions_of(actor, id))
    }

    async fn end_session_of(&self, actor: Actor, id: UserId, session: SessionId) -> Result<Option<()>> {
        act!(self, actor, id, [], store => store.end_session_of(actor, id, session))
    }

    async fn grants_of(&self, id: UserId) -> Result<Option<Vec<Grant>>> {
        ask!(self, store => store.grants_of(id))
    }

    async fn grant(&self, actor: Actor, id: UserId, new: NewGrant) -> Result<Option<Granted>> {
        act!(self, actor, id, [new], store => store.grant(actor, id, new))
    }

    async fn take(
        &self,
        actor: Actor,
        id: UserId,
        permission: String,
        context: ApplicationContext,
    ) -> Result<Option<()>> {
        act!(self, actor, id, [permission], store => store.take(actor, id, permission, context))
    }

    async fn audit_log(&self, search: audit::Search, page: PageOf, per_page: i64) -> Result<AuditPage> {
        ask!(self, store => store.audit_log(search.clone(), page.clone(), per_page))
    }

    async fn statistics(&self) -> Result<Statistics> {
        ask!(self, store => store.statistics())
    }
}
