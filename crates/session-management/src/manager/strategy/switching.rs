//! The manager that an application holds: the strategy that runs now, which may be another a moment later.
//!
//! Acts hold the gate, so that none is under way when the strategy changes; look-ups do not, and the one that is
//! answered by what the process' own cache holds costs one atomic load more.

mod administration;
mod manager;
mod report;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use constants::{Environment, MigrationStrategy};
use tokio::sync::RwLock;

use super::transition::{ORDER, finish, next, place, prepare};
use super::{GradualUserManager, Stores, WriteThroughUserManager};
use crate::error::SessionError;
use crate::manager::{Result, UserManager};
use crate::metrics;

/// How often a process says what it runs and asks what it is to run; it is also told.
const ASK: Duration = Duration::from_secs(5);

/// How long after something that did not work.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Runs an act by the strategy that runs, which stays the same until the act has ended.
macro_rules! act {
    ($this:expr, $manager:ident => $act:expr) => {{
        let inner = std::sync::Arc::clone(&$this.0);
        $crate::manager::production::to_the_end(async move {
            let _gate = std::sync::Arc::clone(&inner.gate).read_owned().await;
            let $manager = inner.manager();
            $act.await
        })
        .await
    }};
}
use act;

/// Two stores and the strategy between them. Cloning shares everything.
#[derive(Debug, Clone)]
pub struct SwitchingUserManager(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: uuid::Uuid,
    stores: Arc<Stores>,
    /// In the order of the strategies.
    each: [Arc<dyn UserManager>; ORDER.len()],
    current: AtomicUsize,
    gate: Arc<RwLock<()>>,
    configured: MigrationStrategy,
    environment: Environment,
    host: String,
    /// What keeps this process from the strategy that was set.
    problem: Mutex<Option<String>>,
}

impl SwitchingUserManager {
    pub(crate) fn new(stores: Stores, configured: MigrationStrategy, environment: Environment) -> Self {
        let stores = Arc::new(stores);
        let each: [Arc<dyn UserManager>; ORDER.len()] = [
            Arc::clone(&stores.old) as Arc<dyn UserManager>,
            Arc::new(WriteThroughUserManager::new(Arc::clone(&stores))),
            Arc::new(GradualUserManager::new(Arc::clone(&stores))),
            Arc::new(stores.production.clone()),
        ];
        let this = Self(Arc::new(Inner {
            id: uuid::Uuid::new_v4(),
            stores,
            each,
            current: AtomicUsize::new(place(configured)),
            gate: Arc::default(),
            configured,
            environment,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            problem: Mutex::default(),
        }));
        this.0.show();
        this
    }

    /// The strategy that runs.
    #[must_use]
    pub fn strategy(&self) -> MigrationStrategy {
        self.0.strategy()
    }
}

impl Inner {
    fn strategy(&self) -> MigrationStrategy {
        ORDER[self.current.load(Ordering::Acquire)]
    }

    fn manager(&self) -> &Arc<dyn UserManager> {
        &self.each[self.current.load(Ordering::Acquire)]
    }

    /// Goes to a strategy, step by step. What was reached stays when a step fails.
    async fn go_to(&self, strategy: MigrationStrategy) -> Result<()> {
        if self.environment == Environment::Production && strategy == MigrationStrategy::MockOnly {
            return Err(SessionError::Internal("mock-only is refused in production".into()));
        }
        if self.strategy() == strategy {
            return self.fill().await;
        }
        while self.strategy() != strategy {
            let to = next(self.strategy(), strategy);
            self.step(to, to == strategy).await?;
        }
        Ok(())
    }

    /// Begins with a strategy, before anybody was answered: what production answers needs no memory.
    fn begin_with(&self, strategy: MigrationStrategy) {
        if matches!(strategy, MigrationStrategy::Gradual | MigrationStrategy::ProductionOnly) {
            self.current.store(place(strategy), Ordering::Release);
            self.show();
        }
    }

    async fn step(&self, to: MigrationStrategy, stays: bool) -> Result<()> {
        let onwards = place(to) > place(self.strategy());
        prepare(&self.stores, to, onwards, stays).await?;
        let _alone = self.gate.write().await;
        finish(&self.stores, to, onwards).await?;
        log::info!("migration strategy: {} instead of {}", to, self.strategy());
        self.current.store(place(to), Ordering::Release);
        if !matches!(to, MigrationStrategy::MockOnly | MigrationStrategy::MockWithWriteThrough) {
            self.stores.fall_behind();
        }
        self.show();
        Ok(())
    }

    /// A process that begins with `mock-with-write-through` has an empty memory.
    async fn fill(&self) -> Result<()> {
        if self.strategy() == MigrationStrategy::MockWithWriteThrough && !self.stores.is_filled() {
            self.stores.save_all(true).await?;
            self.stores.load_all().await?;
        }
        Ok(())
    }

    fn show(&self) {
        for strategy in ORDER {
            let runs = i64::from(strategy == self.strategy());
            metrics::STRATEGY.with_label_values(&[strategy.as_str()]).set(runs);
        }
    }

    /// Notes what keeps this process from the strategy that was set, and logs it if it is news.
    fn note_problem(&self, problem: Option<String>) {
        let mut known = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = &problem
            && known.as_ref() != Some(problem)
        {
            log::error!("the migration strategy stays {}: {problem}", self.strategy());
        }
        *known = problem;
    }
}
