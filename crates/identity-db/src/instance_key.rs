//! The installation's root keys, from which `session-management` derives what it signs with.

use diesel::prelude::*;

use crate::RootKey;
use crate::schema::instance_keys;

/// How many keys, counted from the newest, still verify what they signed.
pub const VERIFYING: i64 = 2;

/// The keys that verify, the newest, which signs, first. Empty before the first `migrate run`.
///
/// # Errors
/// When Postgres gives no answer.
pub fn current(conn: &mut PgConnection) -> QueryResult<Vec<RootKey>> {
    let rows: Vec<Vec<u8>> = instance_keys::table
        .select(instance_keys::key)
        .order(instance_keys::id.desc())
        .limit(VERIFYING)
        .load(conn)?;
    Ok(rows.into_iter().map(RootKey::new).collect())
}

/// Makes the first key where there is none yet. Only the owner may.
///
/// # Errors
/// When Postgres gives no answer.
pub fn create_first(conn: &mut PgConnection) -> QueryResult<bool> {
    if instance_keys::table.count().get_result::<i64>(conn)? > 0 {
        return Ok(false);
    }
    let mut bytes = vec![0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| diesel::result::Error::QueryBuilderError(Box::new(error)))?;
    let key = RootKey::new(bytes);
    diesel::insert_into(instance_keys::table).values(instance_keys::key.eq(key.expose())).execute(conn)?;
    Ok(true)
}
