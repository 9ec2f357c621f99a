//! The migrations, embedded, and the four things that the program `migrate` does with them.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::instance_key;

/// The set of the identity database.
const IDENTITY: EmbeddedMigrations = embed_migrations!("../../migrations/identity");

/// The set of the web database.
const WEB: EmbeddedMigrations = embed_migrations!("../../migrations/web");

/// Any number, as long as nobody else takes this lock; these bytes spell `migrate`.
const LOCK: i64 = i64::from_be_bytes(*b"\0migrate");

const IDENTITY_PRIVILEGES: &str = include_str!("privileges.sql");

const WEB_PRIVILEGES: &str = include_str!("privileges_web.sql");

/// What a database holds. Both sets may share one; they also share its table of migrations then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// People, sessions, rights, the audit log.
    Identity,
    /// What the web application keeps beside them.
    Web,
    /// Both.
    Both,
}

impl Contents {
    const fn has_identity(self) -> bool {
        matches!(self, Self::Identity | Self::Both)
    }

    const fn has_web(self) -> bool {
        matches!(self, Self::Web | Self::Both)
    }
}

impl MigrationSource<Pg> for Contents {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Pg>>>> {
        let mut all = Vec::new();
        if self.has_identity() {
            all.append(&mut IDENTITY.migrations()?);
        }
        if self.has_web() {
            all.append(&mut WEB.migrations()?);
        }
        Ok(all)
    }
}

/// Why migrating failed.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// No connection.
    #[error("cannot connect: {}", one_line(.0))]
    Connect(#[from] diesel::ConnectionError),
    /// A statement failed.
    #[error("{0}")]
    Query(#[from] diesel::result::Error),
    /// A migration failed; it has left nothing behind.
    #[error("{0}")]
    Migration(Box<dyn std::error::Error + Send + Sync>),
    /// The role that is to be given its rights does not exist.
    #[error(
        "the role {0} of DATABASE_URL does not exist; create it with LOGIN and a password, then run again"
    )]
    NoSuchRole(String),
}

/// Postgres explains itself over several lines; a log has one for it.
fn one_line(error: &diesel::ConnectionError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One migration and whether it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `<time>_<verb>_<noun>`.
    pub name: String,
    /// Whether this database has it.
    pub applied: bool,
}

/// Opens the owner's connection.
///
/// # Errors
/// When there is none to be had.
pub fn connect(url: &str) -> Result<PgConnection, MigrationError> {
    Ok(PgConnection::establish(url)?)
}

/// Applies what is pending, makes the first root key, and gives `app_role`, if it is another than the
/// owner, its rights. Returns the names of what was applied.
///
/// What is pending is one transaction: a database of the older software that cannot be taken over stays as it was.
///
/// # Errors
/// When Postgres gives no answer, or a migration fails.
pub fn run(conn: &mut PgConnection, app_role: Option<&str>) -> Result<Vec<String>, MigrationError> {
    run_in(conn, Contents::Both, app_role)
}

/// As [`run`], where a database holds one of the two.
///
/// # Errors
/// As [`run`].
pub fn run_in(
    conn: &mut PgConnection,
    contents: Contents,
    app_role: Option<&str>,
) -> Result<Vec<String>, MigrationError> {
    locked(conn, |conn| {
        let names = names(contents)?;
        let work = |conn: &mut PgConnection| {
            let applied = conn.run_pending_migrations(contents).map_err(MigrationError::Migration)?;
            Ok::<_, MigrationError>(applied.iter().map(named(&names)).collect())
        };
        #[expect(clippy::disallowed_methods, reason = "a migration takes as long as it takes")]
        let applied = conn.transaction(work)?;
        if contents.has_identity() {
            instance_key::create_first(conn)?;
        }
        if let Some(role) = app_role {
            grant(conn, contents, role)?;
        }
        Ok(applied)
    })
}

/// Undoes the newest migration and returns its name; `None` when there is none to undo.
///
/// # Errors
/// When Postgres gives no answer, or the migration fails.
pub fn revert(conn: &mut PgConnection) -> Result<Option<String>, MigrationError> {
    revert_in(conn, Contents::Both)
}

/// As [`revert`], where a database holds one of the two.
///
/// # Errors
/// As [`revert`].
pub fn revert_in(conn: &mut PgConnection, contents: Contents) -> Result<Option<String>, MigrationError> {
    locked(conn, |conn| {
        if conn.applied_migrations().map_err(MigrationError::Migration)?.is_empty() {
            return Ok(None);
        }
        let version = conn.revert_last_migration(contents).map_err(MigrationError::Migration)?;
        Ok(Some(named(&names(contents)?)(&version)))
    })
}

/// Every migration of its sets, in order. Changes nothing.
///
/// # Errors
/// When Postgres gives no answer.
pub fn status(conn: &mut PgConnection, contents: Contents) -> Result<Vec<Step>, MigrationError> {
    let applied = applied_versions(conn)?;
    Ok(names(contents)?
        .into_iter()
        .map(|(version, name)| Step { applied: applied.contains(&version), name })
        .collect())
}

/// The newest thing that was noted of an adoption; remember it to ask [`notes`] for what came later.
///
/// # Errors
/// When Postgres gives no answer.
pub fn last_note(conn: &mut PgConnection) -> QueryResult<i64> {
    Ok(notes(conn, 0)?.last().map_or(0, |(id, _)| *id))
}

/// What was noted of an adoption after `last`: what was left out, emptied or could not be given back.
///
/// # Errors
/// When Postgres gives no answer.
pub fn notes(conn: &mut PgConnection, last: i64) -> QueryResult<Vec<(i64, String)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(sql_type = Text)]
        message: String,
    }
    let exists = "SELECT to_regclass('adoption.note') IS NOT NULL AS exists";
    if !diesel::sql_query(exists).get_result::<Exists>(conn)?.exists {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = diesel::sql_query("SELECT id, message FROM adoption.note WHERE id > $1 ORDER BY id")
        .bind::<BigInt, _>(last)
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.id, row.message)).collect())
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

/// How many migrations of the identity database are pending. Needs no more rights than the applications have.
///
/// # Errors
/// When Postgres gives no answer.
pub fn pending(conn: &mut PgConnection) -> QueryResult<usize> {
    pending_in(conn, Contents::Identity)
}

/// As [`pending`], of these sets.
///
/// # Errors
/// As [`pending`].
pub fn pending_in(conn: &mut PgConnection, contents: Contents) -> QueryResult<usize> {
    let applied = applied_versions(conn)?;
    let known = names(contents).map_err(|error| diesel::result::Error::QueryBuilderError(error.into()))?;
    Ok(known.iter().filter(|(version, _)| !applied.contains(version)).count())
}

/// The versions in the table of migrations; none where it does not exist yet. Diesel's own look-up would
/// create the table, which the applications' role may not.
fn applied_versions(conn: &mut PgConnection) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let table: Exists =
        diesel::sql_query("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS exists")
            .get_result(conn)?;
    if !table.exists {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> =
        diesel::sql_query("SELECT version::text AS version FROM __diesel_schema_migrations").load(conn)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

fn names(contents: Contents) -> Result<Vec<(String, String)>, MigrationError> {
    let mut all: Vec<(String, String)> = contents
        .migrations()
        .map_err(MigrationError::Migration)?
        .iter()
        .map(|migration| (migration.name().version().to_string(), migration.name().to_string()))
        .collect();
    all.sort();
    Ok(all)
}

fn named<'a>(names: &'a [(String, String)]) -> impl Fn(&MigrationVersion<'_>) -> String + 'a {
    |version| {
        let version = version.to_string();
        names.iter().find(|(known, _)| *known == version).map_or(version, |(_, name)| name.clone())
    }
}

/// Runs `work` while no other process migrates this database; a second one waits its turn.
pub(crate) fn locked<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, MigrationError>,
) -> Result<T, MigrationError> {
    // A big table takes as long as it takes.
    conn.batch_execute("SET statement_timeout = 0")?;
    diesel::sql_query("SELECT pg_advisory_lock($1)").bind::<BigInt, _>(LOCK).execute(conn)?;
    let result = work(conn);
    // Given back in any case when the connection ends.
    let _ = diesel::sql_query("SELECT pg_advisory_unlock($1)").bind::<BigInt, _>(LOCK).execute(conn);
    result
}

fn grant(conn: &mut PgConnection, contents: Contents, role: &str) -> Result<(), MigrationError> {
    #[derive(QueryableByName)]
    struct Role {
        #[diesel(sql_type = Bool)]
        exists: bool,
        #[diesel(sql_type = Bool)]
        owner: bool,
        #[diesel(sql_type = Text)]
        quoted: String,
        #[diesel(sql_type = Text)]
        literal: String,
    }
    let found: Role = diesel::sql_query(
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS exists, current_user = $1 AS owner, \
         quote_ident($1) AS quoted, quote_literal(quote_ident($1)) AS literal",
    )
    .bind::<Text, _>(role)
    .get_result(conn)?;
    if found.owner {
        return Ok(());
    }
    if !found.exists {
        return Err(MigrationError::NoSuchRole(role.to_owned()));
    }
    for (wanted, privileges) in
        [(contents.has_identity(), IDENTITY_PRIVILEGES), (contents.has_web(), WEB_PRIVILEGES)]
    {
        if wanted {
            conn.batch_execute(&privileges.replace(":'app'", &found.literal).replace(":app", &found.quoted))?;
        }
    }
    Ok(())
}
