//! Lists and numbers from a streaming replica, never a decision; from the primary where the replica cannot.
//!
//! A list is never older than its request: the primary is asked how far its log has been written, and the replica
//! answers when it has come so far, which it is given a moment for. What it says of itself is asked in the
//! statement before the list, on the same connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{PgConnection, QueryResult};

use crate::{Database, DatabaseConfig, DatabaseError};

/// How long a list may wait for the replica, all in all; there must be time left for the primary.
const BUDGET: Duration = Duration::from_millis(250);

/// How long of it the replica is given to come so far as the primary was.
const CATCHING_UP: Duration = Duration::from_millis(100);

const STEP: Duration = Duration::from_millis(5);

/// How long a replica that failed is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// Where lists and numbers are read.
#[derive(Debug, Clone)]
pub struct Lists {
    primary: Database,
    replica: Option<Arc<Replica>>,
}

#[derive(Debug)]
struct Replica {
    database: Database,
    left_alone_until: Mutex<Option<Instant>>,
}

/// The end of the primary's log, and whose log it is.
#[derive(Debug, Clone, QueryableByName)]
struct Mark {
    #[diesel(sql_type = BigInt)]
    system: i64,
    #[diesel(sql_type = Text)]
    database: String,
    #[diesel(sql_type = Text)]
    position: String,
}

#[derive(QueryableByName)]
struct Standing {
    #[diesel(sql_type = Bool)]
    follows: bool,
    #[diesel(sql_type = Bool)]
    arrived: bool,
}

/// Why the replica does not serve.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("DATABASE_REPLICA_URL leads to no replica of this database")]
    Foreign,
    #[error("the replica is more than {CATCHING_UP:?} behind")]
    Behind,
    #[error("{0}")]
    Database(#[from] DatabaseError),
}

enum Answer<T> {
    Read(T),
    Foreign,
    Behind,
}

impl Lists {
    /// From the primary alone, or from its replica as well as it goes.
    #[must_use]
    pub fn new(primary: Database, replica: Option<&DatabaseConfig>) -> Self {
        let replica = replica.map(|config| {
            let database = Database::standby(&DatabaseConfig { budget: BUDGET, ..config.clone() });
            Arc::new(Replica { database, left_alone_until: Mutex::default() })
        });
        Self { primary, replica }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// As [`Database::run`] of the primary.
    pub async fn read<T, F>(&self, work: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> QueryResult<T> + Send + Clone + 'static,
    {
        let Some(replica) = &self.replica else { return self.primary.read(work).await };
        if replica.is_left_alone() {
            return self.primary.read(work).await;
        }
        let mark = self.primary.read(Mark::of).await?;
        match replica.read(mark, work.clone()).await {
            Ok(list) => {
                replica.take_back();
                Ok(list)
            }
            Err(reason) => {
                replica.leave_alone(&reason);
                self.primary.read(work).await
            }
        }
    }
}

impl Mark {
    /// What was acknowledged is on disk, so that the log up to there has it.
    fn of(conn: &mut PgConnection) -> QueryResult<Self> {
        diesel::sql_query(
            "SELECT system_identifier AS system, current_database()::text AS database,
                    pg_current_wal_flush_lsn()::text AS position FROM pg_control_system()",
        )
        .get_result(conn)
    }

    fn standing(&self, conn: &mut PgConnection) -> QueryResult<Standing> {
        diesel::sql_query(
            "SELECT system_identifier = $1 AND current_database() = $2 AND pg_is_in_recovery() AS follows,
                    coalesce(pg_last_wal_replay_lsn() >= $3::pg_lsn, false) AS arrived FROM pg_control_system()",
        )
        .bind::<BigInt, _>(self.system)
        .bind::<Text, _>(&self.database)
        .bind::<Text, _>(&self.position)
        .get_result(conn)
    }
}

impl Replica {
    async fn read<T, F>(&self, mark: Mark, work: F) -> Result<T, Unfit>
    where
        T: Send + 'static,
        F: Fn(&mut PgConnection) -> QueryResult<T> + Send + Clone + 'static,
    {
        let answer = self.database.read(move |conn| {
            let started = Instant::now();
            loop {
                let standing = mark.standing(conn)?;
                if !standing.follows {
                    return Ok(Answer::Foreign);
                }
                if standing.arrived {
                    return work(conn).map(Answer::Read);
                }
                if started.elapsed() > CATCHING_UP {
                    return Ok(Answer::Behind);
                }
                std::thread::sleep(STEP);
            }
        });
        match answer.await? {
            Answer::Read(list) => Ok(list),
            Answer::Foreign => Err(Unfit::Foreign),
            Answer::Behind => Err(Unfit::Behind),
        }
    }

    fn is_left_alone(&self) -> bool {
        let until = self.left_alone_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn leave_alone(&self, reason: &Unfit) {
        let mut until = self.left_alone_until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.replace(Instant::now() + PAUSE).is_none() {
            log::warn!("lists come from the primary meanwhile: {reason}");
        }
    }

    fn take_back(&self) {
        if self.left_alone_until.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            log::info!("lists come from the replica again");
        }
    }
}
