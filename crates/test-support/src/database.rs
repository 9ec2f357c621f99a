//! A database of a test's own, and raw SQL on it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use postgres::{Client, NoTls, SimpleQueryMessage};
use url::Url;

use crate::cluster::TestPostgres;
use crate::denials::Denials;
use crate::scripts;
use crate::template::{self, APP_PASSWORD, APP_ROLE, with_database};

/// How long a kept connection may take to say that it is one.
const PATIENCE: Duration = Duration::from_secs(20);

/// A row as text; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// What Postgres said no to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE, such as `42501` for a missing right.
    pub code: String,
    /// Its words.
    pub message: String,
}

/// A statement that the applications' role sent, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its text, with the constants taken out.
    pub text: String,
    /// How often it ran.
    pub calls: u64,
}

/// A database that one test alone uses. It is dropped with this value.
pub struct TestDatabase {
    admin: Url,
    owner: Url,
    name: String,
    /// The owner's connection, kept; another one after the server was away.
    connection: Mutex<Option<Client>>,
}

impl TestDatabase {
    /// A migrated database in the Postgres of `scripts/test`.
    #[must_use]
    pub fn new() -> Self {
        Self::migrated_in(&admin_url())
    }

    /// A database in which no migration was run.
    #[must_use]
    pub fn empty() -> Self {
        let admin = admin_url();
        template::ensure(&admin); // for the sake of the applications' role
        Self::copied_from(&admin, "template0")
    }

    pub(crate) fn migrated_in(admin: &Url) -> Self {
        let template = template::ensure(admin);
        Self::copied_from(admin, &template)
    }

    fn copied_from(admin: &Url, template: &str) -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let mut client = template::connect(admin);
        let run = |client: &mut Client, sql: String| {
            client.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        };
        // Left by a killed test that had the same number.
        run(&mut client, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        run(&mut client, format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { owner: with_database(admin, &name), admin: admin.clone(), name, connection: Mutex::new(None) }
    }

    /// The address that applications get: a role without more rights than they need.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = self.owner.clone();
        url.set_username(APP_ROLE).expect("a URL with a host");
        url.set_password(Some(APP_PASSWORD)).expect("a URL with a host");
        url.into()
    }

    /// The address of the owner, who may do everything.
    #[must_use]
    pub fn owner_url(&self) -> &str {
        self.owner.as_str()
    }

    /// A further connection of the owner's.
    #[must_use]
    pub fn connect(&self) -> Client {
        template::connect(&self.owner)
    }

    /// A further connection of the applications' role.
    #[must_use]
    pub fn connect_as_app(&self) -> Client {
        Client::connect(&self.url(), NoTls).expect("a connection of the applications' role")
    }

    /// Every row of a query, as the owner.
    #[must_use]
    pub fn query(&self, sql: &str) -> Vec<Row> {
        self.with_connection(|client| rows(client, sql))
            .unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"))
    }

    /// The one value of a query that gives one row of one column; NULL is empty.
    #[must_use]
    pub fn value(&self, sql: &str) -> String {
        let rows = self.query(sql);
        assert!(rows.len() == 1 && rows[0].len() == 1, "{sql}: not one value but {rows:?}");
        rows[0][0].clone().unwrap_or_default()
    }

    /// The one number of a query.
    #[must_use]
    pub fn number(&self, sql: &str) -> i64 {
        let value = self.value(sql);
        value.parse().unwrap_or_else(|_| panic!("{sql}: {value:?} is no number"))
    }

    /// Runs statements, as the owner; returns how many rows the last one touched.
    pub fn execute(&self, sql: &str) -> u64 {
        self.try_execute(sql).unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"))
    }

    /// Like [`TestDatabase::execute`], for what may be refused.
    ///
    /// # Errors
    /// What Postgres said no to.
    pub fn try_execute(&self, sql: &str) -> Result<u64, Refusal> {
        self.with_connection(|client| execute(client, sql))
    }

    /// Like [`TestDatabase::try_execute`], as the applications' role.
    ///
    /// # Errors
    /// What Postgres said no to.
    pub fn try_execute_as_app(&self, sql: &str) -> Result<u64, Refusal> {
        execute(&mut self.connect_as_app(), sql)
    }

    /// What `pg_dump` writes, with the rows of each table sorted and without the record of what migrations did.
    #[must_use]
    pub fn dump(&self) -> String {
        let printed = scripts::server(&[
            "pg_dump",
            self.owner_url(),
            "--exclude-table=__diesel_schema_migrations",
            "--exclude-table-data=adoption.change*",
            "--exclude-table-data=adoption.note*",
        ]);
        // Two lines carry a key of this one dump.
        let key = |line: &&str| line.starts_with("\\restrict") || line.starts_with("\\unrestrict");
        let mut lines: Vec<&str> = printed.lines().filter(|line| !key(line)).collect();
        let mut rest = lines.as_mut_slice();
        while let Some(copy) = rest.iter().position(|line| line.starts_with("COPY ")) {
            let end =
                rest[copy..].iter().position(|line| *line == "\\.").map_or(rest.len(), |end| copy + end);
            rest[copy + 1..end].sort_unstable();
            rest = &mut rest[end..];
        }
        lines.join("\n")
    }

    /// Another database, restored from a dump of this one.
    #[must_use]
    pub fn restored(&self) -> Self {
        let copy = Self::empty();
        let file = tempfile::NamedTempFile::new().expect("a file for a dump");
        let path = file.path().to_str().expect("a path in UTF-8");
        scripts::server(&["pg_dump", self.owner_url(), "--file", path]);
        scripts::server(&["psql", copy.owner_url(), "-q", "-v", "ON_ERROR_STOP=1", "-f", path]);
        copy
    }

    /// Listens to denials from now on.
    #[must_use]
    pub fn denials(&self) -> Denials {
        Denials::listen(self.connect(), self.connect())
    }

    /// Makes [`TestDatabase::statements`] begin at nothing.
    pub fn forget_statements(&self) {
        let sql = format!(
            "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = '{}'",
            self.name
        );
        template::connect(&self.admin).simple_query(&sql).expect("pg_stat_statements");
    }

    /// What the applications' role has sent to this database since [`TestDatabase::forget_statements`].
    #[must_use]
    pub fn statements(&self) -> Vec<Statement> {
        self.statements_in(&self.admin)
    }

    /// What the applications' role has sent to this database on a standby.
    #[must_use]
    pub fn statements_on(&self, standby: &TestPostgres) -> Vec<Statement> {
        self.statements_in(&standby.url())
    }

    fn statements_in(&self, server: &Url) -> Vec<Statement> {
        let sql = format!(
            "SELECT s.query, s.calls FROM pg_stat_statements s
             JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.userid
             WHERE d.datname = '{}' AND r.rolname = '{APP_ROLE}' ORDER BY s.query",
            self.name
        );
        let rows = rows(&mut template::connect(server), &sql).expect("pg_stat_statements");
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let statement =
            |row: &Row| Statement { text: text(&row[0]), calls: text(&row[1]).parse().unwrap_or(0) };
        rows.iter().map(statement).collect()
    }

    fn with_connection<T>(&self, work: impl FnOnce(&mut Client) -> T) -> T {
        let mut kept = self.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_gone = |client: &mut Client| client.is_closed() || client.is_valid(PATIENCE).is_err();
        if kept.as_mut().is_none_or(is_gone) {
            *kept = Some(self.connect());
        }
        work(kept.as_mut().expect("a connection, opened just now"))
    }
}

impl Default for TestDatabase {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A cluster that the test has stopped takes its databases along.
        let Ok(mut client) = Client::connect(self.admin.as_str(), NoTls) else { return };
        // Entries of dropped databases would push those of running tests out.
        let _ = client.simple_query(&format!(
            "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = '{}'",
            self.name
        ));
        let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn admin_url() -> Url {
    let url = scripts::variable("TEST_DATABASE_URL").expect(
        "TEST_DATABASE_URL is not set: run scripts/test, which starts a Postgres for the tests and sets it",
    );
    Url::parse(&url).expect("TEST_DATABASE_URL is no URL: run scripts/test, which sets it")
}

fn rows(client: &mut Client, sql: &str) -> Result<Vec<Row>, Refusal> {
    let messages = client.simple_query(sql).map_err(|error| refusal(&error))?;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
        }
        _ => None,
    };
    Ok(messages.into_iter().filter_map(row).collect())
}

fn execute(client: &mut Client, sql: &str) -> Result<u64, Refusal> {
    let messages = client.simple_query(sql).map_err(|error| {
        // A transaction that the statements began must not swallow those that come after.
        let _ = client.batch_execute("ROLLBACK");
        refusal(&error)
    })?;
    let count = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::CommandComplete(count) => Some(*count),
        _ => None,
    };
    Ok(messages.iter().rev().find_map(count).unwrap_or(0))
}

fn refusal(error: &postgres::Error) -> Refusal {
    match error.as_db_error() {
        Some(error) => Refusal { code: error.code().code().to_owned(), message: error.message().to_owned() },
        None => panic!("Postgres gave no answer: {error}"),
    }
}
