//! Builds managers out of configurations.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use constants::{ApplicationContext, Environment, LegacyTokens, lifetime};
use identity_db::{Database, DatabaseConfig};

use crate::adapter::{MemorySessionAdapter, RedisSessionAdapter, SessionAdapter};
use crate::clock::{Clock, SystemClock};
use crate::error::SessionError;
use crate::manager::production::Parts;
use crate::manager::{MockUserManager, ProductionUserManager, UserManager};
use crate::redis_link::RedisLink;
use crate::web_store::{MemoryWebStore, PostgresWebStore, WebStore};

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lifetimes {
    /// Unused (`SESSION_IDLE_SECONDS`).
    pub idle: Duration,
    /// However much they are used (`SESSION_ABSOLUTE_SECONDS`).
    pub absolute: Duration,
}

impl Lifetimes {
    /// The defaults of a context.
    #[must_use]
    pub const fn of(context: ApplicationContext) -> Self {
        Self { idle: lifetime::idle(context), absolute: lifetime::absolute(context) }
    }
}

/// Where Redis is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedisConfiguration {
    /// `redis://:password@host:port/number`.
    pub url: String,
    /// How often a command is tried again within its 50 ms.
    pub max_retries: u32,
}

impl std::fmt::Debug for RedisConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisConfiguration")
            .field("url", &identity_db::setting::masked_url(&self.url))
            .field("max_retries", &self.max_retries)
            .finish()
    }
}

/// What a manager is built from. The context is no option: a session belongs to an application.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ManagerConfiguration {
    /// The application context.
    pub context: ApplicationContext,
    /// Where its stores are at all.
    pub environment: Environment,
    /// Postgres; needed outside `mock`.
    pub database: Option<DatabaseConfig>,
    /// Postgres without a pooler in between, for denials; default the database's URL.
    pub listen_url: Option<String>,
    /// Sessions at most in the cache of the process; 0 for none.
    pub near_entries: usize,
    /// Redis; needed in `production`.
    pub redis: Option<RedisConfiguration>,
    /// How long its sessions live.
    pub lifetimes: Lifetimes,
    /// What tokens of the older software count for.
    pub legacy_tokens: LegacyTokens,
}

/// Builds managers.
#[derive(Debug)]
pub struct UserManagerFactory {
    clock: Arc<dyn Clock>,
}

impl Default for UserManagerFactory {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl UserManagerFactory {
    /// A factory whose managers tell the time by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// The manager of a configuration. It is built also while its stores are away.
    ///
    /// # Errors
    /// When the configuration lacks what its environment needs.
    pub fn create(&self, configuration: &ManagerConfiguration) -> Result<Arc<dyn UserManager>, SessionError> {
        if configuration.environment == Environment::Mock {
            let ManagerConfiguration { context, lifetimes, .. } = *configuration;
            return Ok(Arc::new(MockUserManager::new(context, lifetimes, Arc::clone(&self.clock))));
        }
        Ok(Arc::new(self.production(configuration)?))
    }

    /// Where web keeps what belongs to it alone: `database`, or in `mock` the memory of the process.
    ///
    /// # Errors
    /// When the environment needs a database and there is none.
    pub fn create_web_store(
        &self,
        environment: Environment,
        database: Option<&DatabaseConfig>,
    ) -> Result<Arc<dyn WebStore>, SessionError> {
        if environment == Environment::Mock {
            return Ok(Arc::new(MemoryWebStore::default()));
        }
        let lacking =
            || SessionError::Internal(format!("the {environment} environment needs a web database"));
        let database = database.ok_or_else(lacking)?;
        Ok(Arc::new(PostgresWebStore::new(Database::new(database))))
    }

    fn production(
        &self,
        configuration: &ManagerConfiguration,
    ) -> Result<ProductionUserManager, SessionError> {
        let lacking = |what: &str| {
            SessionError::Internal(format!("the {} environment needs {what}", configuration.environment))
        };
        let database = configuration.database.as_ref().ok_or_else(|| lacking("a database configuration"))?;
        if configuration.environment == Environment::Production && configuration.redis.is_none() {
            return Err(lacking("a Redis configuration"));
        }
        let keyring = Arc::new(RwLock::new(None));
        let mut others: Vec<Arc<dyn SessionAdapter>> = Vec::new();
        let (cache, legacy_cache): (Arc<dyn SessionAdapter>, Arc<dyn SessionAdapter>) =
            match &configuration.redis {
                Some(redis) => {
                    let link = RedisLink::new(&redis.url, redis.max_retries)
                        .map_err(|error| SessionError::Internal(error.to_string()))?;
                    let adapter = |context| {
                        let (keyring, clock) = (Arc::clone(&keyring), Arc::clone(&self.clock));
                        Arc::new(RedisSessionAdapter::new(link.clone(), context, keyring, clock))
                    };
                    for other in ApplicationContext::ALL {
                        if *other != configuration.context {
                            others.push(adapter(Some(*other)));
                        }
                    }
                    (adapter(Some(configuration.context)), adapter(None))
                }
                None => {
                    let adapter = || Arc::new(MemorySessionAdapter::new(Arc::clone(&self.clock)));
                    (adapter(), adapter())
                }
            };
        Ok(ProductionUserManager::new(Parts {
            context: configuration.context,
            lifetimes: configuration.lifetimes,
            legacy: configuration.legacy_tokens,
            near_entries: configuration.near_entries,
            environment: configuration.environment,
            database: Database::new(database),
            cache,
            other_caches: others,
            legacy_cache,
            keyring,
            clock: Arc::clone(&self.clock),
            listen_url: configuration.listen_url.clone().unwrap_or_else(|| database.url.clone()),
        }))
    }
}
