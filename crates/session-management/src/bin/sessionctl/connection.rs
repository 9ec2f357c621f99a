//! Which database a command works on.

use std::time::Duration;

use clap::Args;
use constants::{Environment, PoolMode};
use identity_db::{Database, DatabaseConfig};
use session_management::setting::{logged_in_as, postgres_url, set};
use session_management::{RedisConfiguration, SettingError};

/// An operator has more patience than a request.
const BUDGET: Duration = Duration::from_secs(30);

#[derive(Args)]
pub(crate) struct Connection {
    /// The owner's database; default DATABASE_URL.
    #[arg(long, env = "DATABASE_OWNER_URL", hide_env_values = true, global = true)]
    database_owner_url: Option<String>,
    /// The applications' database.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    /// Where people and sessions are, if not in DATABASE_URL; the owner's name and password are those of DATABASE_OWNER_URL.
    #[arg(long, env = "DATABASE_IDENTITY_URL", hide_env_values = true, global = true)]
    database_identity_url: Option<String>,
    /// What a pooler in the way keeps together: session (default; also without a pooler) or transaction.
    #[arg(long, env = "DATABASE_POOL_MODE", global = true)]
    database_pool_mode: Option<String>,
    /// Redis, for `cleanup`.
    #[arg(long, env = "REDIS_URL", hide_env_values = true, global = true)]
    redis_url: Option<String>,
    /// mock, development or production.
    #[arg(long, env = "APP_ENV", global = true)]
    environment: Option<String>,
}

impl Connection {
    pub(crate) fn config(&self) -> Result<DatabaseConfig, SettingError> {
        let owner = checked("DATABASE_OWNER_URL", self.database_owner_url.as_deref())?;
        let app = checked("DATABASE_URL", self.database_url.as_deref())?;
        let identity = checked("DATABASE_IDENTITY_URL", self.database_identity_url.as_deref())?;
        let missing = || SettingError::missing("DATABASE_OWNER_URL", "postgres://… (or DATABASE_URL)");
        let url = match (identity, owner) {
            (Some(place), Some(owner)) => logged_in_as(&place, &owner),
            (Some(place), None) => place,
            (None, owner) => owner.or(app).ok_or_else(missing)?,
        };
        let pool_mode = match set(self.database_pool_mode.as_deref()) {
            Some(name) => {
                name.parse().map_err(|error| SettingError::wrong("DATABASE_POOL_MODE", name, error))?
            }
            None => PoolMode::Session,
        };
        Ok(DatabaseConfig { budget: BUDGET, max_connections: 2, pool_mode, ..DatabaseConfig::new(url) })
    }

    pub(crate) fn database(&self) -> Result<Database, SettingError> {
        Ok(Database::new(&self.config()?))
    }

    pub(crate) fn redis(&self) -> Result<Option<RedisConfiguration>, SettingError> {
        let checked = |url| RedisConfiguration::checked(url, constants::redis::MAX_RETRIES);
        set(self.redis_url.as_deref()).map(checked).transpose()
    }

    pub(crate) fn environment(&self) -> Result<Environment, SettingError> {
        let Some(name) = set(self.environment.as_deref()) else { return Ok(Environment::Development) };
        name.parse().map_err(|error| SettingError::wrong("APP_ENV", name, error))
    }
}

fn checked(name: &'static str, value: Option<&str>) -> Result<Option<String>, SettingError> {
    set(value).map(|url| postgres_url(name, url)).transpose()
}
