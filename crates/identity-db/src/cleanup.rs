//! The clean-up at the end of the move: what its checklist is measured by, and the one transaction that applies it.

mod measure;

use constants::AuditAction;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use serde::Serialize;
use serde_json::Value;

use crate::audit::{self, Entry};
use crate::database::in_transaction;
use crate::migration::{self, MigrationError};
use crate::schema::cleanup;
use crate::time::clock_timestamp;

pub use measure::{Backup, Known, Measured, QUIET_DAYS, Standing, measure, note_points};

/// How often the tables' locks are tried for. While they are waited for, look-ups wait behind.
const TRIES: u32 = 100;

/// How long one try waits, and how long the next one comes after it.
const LOCK_TIMEOUT: Duration = Duration::from_millis(100);

/// What is said when a try gave up.
const LOCKED_OUT: &str = "somebody keeps the tables of people and sessions locked";

/// The record of a clean-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable)]
pub struct Applied {
    /// When.
    pub applied_at: DateTime<Utc>,
    /// As which role of the database.
    pub applied_by: String,
}

/// The clean-up, once it was applied.
///
/// # Errors
/// When Postgres gives no answer.
pub fn applied(conn: &mut PgConnection) -> QueryResult<Option<Applied>> {
    cleanup::table.select((cleanup::applied_at, cleanup::applied_by)).first(conn).optional()
}

/// Applies the clean-up, unless it was: `false` then. Only the owner may.
///
/// It is one transaction, under the lock of the migrations. The row in `cleanup` is the switch: every statement that
/// honours the older software asks for it. The lock on `sessions` lets those that are under way end first and makes
/// those that come later see the row, so that from the commit on nothing is adopted, in whichever process.
///
/// # Errors
/// When Postgres gives no answer, or somebody keeps the tables locked; nothing has changed then.
pub fn apply(conn: &mut PgConnection, checklist: &Value) -> Result<(Applied, bool), MigrationError> {
    migration::locked(conn, |conn| {
        for _ in 1..TRIES {
            match in_transaction(conn, |conn| write(conn, checklist)) {
                Err(error) if is_locked_out(&error) => std::thread::sleep(LOCK_TIMEOUT),
                outcome => return Ok(outcome?),
            }
        }
        Ok(in_transaction(conn, |conn| write(conn, checklist))?)
    })
}

fn write(conn: &mut PgConnection, checklist: &Value) -> QueryResult<(Applied, bool)> {
    if let Some(before) = applied(conn)? {
        return Ok((before, false));
    }
    conn.batch_execute(&format!("SET LOCAL lock_timeout = {}", LOCK_TIMEOUT.as_millis()))?;
    // Postgres' own words for a lock that was not to be had are in the server's language.
    conn.batch_execute(&format!(
        "DO $$ BEGIN
             LOCK TABLE sessions, users IN ACCESS EXCLUSIVE MODE;
             TRUNCATE adoption.original_value;
             ALTER TABLE sessions ALTER COLUMN application_context DROP DEFAULT;
             PERFORM adoption.forget_originals();
         EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
             RAISE EXCEPTION '{LOCKED_OUT}';
         END $$"
    ))?;
    diesel::insert_into(cleanup::table)
        .values((cleanup::checklist.eq(checklist), cleanup::applied_at.eq(clock_timestamp())))
        .execute(conn)?;
    audit::append(conn, &Entry::of(AuditAction::CleanupApplied))?;
    let applied = applied(conn)?.ok_or(QueryError::NotFound)?;
    Ok((applied, true))
}

fn is_locked_out(error: &QueryError) -> bool {
    matches!(error, QueryError::DatabaseError(_, info) if info.message() == LOCKED_OUT)
}
