//! How a pool opens its connections, and how it learns that one is dead.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};

use constants::PoolMode;
use diesel::connection::{CacheSize, SimpleConnection};
use diesel::result::{DatabaseErrorKind, Error as QueryError, QueryResult};
use diesel::sql_types::BigInt;
use diesel::{Connection, ConnectionResult, PgConnection, QueryableByName, RunQueryDsl};
use serde::{Deserialize, Serialize};

/// Which server a connection was opened to, and since which failover or restore: what was read from one
/// incarnation says nothing once another has taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Incarnation {
    /// The cluster's own number.
    pub system: i64,
    /// The timeline of its write-ahead log.
    pub timeline: i64,
}

/// Reads the incarnation; fails on a standby, whose answers may be old.
pub(crate) const INCARNATION: &str = "SELECT system_identifier, \
    ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint AS timeline FROM pg_control_system()";

impl Incarnation {
    pub(crate) fn of(connection: &mut PgConnection) -> QueryResult<Self> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            system_identifier: i64,
            #[diesel(sql_type = BigInt)]
            timeline: i64,
        }
        let row: Row = diesel::sql_query(INCARNATION).get_result(connection)?;
        Ok(Self { system: row.system_identifier, timeline: row.timeline })
    }
}

/// One connection with what the pool must know of it.
pub(crate) struct Pooled {
    pub(crate) connection: PgConnection,
    /// The generation of the pool in which it was opened.
    pub(crate) generation: u64,
    /// The server that it was opened to.
    pub(crate) incarnation: Incarnation,
    /// Set when a statement failed in a way that a live connection does not.
    pub(crate) broken: bool,
}

/// Opens connections for the pool.
///
/// Nothing is asked of a connection when it is checked out, since that would be a round trip per request.
/// Instead the first statement that meets a dead connection ends the *generation*: all connections that are
/// as old are dropped unused, so that one restart of Postgres costs one failed statement and not one per
/// pooled connection.
pub(crate) struct Connector {
    pub(crate) url: String,
    /// Run once on each new connection.
    pub(crate) on_open: String,
    /// What a pooler in between keeps together.
    pub(crate) pool_mode: PoolMode,
    pub(crate) generation: Arc<AtomicU64>,
    /// Whether a server will do that only follows another.
    pub(crate) standby: bool,
}

/// Opens a connection. Where one statement may go by another connection of a pooler's than the last, none is prepared:
/// each goes with its text in one message.
pub(crate) fn establish(url: &str, pool_mode: PoolMode) -> ConnectionResult<PgConnection> {
    let mut connection = PgConnection::establish(url)?;
    if pool_mode == PoolMode::Transaction {
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    }
    Ok(connection)
}

/// Says what is set wrongly when a prepared statement is not where it was left.
pub(crate) fn note_pooler(error: &QueryError) {
    static SAID: Once = Once::new();
    let QueryError::DatabaseError(_, what) = error else { return };
    if what.message().starts_with("prepared statement \"__diesel") {
        SAID.call_once(|| {
            log::error!(
                "a pooler in transaction mode stands in DATABASE_URL: set DATABASE_POOL_MODE=transaction"
            );
        });
    }
}

impl r2d2::ManageConnection for Connector {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let generation = self.generation.load(Ordering::Acquire);
        let mut connection =
            establish(&self.url, self.pool_mode).map_err(diesel::r2d2::Error::ConnectionError)?;
        connection.batch_execute(&self.on_open).map_err(diesel::r2d2::Error::QueryError)?;
        let incarnation = if self.standby {
            // Nothing that is read there is remembered.
            Incarnation { system: 0, timeline: 0 }
        } else {
            Incarnation::of(&mut connection).map_err(diesel::r2d2::Error::QueryError)?
        };
        Ok(Pooled { connection, generation, incarnation, broken: false })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        pooled.connection.batch_execute("SELECT 1").map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        std::thread::panicking()
            || pooled.broken
            || pooled.generation < self.generation.load(Ordering::Acquire)
    }
}

/// Whether an error may mean that the connection itself is gone. Constraint violations and the like are
/// answers of a live server; an unknown kind is not trusted.
pub(crate) fn is_suspect(error: &QueryError) -> bool {
    match error {
        QueryError::DatabaseError(kind, _) => matches!(
            kind,
            DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::Unknown
        ),
        QueryError::BrokenTransactionManager | QueryError::RollbackErrorOnCommit { .. } => true,
        error => is_type_unknown(error),
    }
}

/// Whether Diesel got no number of an enum's type, for which it asks Postgres ahead of the first statement of a
/// connection that names the type. A connection that broke just then looks like a statement that cannot be written;
/// Diesel's error for it has no public name.
pub(crate) fn is_type_unknown(error: &QueryError) -> bool {
    matches!(error, QueryError::SerializationError(why) if why.to_string().starts_with("Failed to find a type oid"))
}

/// Keeps r2d2 from writing a line for each failed attempt: an outage is reported where it is felt.
#[derive(Debug)]
pub(crate) struct QuietErrors;

impl<E: std::error::Error> r2d2::HandleError<E> for QuietErrors {
    fn handle_error(&self, error: E) {
        log::debug!("opening a connection to Postgres failed: {error}");
    }
}
