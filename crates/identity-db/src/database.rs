//! The pool, and the only two ways through it: [`Database::run`] and [`Database::transaction`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use constants::PoolMode;
use constants::database::{CONNECTION_TIMEOUT, MAX_CONNECTIONS, REQUEST_BUDGET};
use diesel::PgConnection;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::{DatabaseErrorKind, Error as QueryError, QueryResult};
use tokio::sync::Semaphore;

use crate::budget;
use crate::failpoint;
use crate::pool::{
    Connector, Incarnation, Pooled, QuietErrors, establish, is_suspect, is_type_unknown, note_pooler,
};
use crate::server::Server;

/// Where Postgres is and how much of it a process may use.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:port/database`.
    pub url: String,
    /// Connections at most; default [`MAX_CONNECTIONS`].
    pub max_connections: u32,
    /// How long one call waits for a connection and its statements together; default [`REQUEST_BUDGET`], which all
    /// calls of one request share ([`crate::budget`]).
    pub budget: Duration,
    /// What a pooler in between keeps together.
    pub pool_mode: PoolMode,
}

impl DatabaseConfig {
    /// The defaults for a URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: MAX_CONNECTIONS,
            budget: REQUEST_BUDGET,
            pool_mode: PoolMode::Session,
        }
    }
}

impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("url", &crate::setting::masked_url(&self.url))
            .field("max_connections", &self.max_connections)
            .field("budget", &self.budget)
            .field("pool_mode", &self.pool_mode)
            .finish()
    }
}

/// Why Postgres gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It could not be asked, did not answer in time, or refuses for now. It may have done what was asked.
    #[error("Postgres is unavailable: {0}")]
    Unavailable(String),
    /// The work gave up its transaction by [`QueryError::RollbackTransaction`]; nothing was written.
    #[error("rolled back")]
    RolledBack,
    /// It answered that the statement breaks one of its rules: a fault of ours.
    #[error("Postgres refused a statement")]
    Refused(#[source] QueryError),
}

impl From<QueryError> for DatabaseError {
    fn from(error: QueryError) -> Self {
        use DatabaseErrorKind::{CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation};
        match error {
            QueryError::RollbackTransaction => Self::RolledBack,
            error if is_type_unknown(&error) => Self::Unavailable(error.to_string()),
            QueryError::DatabaseError(
                UniqueViolation | ForeignKeyViolation | NotNullViolation | CheckViolation,
                _,
            )
            | QueryError::NotFound
            | QueryError::QueryBuilderError(_)
            | QueryError::DeserializationError(_)
            | QueryError::SerializationError(_) => Self::Refused(error),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// A pool of connections to one database. Cloning it is cheap and shares the pool.
#[derive(Clone)]
pub struct Database {
    pool: r2d2::Pool<Connector>,
    /// As many as there are connections, so that a hung Postgres holds that many threads and no more.
    permits: Arc<Semaphore>,
    generation: Arc<AtomicU64>,
    budget: Duration,
    url: Arc<str>,
    pool_mode: PoolMode,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Database {
    /// Prepares the pool. It succeeds while Postgres is away; connections come when it does.
    #[must_use]
    pub fn new(config: &DatabaseConfig) -> Self {
        Self::with(config, false)
    }

    /// The same for a server that follows another and is read alone.
    pub(crate) fn standby(config: &DatabaseConfig) -> Self {
        Self::with(config, true)
    }

    fn with(config: &DatabaseConfig, standby: bool) -> Self {
        let generation = Arc::new(AtomicU64::new(0));
        let url = with_connect_timeout(&config.url);
        let connector = Connector {
            url: url.clone(),
            on_open: match config.pool_mode {
                // A statement that outlives its caller gives its connection back.
                PoolMode::Session => format!(
                    "SET statement_timeout = {0}; SET idle_in_transaction_session_timeout = {0}; SET timezone = 'UTC'",
                    config.budget.as_millis()
                ),
                // It would stay with one of the pooler's connections, whoever gets that next. Poolers keep the
                // time zone apart.
                PoolMode::Transaction => "SET timezone = 'UTC'".to_owned(),
            },
            pool_mode: config.pool_mode,
            generation: Arc::clone(&generation),
            standby,
        };
        let pool = r2d2::Pool::builder()
            .max_size(config.max_connections)
            // Opened when somebody waits for one, never in the background: a process that ends while libpq is
            // shaking hands on another thread is torn down under it.
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(config.budget)
            .error_handler(Box::new(QuietErrors))
            .build_unchecked(connector);
        let permits = Arc::new(Semaphore::new(config.max_connections as usize));
        let DatabaseConfig { budget, pool_mode, .. } = *config;
        Self { pool, permits, generation, budget, url: url.into(), pool_mode }
    }

    /// How long one call may take.
    pub(crate) fn budget(&self) -> Duration {
        self.budget
    }

    /// Connections at most.
    pub(crate) fn connections(&self) -> usize {
        self.pool.max_size() as usize
    }

    /// Runs `work` on a connection, on a thread where it may block. Each statement commits by itself.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] also when the time was up: what was asked may still happen.
    pub async fn run<T, F>(&self, work: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    {
        self.run_somewhere(work).await.map(|(value, _)| value)
    }

    /// Runs `work` and tells on which incarnation of the server it ran.
    async fn run_somewhere<T, F>(&self, work: F) -> Result<(T, Incarnation), DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    {
        let (started, budget) = (Instant::now(), budget::left(self.budget));
        let outcome = self.run_within(started, budget, work).await;
        budget::spend(started.elapsed());
        outcome
    }

    async fn run_within<T, F>(
        &self,
        started: Instant,
        budget: Duration,
        work: F,
    ) -> Result<(T, Incarnation), DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    {
        let late = |what: &str| {
            DatabaseError::Unavailable(if budget < self.budget {
                format!("{what} within the {budget:?} that were left")
            } else {
                format!("{what} within {budget:?}")
            })
        };
        // Nothing is begun for which nobody could wait.
        if budget.is_zero() {
            return Err(late("nothing can be asked"));
        }
        let permits = Arc::clone(&self.permits);
        let permit = tokio::time::timeout(budget, permits.acquire_owned())
            .await
            .map_err(|_| late("no connection became free"))?
            .map_err(|_| DatabaseError::Unavailable("the pool is closed".into()))?;
        let this = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            this.run_blocking(started, budget, work)
        });
        let rest = budget.saturating_sub(started.elapsed());
        tokio::time::timeout(rest, task).await.map_err(|_| late("no answer"))?.unwrap_or_else(|panic| {
            Err(DatabaseError::Unavailable(format!("the statement's thread died: {panic}")))
        })
    }

    /// What the server says of itself, on a connection of its own: the pool opens none to a standby.
    ///
    /// # Errors
    /// As [`Database::run`].
    pub async fn server(&self) -> Result<Server, DatabaseError> {
        let (url, pool_mode) = (Arc::clone(&self.url), self.pool_mode);
        let permits = Arc::clone(&self.permits);
        let late = |_| DatabaseError::Unavailable(format!("no answer within {:?}", self.budget));
        // Whoever waits for a server that hangs keeps a thread, and the permit with it.
        let permit = tokio::time::timeout(self.budget, permits.acquire_owned()).await.map_err(late)?;
        let asking = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut conn =
                establish(&url, pool_mode).map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
            Ok(Server::ask(&mut conn)?)
        });
        let late = |_| DatabaseError::Unavailable(format!("no answer within {:?}", self.budget));
        tokio::time::timeout(self.budget, asking).await.map_err(late)?.unwrap_or_else(|panic| {
            Err(DatabaseError::Unavailable(format!("the statement's thread died: {panic}")))
        })
    }

    /// Like [`Database::run`], for work that changes nothing: a connection that turns out to be dead is
    /// replaced once without the caller seeing it.
    ///
    /// # Errors
    /// As [`Database::run`].
    pub async fn read<T, F>(&self, work: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> QueryResult<T> + Send + Clone + 'static,
    {
        self.read_here(work).await.map(|(value, _)| value)
    }

    /// Like [`Database::read`], and tells which incarnation of the server answered.
    ///
    /// # Errors
    /// As [`Database::run`].
    pub async fn read_located<T, F>(&self, work: F) -> Result<(T, Incarnation), DatabaseError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> QueryResult<T> + Send + Clone + 'static,
    {
        if self.pool_mode == PoolMode::Transaction {
            // Behind the pooler there may be another server than when the connection was opened: it is asked by the
            // transaction that reads, whose clock is not later than what it reads.
            let located = move |conn: &mut PgConnection| {
                let work = work.clone();
                in_transaction(conn, |conn| {
                    let incarnation = Incarnation::of(conn)?;
                    Ok((work(conn)?, incarnation))
                })
            };
            return self.read(located).await;
        }
        self.read_here(work).await
    }

    async fn read_here<T, F>(&self, work: F) -> Result<(T, Incarnation), DatabaseError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> QueryResult<T> + Send + Clone + 'static,
    {
        let generation = self.generation.load(Ordering::Acquire);
        match self.run_somewhere(work.clone()).await {
            Err(DatabaseError::Unavailable(_)) if self.generation.load(Ordering::Acquire) != generation => {
                self.run_somewhere(work).await
            }
            answer => answer,
        }
    }

    /// Runs `work` in one transaction, which commits when it returns `Ok`.
    ///
    /// # Errors
    /// As [`Database::run`]; after an unavailable Postgres the commit is unknown.
    pub async fn transaction<T, F>(&self, work: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    {
        self.run(move |conn| in_transaction(conn, work)).await
    }

    fn run_blocking<T>(
        &self,
        started: Instant,
        budget: Duration,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<(T, Incarnation), DatabaseError> {
        let mut pooled = self.check_out(started, budget)?;
        let generation = pooled.generation;
        let incarnation = pooled.incarnation;
        let result = work(&mut pooled.connection);
        if let Err(error) = &result
            && is_suspect(error)
        {
            pooled.broken = true;
            if self.pool_mode == PoolMode::Session {
                note_pooler(error);
            }
            // Only the first to notice ends the generation; those that come after it have new connections.
            let _ = self.generation.compare_exchange(
                generation,
                generation + 1,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
        }
        Ok((result?, incarnation))
    }

    fn check_out(
        &self,
        started: Instant,
        budget: Duration,
    ) -> Result<r2d2::PooledConnection<Connector>, DatabaseError> {
        loop {
            let rest = budget.saturating_sub(started.elapsed());
            let mut pooled =
                self.pool.get_timeout(rest).map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
            if self.is_current(&pooled) {
                return Ok(pooled);
            }
            pooled.broken = true;
        }
    }

    fn is_current(&self, pooled: &Pooled) -> bool {
        pooled.generation == self.generation.load(Ordering::Acquire)
    }
}

/// The one place that opens transactions; see [`Database::transaction`].
pub(crate) fn in_transaction<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    AnsiTransactionManager::begin_transaction(conn)?;
    match failpoint!(query "transaction::begun").and_then(|()| work(conn)) {
        Ok(value) => {
            failpoint!(query "transaction::before_commit")?;
            AnsiTransactionManager::commit_transaction(conn)?;
            failpoint!(query "transaction::committed")?;
            Ok(value)
        }
        Err(error) => {
            // The caller's error says more than a failure to roll back on the same dead connection.
            let _ = AnsiTransactionManager::rollback_transaction(conn);
            Err(error)
        }
    }
}

pub(crate) fn with_connect_timeout(url: &str) -> String {
    if url.contains("connect_timeout=") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}connect_timeout={}", CONNECTION_TIMEOUT.as_secs())
}
