//! Deleting rows of sessions that ended long ago.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};

use crate::schema::sessions;
use crate::statement::statement;

// OFFSET 0 keeps a look-up in the index for each row: joined, every digest of every user would be computed for each batch.
statement! {
    struct Purge<'a> {
        before: DateTime<Utc> => Timestamptz, "timestamptz";
        after: DateTime<Utc> => Timestamptz, "timestamptz";
        after_id: &'a str => Text, "varchar";
        most: i64 => BigInt, "bigint";
    }
    returns (Nullable<Timestamptz>, Nullable<Text>, BigInt, BigInt);
    "cleaned_up AS MATERIALIZED (SELECT EXISTS (SELECT FROM cleanup) AS done),
    batch AS (
        SELECT s.id, s.expires_at FROM sessions s, arg
        WHERE s.expires_at < arg.before AND (s.expires_at, s.id) > (arg.after, arg.after_id)
        ORDER BY s.expires_at, s.id
        LIMIT (SELECT most FROM arg)
    ), gone AS (
        DELETE FROM sessions USING batch
        WHERE sessions.id = batch.id AND sessions.expires_at = batch.expires_at
          AND (sessions.adopted_from IS DISTINCT FROM 'redis' OR (SELECT done FROM cleaned_up))
          AND NOT (sessions.adopted_from IS NOT NULL AND NOT (SELECT done FROM cleaned_up)
                   AND EXISTS (SELECT FROM users WHERE users.id = sessions.user_id AND users.legacy_id IS NOT NULL))
          AND NOT EXISTS (SELECT FROM users WHERE session_digest(users.auth_token) = batch.id
                          AND NOT (SELECT done FROM cleaned_up) OFFSET 0)
          AND NOT EXISTS (SELECT FROM users WHERE session_digest(users.session_id) = batch.id
                          AND NOT (SELECT done FROM cleaned_up) OFFSET 0)
        RETURNING 1
    ), last AS (
        SELECT id, expires_at FROM batch ORDER BY expires_at DESC, id DESC LIMIT 1
    )
    SELECT (SELECT expires_at FROM last), (SELECT id FROM last),
           (SELECT count(*) FROM batch), (SELECT count(*) FROM gone)"
}

/// How far a purge has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// End and id of the last row that was looked at.
    after: (DateTime<Utc>, String),
    /// Rows that were looked at.
    pub seen: i64,
    /// Rows that were deleted; the others are tombstones that what the older software left makes needed.
    pub deleted: i64,
    /// Whether there may be more.
    pub more: bool,
}

impl Default for Purged {
    fn default() -> Self {
        let after = (DateTime::<Utc>::UNIX_EPOCH, String::new());
        Self { after, seen: 0, deleted: 0, more: true }
    }
}

/// Deletes the next rows, `most` at most, whose end lies before `before`, oldest first, and adds to `so_far`. It is
/// one short statement, so that nobody waits for it; only the owner may.
///
/// # Errors
/// When Postgres gives no answer.
pub fn purge(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    most: i64,
    so_far: Purged,
) -> QueryResult<Purged> {
    let (after, after_id) = &so_far.after;
    let statement = Purge { before, after: *after, after_id, most };
    let (at, id, seen, deleted): (Option<DateTime<Utc>>, Option<String>, i64, i64) =
        statement.get_result(conn)?;
    Ok(Purged {
        after: at.zip(id).unwrap_or(so_far.after),
        seen: so_far.seen + seen,
        deleted: so_far.deleted + deleted,
        more: seen == most,
    })
}

/// How many rows have an end before `before`.
///
/// # Errors
/// When Postgres gives no answer.
pub fn count_ended(conn: &mut PgConnection, before: DateTime<Utc>) -> QueryResult<i64> {
    sessions::table.filter(sessions::expires_at.lt(before)).count().get_result(conn)
}
