//! Which processes are running, and what they take the older software's tokens for: each holds a shared advisory lock
//! on the connection on which it hears of denials, so that its mark ends with it.

use constants::{ApplicationContext, LegacyTokens};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};

/// The first key of the locks, as long as nobody else takes it; these bytes spell `apps`.
const CLASS: i32 = i32::from_be_bytes(*b"apps");

/// What a process says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Its application.
    pub context: ApplicationContext,
    /// Its `LEGACY_TOKENS`.
    pub legacy_tokens: LegacyTokens,
}

impl Presence {
    fn all() -> impl Iterator<Item = Self> {
        ApplicationContext::ALL.iter().flat_map(|context| {
            LegacyTokens::ALL.iter().map(|legacy| Self { context: *context, legacy_tokens: *legacy })
        })
    }

    /// The second key of its lock.
    fn key(self) -> i32 {
        Self::all().position(|other| other == self).and_then(|place| i32::try_from(place).ok()).unwrap_or(-1)
    }

    /// The statement that leaves the mark on a connection. It waits for nobody.
    pub(crate) fn mark(self) -> String {
        format!("SELECT pg_try_advisory_lock_shared({CLASS}, {})", self.key())
    }
}

/// The processes that are connected now, by what they are. Any role may ask.
///
/// # Errors
/// When Postgres gives no answer.
pub fn running(conn: &mut PgConnection) -> QueryResult<Vec<(Presence, i64)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        key: i32,
        #[diesel(sql_type = BigInt)]
        processes: i64,
    }
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT objid::bigint::integer AS key, count(*) AS processes FROM pg_locks
         WHERE locktype = 'advisory' AND classid = $1::bigint::oid AND objsubid = 2 AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         GROUP BY 1 ORDER BY 1",
    )
    .bind::<BigInt, _>(i64::from(CLASS))
    .load(conn)?;
    let found = |row: &Row| {
        let presence = Presence::all().find(|presence| presence.key() == row.key)?;
        Some((presence, row.processes))
    };
    Ok(rows.iter().filter_map(found).collect())
}
