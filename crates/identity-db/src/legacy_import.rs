//! What an import of the older software's file reads and writes here, always for a whole batch at once.

mod people;
mod status;
mod tokens;

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel::sql_types::{BigInt, Bool};

use crate::database::{DatabaseError, in_transaction, with_connect_timeout};
use crate::time::clock_timestamp;

pub use people::{
    ChangedPerson, Here, Memory, NewMemory, NewPerson, Taken, change, create, find, remember, remembered,
    taken,
};
pub use status::{Column, Source, Status, Uses, status};
pub use tokens::{NewSession, TokenOwners, add_sessions, token_owners};

/// Any number, as long as nobody else takes this lock; these bytes spell `import`.
const LOCK: i64 = i64::from_be_bytes(*b"\0\0import");

/// How often the lock is tried for, and how long after one another: five seconds in all.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// How often a batch is tried that meets somebody who takes an address at the same moment.
const TRIES: u32 = 10;

/// The one import that works on a database: a connection of its own, which holds the lock until it is dropped.
pub struct Import {
    conn: PgConnection,
}

impl Import {
    /// Takes the lock; `None` when another import keeps it for five seconds, which is longer than a killed one does.
    ///
    /// # Errors
    /// When Postgres gives no answer.
    pub fn begin(url: &str) -> Result<Option<Self>, DatabaseError> {
        let unavailable = |error: diesel::ConnectionError| {
            let words: Vec<String> = error.to_string().split_whitespace().map(str::to_owned).collect();
            DatabaseError::Unavailable(words.join(" "))
        };
        let mut conn = PgConnection::establish(&with_connect_timeout(url)).map_err(unavailable)?;
        conn.batch_execute(
            "SET timezone = 'UTC'; SET statement_timeout = '2min'; SET plan_cache_mode = force_custom_plan",
        )?;
        for _ in 1..LOCK_TRIES {
            if try_lock(&mut conn)? {
                return Ok(Some(Self { conn }));
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        Ok(try_lock(&mut conn)?.then_some(Self { conn }))
    }

    /// Postgres' clock.
    ///
    /// # Errors
    /// When Postgres gives no answer.
    pub fn now(&mut self) -> Result<DateTime<Utc>, DatabaseError> {
        Ok(diesel::select(clock_timestamp()).get_result(&mut self.conn)?)
    }

    /// Runs `work` in one transaction. When somebody outside takes an address or a session's id that it
    /// had found free, it runs again and finds them taken.
    ///
    /// # Errors
    /// When Postgres gives no answer.
    pub fn write<T>(
        &mut self,
        mut work: impl FnMut(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, DatabaseError> {
        for _ in 1..TRIES {
            match in_transaction(&mut self.conn, &mut work) {
                Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {}
                answer => return Ok(answer?),
            }
        }
        Ok(in_transaction(&mut self.conn, work)?)
    }

    /// Runs `work` in one transaction in which Postgres refuses every write.
    ///
    /// # Errors
    /// When Postgres gives no answer.
    pub fn read<T>(
        &mut self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, DatabaseError> {
        Ok(in_transaction(&mut self.conn, |conn| {
            conn.batch_execute("SET TRANSACTION READ ONLY")?;
            work(conn)
        })?)
    }
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Import")
    }
}

fn try_lock(conn: &mut PgConnection) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = Bool)]
        locked: bool,
    }
    let lock = diesel::sql_query("SELECT pg_try_advisory_lock($1) AS locked").bind::<BigInt, _>(LOCK);
    lock.get_result(conn).map(|Locked { locked }| locked)
}
