//! Builds managers out of configurations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use constants::{ApplicationContext, Environment, LegacyTokens, MigrationStrategy, lifetime};
use identity_db::setting::{SettingError, masked_url, postgres_url};
use identity_db::{Database, DatabaseConfig};

use crate::adapter::{MemorySessionAdapter, RedisSessionAdapter, SessionAdapter};
use crate::clock::{Clock, SystemClock};
use crate::error::SessionError;
use crate::manager::production::Parts;
use crate::manager::strategy::Stores;
use crate::manager::{MockUserManager, ProductionUserManager, SwitchingUserManager, UserManager};
use crate::redis_link::{RedisAddress, RedisLink};
use crate::web_store::{MemoryWebStore, PostgresWebStore, WebStore};

/// How long one statement or batch may take that goes between the stores in bulk.
const BULK_BUDGET: Duration = Duration::from_secs(3);

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
    /// `redis://…`, `redis+cluster://…` or `redis+sentinel://…`.
    pub url: String,
    /// How often a command is tried again within its 50 ms.
    pub max_retries: u32,
}

impl RedisConfiguration {
    /// Checks the value of `REDIS_URL`.
    ///
    /// # Errors
    /// When it names no Redis in a form that is known.
    pub fn checked(url: &str, max_retries: u32) -> Result<Self, SettingError> {
        let wrong = || SettingError::wrong_url("REDIS_URL", url, RedisAddress::ALLOWED);
        RedisAddress::parse(url).ok_or_else(wrong)?;
        Ok(Self { url: url.to_owned(), max_retries })
    }

    /// That it is not set.
    #[must_use]
    pub fn missing() -> SettingError {
        SettingError::missing("REDIS_URL", RedisAddress::ALLOWED)
    }
}

impl std::fmt::Debug for RedisConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisConfiguration")
            .field("url", &masked_url(&self.url))
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
    /// Which store answers, until another strategy is set.
    pub strategy: MigrationStrategy,
    /// Postgres; needed for every strategy but `mock-only`.
    pub database: Option<DatabaseConfig>,
    /// Postgres without a pooler in between, for denials; default the database's URL.
    pub listen_url: Option<String>,
    /// A replica for lists and numbers.
    pub replica: Option<DatabaseConfig>,
    /// Sessions at most in the cache of the process; 0 for none.
    pub near_entries: usize,
    /// Redis; needed in `production`.
    pub redis: Option<RedisConfiguration>,
    /// How long its sessions live; by default as long as those of its context do.
    pub lifetimes: Option<Lifetimes>,
    /// What tokens of the older software count for.
    pub legacy_tokens: LegacyTokens,
}

impl ManagerConfiguration {
    /// The same for another application. Its lifetimes are the same, too, where they were set.
    #[must_use]
    pub fn for_context(&self, context: ApplicationContext) -> Self {
        Self { context, ..self.clone() }
    }

    fn lifetimes(&self) -> Lifetimes {
        self.lifetimes.unwrap_or(Lifetimes::of(self.context))
    }
}

/// The same with the identity database and web's apart.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MultiDatabaseConfiguration {
    /// Everything but where the databases are.
    pub manager: ManagerConfiguration,
    /// People and sessions (`DATABASE_IDENTITY_URL`).
    pub identity_url: String,
    /// What web has of its own (`DATABASE_WEB_URL`).
    pub web_url: String,
}

impl std::fmt::Debug for MultiDatabaseConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MultiDatabaseConfiguration")
            .field("manager", &self.manager)
            .field("identity_url", &masked_url(&self.identity_url))
            .field("web_url", &masked_url(&self.web_url))
            .finish()
    }
}

/// Builds managers: one for each distinct configuration, which everybody who asks for it shares.
#[derive(Debug)]
pub struct UserManagerFactory {
    clock: Arc<dyn Clock>,
    built: Mutex<HashMap<ManagerConfiguration, Arc<dyn UserManager>>>,
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
        Self { clock, built: Mutex::default() }
    }

    /// The manager of a configuration. It is built also while its stores are away.
    ///
    /// # Errors
    /// When the configuration lacks what its environment needs.
    pub fn create(&self, configuration: &ManagerConfiguration) -> Result<Arc<dyn UserManager>, SessionError> {
        // Building asks nobody, so whoever comes at the same moment waits for no time worth the name.
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(manager) = built.get(configuration) {
            return Ok(Arc::clone(manager));
        }
        let manager = self.build(configuration)?;
        built.insert(configuration.clone(), Arc::clone(&manager));
        Ok(manager)
    }

    /// The manager of a configuration in this context, whatever context the configuration has.
    ///
    /// # Errors
    /// As [`UserManagerFactory::create`].
    pub fn create_for_context(
        &self,
        context: ApplicationContext,
        configuration: &ManagerConfiguration,
    ) -> Result<Arc<dyn UserManager>, SessionError> {
        self.create(&configuration.for_context(context))
    }

    /// The same for web.
    ///
    /// # Errors
    /// As [`UserManagerFactory::create`].
    pub fn create_for_web(
        &self,
        configuration: &ManagerConfiguration,
    ) -> Result<Arc<dyn UserManager>, SessionError> {
        self.create_for_context(ApplicationContext::Web, configuration)
    }

    /// The same for admin-panel.
    ///
    /// # Errors
    /// As [`UserManagerFactory::create`].
    pub fn create_for_admin(
        &self,
        configuration: &ManagerConfiguration,
    ) -> Result<Arc<dyn UserManager>, SessionError> {
        self.create_for_context(ApplicationContext::Admin, configuration)
    }

    /// The manager whose people and sessions are in the identity database.
    ///
    /// # Errors
    /// When one of the URLs is none of Postgres, or as [`UserManagerFactory::create`].
    pub fn create_multi_database(
        &self,
        configuration: &MultiDatabaseConfiguration,
    ) -> Result<Arc<dyn UserManager>, SessionError> {
        let MultiDatabaseConfiguration { manager, identity_url, web_url } = configuration;
        let checked = |name, url: &str| {
            postgres_url(name, url).map_err(|error| SessionError::Internal(error.to_string()))
        };
        checked("DATABASE_WEB_URL", web_url)?;
        let url = checked("DATABASE_IDENTITY_URL", identity_url)?;
        let database = match &manager.database {
            Some(database) => DatabaseConfig { url, ..database.clone() },
            None => DatabaseConfig::new(url),
        };
        self.create(&ManagerConfiguration { database: Some(database), ..manager.clone() })
    }

    /// Without a database there is nothing but the memory of the process; with one, the strategy may change.
    fn build(&self, configuration: &ManagerConfiguration) -> Result<Arc<dyn UserManager>, SessionError> {
        let ManagerConfiguration { context, environment, strategy, .. } = *configuration;
        let old = MockUserManager::new(context, configuration.lifetimes(), Arc::clone(&self.clock));
        let is_alone = strategy == MigrationStrategy::MockOnly && configuration.database.is_none();
        if environment == Environment::Mock || (is_alone && environment == Environment::Development) {
            return Ok(Arc::new(old));
        }
        if environment == Environment::Production && strategy == MigrationStrategy::MockOnly {
            return Err(SessionError::Internal("the production environment refuses mock-only".into()));
        }
        let stores = Stores::new(Arc::new(old), self.production(configuration)?);
        Ok(Arc::new(SwitchingUserManager::new(stores, strategy, environment)))
    }

    /// Where web keeps what belongs to it alone: `database`, or without one, as in `mock`, the memory of the process.
    ///
    /// # Errors
    /// When what is kept must not be lost, and there is no database.
    pub fn create_web_store(
        &self,
        strategy: MigrationStrategy,
        database: Option<&DatabaseConfig>,
    ) -> Result<Arc<dyn WebStore>, SessionError> {
        Ok(match database {
            Some(database) => Arc::new(PostgresWebStore::new(Database::new(database))),
            None if strategy == MigrationStrategy::MockOnly => Arc::new(MemoryWebStore::default()),
            None => return Err(SessionError::Internal(format!("{strategy} needs a web database"))),
        })
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
            lifetimes: configuration.lifetimes(),
            legacy: configuration.legacy_tokens,
            near_entries: configuration.near_entries,
            environment: configuration.environment,
            database: Database::new(database),
            replica: configuration.replica.clone(),
            bulk: Database::new(&DatabaseConfig {
                max_connections: 1,
                budget: BULK_BUDGET,
                ..database.clone()
            }),
            cache,
            other_caches: others,
            legacy_cache,
            keyring,
            clock: Arc::clone(&self.clock),
            listen_url: configuration.listen_url.clone().unwrap_or_else(|| database.url.clone()),
        }))
    }
}
