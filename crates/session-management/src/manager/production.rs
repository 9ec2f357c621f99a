//! The manager on Postgres, which decides; the process' own cache and Redis may repeat its yes under a lease.
//!
//! The write order is always: one Postgres transaction, commit, then Redis as well as it goes, then the
//! answer. Acts run in a task of their own, so that a client that hangs up cannot stop one between its
//! commit and what must follow.

mod acts;
mod administration;
mod cleanup;
mod exchange;
mod fitness;
mod legacy;
mod look_up;
mod manager;
mod one_time;
mod upkeep;

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use constants::{ApplicationContext, Environment, LegacySource, LegacyTokens};
use identity_db::replica::Lists;
use identity_db::session::LookUps;
use identity_db::{Database, DatabaseConfig, UserId, budget};
use tokio::sync::{Notify, broadcast};

use super::Result;
use crate::adapter::SessionAdapter;
use crate::clock::Clock;
use crate::error::SessionError;
use crate::factory::Lifetimes;
use crate::keyring::Keyring;
use crate::near::Near;
use crate::touch::TouchBook;
use administration::ClosedHours;
use fitness::Fitness;

pub(crate) use look_up::Decision;

/// Changes of people that are kept for whoever follows them slowly.
const CHANGES: usize = 1024;

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
    /// For what staff only look at.
    lists: Lists,
    /// For what goes to and from the memory in bulk, with more patience than a request has.
    bulk: Database,
    cache: Arc<dyn SessionAdapter>,
    other_caches: Vec<Arc<dyn SessionAdapter>>,
    legacy_cache: Arc<dyn SessionAdapter>,
    /// Uses that are to be written down, of each source in their order.
    legacy_uses: [AtomicI64; LegacySource::ALL.len()],
    keyring: Arc<RwLock<Option<Keyring>>>,
    /// By the uptime.
    keyring_read_at: Mutex<Option<Duration>>,
    touches: TouchBook,
    clock: Arc<dyn Clock>,
    near: Near,
    listen_url: String,
    fitness: Fitness,
    /// Rung when somebody has set the migration strategy.
    strategy_set: Arc<Notify>,
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
    pub(crate) replica: Option<DatabaseConfig>,
    pub(crate) bulk: Database,
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
        let Parts { context, lifetimes, legacy, database, bulk, cache, legacy_cache, keyring, .. } = parts;
        let Parts { near_entries, clock, listen_url, environment, other_caches, replica, .. } = parts;
        Self(Arc::new(Inner {
            context,
            lifetimes,
            legacy,
            cleaned_up: AtomicBool::new(false),
            look_ups: LookUps::new(database.clone()),
            lists: Lists::new(database.clone(), replica.as_ref()),
            database,
            bulk,
            cache,
            other_caches,
            legacy_cache,
            legacy_uses: Default::default(),
            keyring,
            keyring_read_at: Mutex::default(),
            touches: TouchBook::new(lifetimes.idle),
            near: Near::new(Arc::clone(&clock), near_entries),
            clock,
            listen_url,
            fitness: Fitness::new(environment == Environment::Production),
            strategy_set: Arc::default(),
            changes: broadcast::channel(CHANGES).0,
            closed_hours: ClosedHours::default(),
        }))
    }
}

/// Runs an act to its end, also when the caller goes away.
pub(crate) async fn to_the_end<T: Send + 'static>(
    act: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    budget::spawn(act).await.unwrap_or_else(|panic| Err(SessionError::Internal(panic.to_string())))
}
