//! The installation's root keys, from which `session-management` derives what it signs with.

use chrono::{DateTime, Duration, Utc};
use constants::AuditAction;
use diesel::prelude::*;

use crate::RootKey;
use crate::audit::{self, Entry};
use crate::database::in_transaction;
use crate::schema::instance_keys;
use crate::time::clock_timestamp;

/// How many keys, counted from the newest, still verify what they signed.
pub const VERIFYING: i64 = 2;

/// How old a key is before it signs, if there is another. Processes read the keys once a minute: by then each of them
/// can verify what it signs.
const SETTLING: Duration = Duration::seconds(120);

/// The keys that verify, the one that signs first: the newest, once every process has it. Empty before the first
/// `migrate run`.
///
/// # Errors
/// When Postgres gives no answer.
pub fn current(conn: &mut PgConnection) -> QueryResult<Vec<RootKey>> {
    let mut rows: Vec<(Vec<u8>, DateTime<Utc>, DateTime<Utc>)> = instance_keys::table
        .select((instance_keys::key, instance_keys::created_at, clock_timestamp()))
        .order(instance_keys::id.desc())
        .limit(VERIFYING)
        .load(conn)?;
    if rows.first().is_some_and(|(_, created_at, now)| *now - *created_at < SETTLING) {
        rows.reverse();
    }
    Ok(rows.into_iter().map(|(key, ..)| RootKey::new(key)).collect())
}

/// Makes the first key where there is none yet. Only the owner may.
///
/// # Errors
/// When Postgres gives no answer.
pub fn create_first(conn: &mut PgConnection) -> QueryResult<bool> {
    if instance_keys::table.count().get_result::<i64>(conn)? > 0 {
        return Ok(false);
    }
    add(conn)?;
    Ok(true)
}

/// Adds a key and tells how many there are now. The one before it still verifies, those before that do no more. Only
/// the owner may.
///
/// # Errors
/// When Postgres gives no answer.
pub fn rotate(conn: &mut PgConnection) -> QueryResult<i64> {
    in_transaction(conn, |conn| {
        add(conn)?;
        audit::append(conn, &Entry::of(AuditAction::RootKeyAdded))?;
        instance_keys::table.count().get_result(conn)
    })
}

fn add(conn: &mut PgConnection) -> QueryResult<()> {
    let mut bytes = vec![0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| diesel::result::Error::QueryBuilderError(Box::new(error)))?;
    let key = RootKey::new(bytes);
    diesel::insert_into(instance_keys::table)
        .values((instance_keys::key.eq(key.expose()), instance_keys::created_at.eq(clock_timestamp())))
        .execute(conn)?;
    Ok(())
}
