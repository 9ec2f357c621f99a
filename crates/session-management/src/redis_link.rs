//! A long-lived connection to Redis for each thread, a budget of time, and a circuit breaker.
//!
//! The pool pings a connection each time it is checked out. So each thread takes one out of it for good, and the
//! commands of its requests travel on it together. A connection is driven where it was opened: one for all
//! threads would wake another thread twice for each command. When it breaks, the next is opened, by a task of its
//! own: what takes longer than a command may wait is there for the next.

mod address;
mod way;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use constants::redis::REQUEST_BUDGET;
use deadpool_redis::redis::{Cmd, FromRedisValue, Value, cmd};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use identity_db::failpoint;
use thread_local::ThreadLocal;

use crate::metrics;
pub(crate) use address::RedisAddress;
use way::{Connection, Way};

/// Failures in a row after which Redis is left alone for a while.
const FAILURES: u32 = 5;

/// How long it is left alone.
const PAUSE: Duration = Duration::from_millis(500);

/// How long opening a connection may take, with sentinels that have to be asked and do not answer.
const OPENING: Duration = Duration::from_secs(4);

/// Redis gave no answer. Whoever asked goes on without: Postgres decides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Redis is unavailable: {0}")]
pub struct RedisUnavailable(pub(crate) String);

/// The way to Redis. Cloning shares the connection.
#[derive(Clone)]
pub(crate) struct RedisLink {
    way: Way,
    state: Arc<State>,
    retries: u32,
}

/// A connection that is open, or is being opened.
type Opening = Shared<BoxFuture<'static, Result<Connection, String>>>;

#[derive(Default)]
struct State {
    connections: ThreadLocal<Mutex<Option<Opening>>>,
    failures: AtomicU32,
    open_until: Mutex<Option<Instant>>,
}

/// A part of the keys that one server holds: all of them, or those of a master in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    slot: Option<u16>,
    master: String,
}

impl std::fmt::Debug for RedisLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisLink").field("retries", &self.retries).finish_non_exhaustive()
    }
}

impl RedisLink {
    /// Prepares the link; nothing is connected before the first command.
    pub(crate) fn new(url: &str, retries: u32) -> Result<Self, RedisUnavailable> {
        let address = RedisAddress::parse(url).ok_or_else(|| RedisUnavailable("its URL is none".into()))?;
        let way = Way::to(address, retries).map_err(RedisUnavailable)?;
        Ok(Self { way, state: Arc::default(), retries })
    }

    /// Sends one command and waits at most 50 ms for its answer, all tries together.
    pub(crate) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisUnavailable> {
        self.send(command, None).await
    }

    /// Whether all of it answers.
    pub(crate) async fn ping(&self) -> Result<(), RedisUnavailable> {
        if !matches!(self.way, Way::Cluster(_)) {
            return self.command(&cmd("PING")).await;
        }
        // Any node would answer a PING, also while another, and the keys on it, is away.
        let info: String = self.command(cmd("CLUSTER").arg("INFO")).await?;
        let is_whole = info.lines().any(|line| line.trim() == "cluster_state:ok");
        if is_whole { Ok(()) } else { Err(RedisUnavailable("the cluster is not whole".into())) }
    }

    /// The parts into which the keys are divided now.
    pub(crate) async fn parts(&self) -> Result<Vec<Part>, RedisUnavailable> {
        if !matches!(self.way, Way::Cluster(_)) {
            return Ok(vec![Part { slot: None, master: String::new() }]);
        }
        let slots: Value = self.command(cmd("CLUSTER").arg("SLOTS")).await?;
        let masters = way::masters(&slots).filter(|masters| !masters.is_empty());
        let masters = masters.ok_or_else(|| RedisUnavailable("the cluster names no masters".into()))?;
        Ok(masters.into_iter().map(|(slot, master)| Part { slot: Some(slot), master }).collect())
    }

    /// Sends one command to the server of a part.
    pub(crate) async fn command_to<T: FromRedisValue>(
        &self,
        part: &Part,
        command: &Cmd,
    ) -> Result<T, RedisUnavailable> {
        self.send(command, part.slot).await
    }

    async fn send<T: FromRedisValue>(&self, command: &Cmd, slot: Option<u16>) -> Result<T, RedisUnavailable> {
        if self.is_open() {
            metrics::REDIS.with_label_values(&["refused"]).inc();
            return Err(RedisUnavailable("it failed repeatedly and is left alone for a moment".into()));
        }
        if failpoint!(fails "redis::command") {
            self.note(Some("a failpoint"));
            return Err(RedisUnavailable("a failpoint".into()));
        }
        let outcome = match tokio::time::timeout(REQUEST_BUDGET, self.try_repeatedly(command, slot)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.drop_silent_connection();
                Err(format!("no answer within {REQUEST_BUDGET:?}"))
            }
        };
        self.note(outcome.as_ref().err().map(String::as_str));
        if failpoint!(fails "redis::answered") {
            return Err(RedisUnavailable("a failpoint".into()));
        }
        outcome.map_err(RedisUnavailable)
    }

    async fn try_repeatedly<T: FromRedisValue>(&self, command: &Cmd, slot: Option<u16>) -> Result<T, String> {
        let mut last = String::new();
        for _ in 0..=self.retries {
            let opening = self.opening();
            let mut connection = match opening.clone().await {
                Ok(connection) => connection,
                Err(error) => {
                    self.drop_connection(&opening);
                    last = error;
                    continue;
                }
            };
            match connection.query(command, slot).await {
                Ok(value) => return Ok(value),
                Err(error) => {
                    let again = self.way.is_worth_another_try(&error);
                    last = error.to_string();
                    if !again {
                        break;
                    }
                    self.drop_connection(&opening);
                }
            }
        }
        Err(last)
    }

    /// The connection of this thread, which is opened when there is none.
    fn opening(&self) -> Opening {
        let open = || {
            let way = self.way.clone();
            let task = tokio::spawn(async move {
                let opened = tokio::time::timeout(OPENING, way.open()).await;
                opened.unwrap_or_else(|_| Err(format!("no connection within {OPENING:?}")))
            });
            async move { task.await.unwrap_or_else(|error| Err(error.to_string())) }.boxed().shared()
        };
        lock(self.state.connections.get_or_default()).get_or_insert_with(open).clone()
    }

    /// Another request of this thread may have done so, and opened the next.
    fn drop_connection(&self, broken: &Opening) {
        let mut current = lock(self.state.connections.get_or_default());
        if current.as_ref().is_some_and(|current| current.ptr_eq(broken)) {
            *current = None;
        }
    }

    /// A late answer may still come on it, after commands that nobody waits for. One that is being opened goes on
    /// to be, and one to a cluster has other nodes, and finds out by itself which does not answer.
    fn drop_silent_connection(&self) {
        let mut current = lock(self.state.connections.get_or_default());
        if matches!(current.as_ref().and_then(Shared::peek), Some(Ok(connection)) if !connection.heals()) {
            *current = None;
        }
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

    fn note(&self, failure: Option<&str>) {
        let Some(failure) = failure else {
            metrics::REDIS_ANSWERS.inc();
            self.state.failures.store(0, Ordering::Relaxed);
            if lock(&self.state.open_until).take().is_some() {
                log::info!("Redis answers again");
            }
            return;
        };
        metrics::REDIS.with_label_values(&["failed"]).inc();
        if self.state.failures.fetch_add(1, Ordering::Relaxed) + 1 < FAILURES {
            return;
        }
        // Begun anew on every thread: a connection to a cluster whose nodes all refuse would try without a pause.
        for connection in &self.state.connections {
            let mut connection = lock(connection);
            if connection.as_ref().is_some_and(|opening| opening.peek().is_some()) {
                *connection = None;
            }
        }
        if lock(&self.state.open_until).replace(Instant::now() + PAUSE).is_none() {
            log::warn!(
                "Redis failed {FAILURES} times in a row ({failure}); sessions are read from Postgres meanwhile"
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
