//! What a backup needs of Postgres beside `pg_dump`: the snapshot that it is taken of, a database to restore it into,
//! the number of rows in each table, and the record.

use constants::AuditAction;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use diesel::sql_types::{BigInt, Bool, Integer, Text, Timestamptz};
use serde::Serialize;

use crate::audit::{self, Entry};
use crate::database::{in_transaction, with_connect_timeout};
use crate::migration::MigrationError;
use crate::schema::backups;

/// Any number, as long as nobody else takes this lock; these bytes spell `backup`.
const LOCK: i64 = i64::from_be_bytes(*b"\0\0backup");

/// Rows in each table.
pub type Counts = BTreeMap<String, i64>;

/// What is backed up.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Origin {
    /// The name of the database.
    #[diesel(sql_type = Text)]
    pub database: String,
    /// The version of the server, such as `15.4`.
    #[diesel(sql_type = Text)]
    pub version: String,
    /// Its major version.
    #[diesel(sql_type = Integer)]
    pub major: i32,
    /// The database that the backup is restored into: its name, of its own for each database.
    #[diesel(sql_type = Text)]
    pub scratch: String,
}

/// One moment of the database, which stays as it was for as long as this lives.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its name, for `pg_dump --snapshot`.
    pub name: String,
    /// When.
    pub taken_at: DateTime<Utc>,
    /// How many rows there were.
    pub counts: Counts,
}

/// A backup that was restored once.
#[derive(Debug, Clone, Serialize)]
pub struct Taken {
    /// What was committed later is not in it.
    pub taken_at: DateTime<Utc>,
    /// The name of the file.
    pub file_name: String,
    /// Its size.
    pub bytes: i64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// How many tables.
    pub table_count: i64,
    /// How many rows in all of them.
    pub row_count: i64,
    /// The version of the server.
    pub server_version: String,
}

/// Opens a connection on which statements take as long as they take, and which may wait for `pg_dump` within a
/// transaction, whatever the server's settings say.
///
/// # Errors
/// When there is none to be had.
pub fn connect(url: &str) -> Result<PgConnection, MigrationError> {
    let mut conn = PgConnection::establish(&with_connect_timeout(url))?;
    conn.batch_execute(
        "SET timezone = 'UTC'; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0",
    )?;
    Ok(conn)
}

/// Tells what is to be backed up, and takes the lock that keeps a second backup of this database away: `None` when
/// there is one.
///
/// # Errors
/// When Postgres gives no answer.
pub fn begin(conn: &mut PgConnection) -> QueryResult<Option<Origin>> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = Bool)]
        locked: bool,
    }
    let lock = diesel::sql_query("SELECT pg_try_advisory_lock($1) AS locked").bind::<BigInt, _>(LOCK);
    if !lock.get_result::<Locked>(conn)?.locked {
        return Ok(None);
    }
    let origin = diesel::sql_query(
        "SELECT datname::text AS database, current_setting('server_version') AS version,
                current_setting('server_version_num')::integer / 10000 AS major, 'backup_check_' || oid AS scratch
         FROM pg_database WHERE datname = current_database()",
    );
    origin.get_result(conn).map(Some)
}

/// Runs `work` while a snapshot stands.
///
/// # Errors
/// When Postgres gives no answer, or `work` fails.
pub fn in_snapshot<T, E: From<QueryError>>(
    conn: &mut PgConnection,
    work: impl FnOnce(&Snapshot) -> Result<T, E>,
) -> Result<T, E> {
    #[derive(QueryableByName)]
    struct Exported {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Timestamptz)]
        taken_at: DateTime<Utc>,
    }
    let mut outcome = None;
    in_transaction(conn, |conn| {
        conn.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let export = "SELECT pg_export_snapshot() AS name, transaction_timestamp() AS taken_at";
        let Exported { name, taken_at } = diesel::sql_query(export).get_result(conn)?;
        outcome = Some(work(&Snapshot { name, taken_at, counts: counts(conn)? }));
        Ok(())
    })?;
    outcome.unwrap_or_else(|| Err(QueryError::NotFound.into()))
}

/// How many rows there are in each table of ours, in every schema; what belongs to an extension is none.
///
/// # Errors
/// When Postgres gives no answer.
pub fn counts(conn: &mut PgConnection) -> QueryResult<Counts> {
    #[derive(QueryableByName)]
    struct Table {
        #[diesel(sql_type = Text)]
        name: String,
    }
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let tables: Vec<Table> = diesel::sql_query(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
           AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
         ORDER BY 1",
    )
    .load(conn)?;
    let count = |Table { name }: Table| {
        let count = diesel::sql_query(format!("SELECT count(*) AS rows FROM {name}"));
        count.get_result::<Count>(conn).map(|Count { rows }| (name, rows))
    };
    tables.into_iter().map(count).collect()
}

/// Makes the empty database to restore into, instead of one that a killed backup left.
///
/// # Errors
/// When Postgres gives no answer, or the role may not.
pub fn create_scratch(conn: &mut PgConnection, origin: &Origin) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Statement {
        #[diesel(sql_type = Text)]
        create: String,
    }
    drop_scratch(conn, origin)?;
    let Statement { create } = diesel::sql_query(
        "SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L', $1,
                       pg_encoding_to_char(encoding), datcollate, datctype) AS create
         FROM pg_database WHERE datname = current_database()",
    )
    .bind::<Text, _>(&origin.scratch)
    .get_result(conn)?;
    conn.batch_execute(&create)
}

/// Drops it again.
///
/// # Errors
/// When Postgres gives no answer.
pub fn drop_scratch(conn: &mut PgConnection, origin: &Origin) -> QueryResult<()> {
    // The name is made of letters and a number.
    conn.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", origin.scratch))
}

/// Writes the record of a backup.
///
/// # Errors
/// When Postgres gives no answer.
pub fn record(conn: &mut PgConnection, taken: &Taken) -> QueryResult<()> {
    in_transaction(conn, |conn| {
        diesel::insert_into(backups::table)
            .values((
                backups::taken_at.eq(taken.taken_at),
                backups::file_name.eq(&taken.file_name),
                backups::bytes.eq(taken.bytes),
                backups::sha256.eq(&taken.sha256),
                backups::table_count.eq(taken.table_count),
                backups::row_count.eq(taken.row_count),
                backups::server_version.eq(&taken.server_version),
            ))
            .execute(conn)?;
        let detail = Some(serde_json::json!({ "file": taken.file_name, "sha256": taken.sha256 }));
        audit::append(conn, &Entry { detail, ..Entry::of(AuditAction::BackupTaken) })
    })
}
