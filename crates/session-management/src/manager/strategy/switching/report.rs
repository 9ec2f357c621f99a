//! What a process says of its strategy, and how it hears of another one.

use std::sync::PoisonError;

use constants::MigrationStrategy;
use identity_db::strategy::Report;

use super::{ASK, ASK_AGAIN, Inner};
use crate::manager::{Result, UserManager};

impl Inner {
    /// Follows what is set, for as long as the process lives. A bell that nobody heard costs a few seconds.
    pub(super) async fn follow_strategy(&self) {
        let bell = self.stores.production.strategy_set();
        let mut failures = 0_u32;
        loop {
            failures = if self.follow_once().await { 0 } else { failures.saturating_add(1) };
            let pause = if failures == 0 { ASK } else { ASK.min(ASK_AGAIN * failures) };
            let _ = tokio::time::timeout(pause, bell.notified()).await;
        }
    }

    /// What is set is begun with, if it can be asked.
    pub(super) async fn begin(&self) {
        if let Ok(Some(set)) = self.report().await {
            self.begin_with(set);
        }
        self.follow_once().await;
    }

    /// Says what runs, hears what is to run, and goes there; `false` when that did not work.
    async fn follow_once(&self) -> bool {
        let set = match self.report().await {
            Ok(set) => set,
            Err(error) => {
                log::debug!("which strategy is set cannot be asked: {error}");
                return false;
            }
        };
        let (before, had_problem) = (self.strategy(), self.has_problem());
        let went = self.go_to(set.unwrap_or(self.configured)).await;
        let arrived = went.is_ok();
        self.note_problem(went.err().map(|error| error.to_string()));
        if before != self.strategy() || had_problem != self.has_problem() {
            // Whoever has set it is waiting to see it.
            if let Err(error) = self.report().await {
                log::debug!("what runs could not be said: {error}");
            }
        }
        arrived
    }

    fn has_problem(&self) -> bool {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    async fn report(&self) -> Result<Option<MigrationStrategy>> {
        let report = Report {
            id: self.id,
            context: self.stores.production.context(),
            environment: self.environment,
            host: self.host.clone(),
            pid: i32::try_from(std::process::id()).unwrap_or_default(),
            configured: self.configured,
            running: self.strategy(),
            problem: self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        self.stores.production.report(report).await
    }
}
