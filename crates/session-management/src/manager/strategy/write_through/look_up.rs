//! The look-up: the old store answers; production is asked for ends, and for what the old store does not know.

use constants::AuditAction;
use std::sync::Arc;

use identity_db::SessionId;
use identity_db::audit::Origin;
use identity_db::session::State;

use super::WriteThroughUserManager;
use crate::manager::mock::Verdict;
use crate::manager::production::Decision;
use crate::manager::strategy::stores::{answered_by, unfelt};
use crate::manager::{Freshness, Result};
use crate::metrics;
use crate::principal::Snapshot;
use crate::token::SessionToken;

impl WriteThroughUserManager {
    pub(super) async fn ask_both(
        &self,
        token: &SessionToken,
        freshness: Freshness,
        origin: &Origin,
    ) -> Result<Option<Arc<Snapshot>>> {
        let id = token.id();
        let asked = async || self.stores.reach(self.stores.production.judge(token, freshness, origin)).await;
        match self.stores.old.judge(&id) {
            Verdict::Live(snapshot) => Ok(self.confirm(&id, snapshot, asked().await).await),
            Verdict::Ended => {
                answered_by("old");
                Ok(None)
            }
            Verdict::Over | Verdict::Unknown => self.fetch(&id, asked().await).await,
        }
    }

    /// The old store's yes, unless production knows better.
    async fn confirm(
        &self,
        id: &SessionId,
        snapshot: Arc<Snapshot>,
        asked: Result<Decision>,
    ) -> Option<Arc<Snapshot>> {
        let disagreed = || metrics::STRATEGY_DISAGREEMENTS.inc();
        let user = snapshot.user.id;
        match unfelt("look_up", asked) {
            None => {}
            // Somebody changed the person there.
            Some(Decision::Live(there))
                if there.user.version != snapshot.user.version && !self.stores.old.has_unsaved(user) =>
            {
                unfelt("find", self.stores.reach(self.stores.load_person(user)).await);
            }
            Some(Decision::Live(_)) => {}
            Some(Decision::Ended(State::Revoked | State::OtherContext)) => {
                disagreed();
                answered_by("production");
                self.stores.old.end_quietly(std::slice::from_ref(id));
                return None;
            }
            Some(Decision::Ended(State::Blocked)) => {
                disagreed();
                // Unless it was lifted here, which production is told of first, the block counts.
                let saved = self.stores.reach(self.stores.save_person(user)).await;
                let loaded = self.stores.reach(self.stores.load_person(user)).await;
                if unfelt("find", saved.and(loaded)).is_none() {
                    answered_by("production");
                    return None;
                }
            }
            // It was used here while production could not be told, or was there and is gone.
            Some(Decision::Unknown) if self.stores.old.is_known_elsewhere(id) => {
                disagreed();
                answered_by("production");
                self.stores.old.end_quietly(std::slice::from_ref(id));
                return None;
            }
            Some(Decision::Ended(State::Expired | State::Live) | Decision::Unknown) => {
                disagreed();
                unfelt(
                    "create_session",
                    self.stores.reach(self.stores.save_as(user, AuditAction::SessionCarried)).await,
                );
            }
        }
        answered_by("old");
        match self.stores.old.judge(id) {
            Verdict::Live(snapshot) => Some(snapshot),
            Verdict::Ended | Verdict::Over | Verdict::Unknown => None,
        }
    }

    /// What production knows of a session that the old store does not know; it knows it then.
    async fn fetch(&self, id: &SessionId, asked: Result<Decision>) -> Result<Option<Arc<Snapshot>>> {
        let there = match asked {
            Ok(Decision::Live(there)) => there,
            Ok(Decision::Ended(_) | Decision::Unknown) => {
                answered_by("old");
                return Ok(None);
            }
            // Another process may have opened it: what the old store does not know is no answer.
            Err(error) => return Err(error),
        };
        metrics::STRATEGY_DISAGREEMENTS.inc();
        answered_by("production");
        self.stores.load_person(there.user.id).await?;
        if !self.stores.old.take_in_read(&there) {
            // Something happened to the person since it was read; the next look-up will see.
            return Ok(Some(there));
        }
        Ok(match self.stores.old.judge(id) {
            Verdict::Live(snapshot) => Some(snapshot),
            Verdict::Ended | Verdict::Over | Verdict::Unknown => None,
        })
    }
}
