//! A long-lived connection to Redis for each thread, a budget of time, and a circuit breaker.
//!
//! The pool pings a connection each time it is checked out. So each thread takes one out of it for good, and the
//! commands of its requests travel on it together. A connection is driven where it was opened: one for all
//! threads would wake another thread twice for each command. When it breaks, the pool makes the next.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use constants::redis::REQUEST_BUDGET;
use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisError};
use deadpool_redis::{Connection, Manager, Pool, Runtime};
use identity_db::failpoint;
use thread_local::ThreadLocal;

use crate::metrics;

/// Failures in a row after which Redis is left alone for a while.
const FAILURES: u32 = 5;

/// How long it is left alone.
const PAUSE: Duration = Duration::from_millis(500);

/// Redis gave no answer. Whoever asked goes on without: Postgres decides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Redis is unavailable: {0}")]
pub struct RedisUnavailable(pub(crate) String);

/// The way to Redis. Cloning shares the connection.
#[derive(Clone)]
pub(crate) struct RedisLink {
    pool: Pool,
    state: Arc<State>,
    retries: u32,
}

#[derive(Default)]
struct State {
    connections: ThreadLocal<Mutex<Option<MultiplexedConnection>>>,
    failures: AtomicU32,
    open_until: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for RedisLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLink").field("retries", &self.retries).finish_non_exhaustive()
    }
}

impl RedisLink {
    /// Prepares the link; nothing is connected before the first command.
    pub(crate) fn new(url: &str, retries: u32) -> Result<Self, RedisUnavailable> {
        // A command has its budget here. Without this the connection would set a second timer for each.
        let without_timer = AsyncConnectionConfig::new().set_response_timeout(None);
        let manager = Manager::new_with_config(url, without_timer)
            .map_err(|error| RedisUnavailable(error.to_string()))?;
        let pool = Pool::builder(manager)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| RedisUnavailable(error.to_string()))?;
        Ok(Self { pool, state: Arc::default(), retries })
    }

    /// Sends one command and waits at most 50 ms for its answer, all tries together.
    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisUnavailable> {
        if self.is_open() {
            metrics::REDIS.with_label_values(&["refused"]).inc();
            return Err(RedisUnavailable("it failed repeatedly and is left alone for a moment".into()));
        }
        if failpoint!(fails "redis::command") {
            self.note(false);
            return Err(RedisUnavailable("a failpoint".into()));
        }
        let outcome = match tokio::time::timeout(REQUEST_BUDGET, self.try_repeatedly(command)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(RedisUnavailable(error)),
            Err(_) => {
                // A late answer may still come on this connection, after commands that nobody waits for.
                self.drop_connection();
                Err(RedisUnavailable(format!("no answer within {REQUEST_BUDGET:?}")))
            }
        };
        self.note(outcome.is_ok());
        if failpoint!(fails "redis::answered") {
            return Err(RedisUnavailable("a failpoint".into()));
        }
        outcome
    }

    async fn try_repeatedly<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, String> {
        let mut last = String::new();
        for _ in 0..=self.retries {
            let mut connection = match self.connection().await {
                Ok(connection) => connection,
                Err(error) => {
                    last = error;
                    continue;
                }
            };
            match command.query_async(&mut connection).await {
                Ok(value) => return Ok(value),
                Err(error) => {
                    let again = is_worth_another_try(&error);
                    last = error.to_string();
                    if !again {
                        break;
                    }
                    self.drop_connection();
                }
            }
        }
        Err(last)
    }

    async fn connection(&self) -> Result<MultiplexedConnection, String> {
        if let Some(connection) = lock(self.state.connections.get_or_default()).clone() {
            return Ok(connection);
        }
        let pooled = self.pool.get().await.map_err(|error| error.to_string())?;
        let connection = Connection::take(pooled);
        *lock(self.state.connections.get_or_default()) = Some(connection.clone());
        Ok(connection)
    }

    fn drop_connection(&self) {
        *lock(self.state.connections.get_or_default()) = None;
    }

    /// Whether Redis is being left alone. When the pause is over one command at a time tries again.
    fn is_open(&self) -> bool {
        let mut open_until = lock(&self.state.open_until);
        match *open_until {
            Some(until) if Instant::now() < until => true,
            Some(_) => {
                *open_until = Some(Instant::now() + PAUSE);
                false
            }
            None => false,
        }
    }

    fn note(&self, success: bool) {
        if success {
            metrics::REDIS_ANSWERS.inc();
            self.state.failures.store(0, Ordering::Relaxed);
            if lock(&self.state.open_until).take().is_some() {
                log::info!("Redis answers again");
            }
            return;
        }
        metrics::REDIS.with_label_values(&["failed"]).inc();
        if self.state.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES
            && lock(&self.state.open_until).replace(Instant::now() + PAUSE).is_none()
        {
            log::warn!("Redis failed {FAILURES} times in a row; sessions are read from Postgres meanwhile");
        }
    }
}

/// Whether the connection, and not the server's answer, was at fault.
fn is_worth_another_try(error: &RedisError) -> bool {
    error.is_io_error() || error.is_connection_dropped()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
