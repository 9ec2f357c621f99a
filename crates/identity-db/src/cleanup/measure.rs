//! What can be measured in Postgres of the checklist.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Nullable, Text, Timestamptz};

use super::{Applied, applied};
use crate::migration;
use crate::presence::{self, Presence};
use crate::schema::{backups, cleanup_points};
use crate::statement::statement;

/// How many days nothing of the older software may have been used.
pub const QUIET_DAYS: i64 = 14;

/// What was found.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The name of the database.
    pub database: String,
    /// Postgres' clock.
    pub now: DateTime<Utc>,
    /// The clean-up, once it was applied.
    pub applied: Option<Applied>,
    /// The last day on which a token of the older software was used.
    pub last_use: Option<NaiveDate>,
    /// Uses in the last 14 days.
    pub uses: i64,
    /// Whether every row of `sessions` must name its application.
    pub context_required: bool,
    /// Whether one that names none gets one by default.
    pub context_default: bool,
    /// Migrations that are pending.
    pub pending: usize,
    /// When the last migration was applied.
    pub migrated_at: Option<DateTime<Utc>>,
    /// The newest backup.
    pub backup: Option<Backup>,
    /// The points as they were found last.
    pub known: BTreeMap<String, Known>,
    /// Processes that are connected, by what they are.
    pub processes: Vec<(Presence, i64)>,
}

/// A backup that was taken and restored once.
#[derive(Debug, Clone, Queryable)]
pub struct Backup {
    /// What was committed later is not in it.
    pub taken_at: DateTime<Utc>,
    /// The name of the file.
    pub file_name: String,
    /// Its size.
    pub bytes: i64,
}

#[derive(QueryableByName)]
struct Facts {
    #[diesel(sql_type = Text)]
    database: String,
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Date>)]
    last_use: Option<NaiveDate>,
    #[diesel(sql_type = BigInt)]
    uses: i64,
    #[diesel(sql_type = Bool)]
    context_required: bool,
    #[diesel(sql_type = Bool)]
    context_default: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    migrated_at: Option<DateTime<Utc>>,
}

/// That a column is NOT NULL is Postgres' word for every row of it, so that nothing here reads a big table.
const FACTS: &str = "SELECT current_database()::text AS database, clock_timestamp() AS now,
        (SELECT max(day) FROM legacy_uses) AS last_use,
        (SELECT coalesce(sum(uses), 0)::bigint FROM legacy_uses
         WHERE day >= (clock_timestamp() AT TIME ZONE 'UTC')::date - $1::integer) AS uses,
        a.attnotnull AS context_required, a.atthasdef AS context_default,
        (SELECT max(run_on) AT TIME ZONE 'UTC' FROM __diesel_schema_migrations) AS migrated_at
    FROM pg_attribute a WHERE a.attrelid = 'sessions'::regclass AND a.attname = 'application_context'";

/// Measures. Needs no more rights than the applications have.
///
/// # Errors
/// When Postgres gives no answer.
pub fn measure(conn: &mut PgConnection) -> QueryResult<Measured> {
    let facts: Facts = diesel::sql_query(FACTS).bind::<BigInt, _>(QUIET_DAYS).get_result(conn)?;
    Ok(Measured {
        database: facts.database,
        now: facts.now,
        applied: applied(conn)?,
        last_use: facts.last_use,
        uses: facts.uses,
        context_required: facts.context_required,
        context_default: facts.context_default,
        pending: migration::pending(conn)?,
        migrated_at: facts.migrated_at,
        backup: backups::table
            .order(backups::taken_at.desc())
            .select((backups::taken_at, backups::file_name, backups::bytes))
            .first(conn)
            .optional()?,
        known: known(conn)?,
        processes: presence::running(conn)?,
    })
}

/// A point as it was found last, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Whether it held.
    pub holds: bool,
    /// Since when it has been found so.
    pub since: DateTime<Utc>,
}

/// A point as it was found, completely.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Its name.
    pub id: &'static str,
    /// Whether it holds.
    pub holds: bool,
}

statement! {
    struct Note<'a> {
        at: DateTime<Utc> => Timestamptz, "timestamptz";
        ids: &'a [&'a str] => Array<Text>, "varchar[]";
        holds: &'a [bool] => Array<Bool>, "boolean[]";
    }
    returns (BigInt,);
    "noted AS (
        INSERT INTO cleanup_points AS known (id, holds, since, measured_at)
        SELECT new.id, new.holds, arg.at, arg.at
        FROM arg, unnest(arg.ids, arg.holds) AS new (id, holds) ORDER BY new.id
        ON CONFLICT (id) DO UPDATE SET holds = excluded.holds, measured_at = excluded.measured_at,
            since = CASE WHEN known.holds = excluded.holds THEN known.since ELSE excluded.since END
        RETURNING 1
    )
    SELECT count(*) FROM noted"
}

fn known(conn: &mut PgConnection) -> QueryResult<BTreeMap<String, Known>> {
    let rows: Vec<(String, bool, DateTime<Utc>)> = cleanup_points::table
        .select((cleanup_points::id, cleanup_points::holds, cleanup_points::since))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, holds, since)| (id, Known { holds, since })).collect())
}

/// Notes what was found at this moment; a point that is as it was keeps its beginning.
///
/// # Errors
/// When Postgres gives no answer.
pub fn note_points(conn: &mut PgConnection, at: DateTime<Utc>, found: &[Standing]) -> QueryResult<()> {
    let ids: Vec<&str> = found.iter().map(|point| point.id).collect();
    let holds: Vec<bool> = found.iter().map(|point| point.holds).collect();
    let _: (i64,) = Note { at, ids: &ids, holds: &holds }.get_result(conn)?;
    Ok(())
}
