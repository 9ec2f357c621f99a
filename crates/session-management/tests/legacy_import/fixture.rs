//! Files of the older software, the program on them, and what Postgres has afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use test_support::{Row, TestDatabase, bare_command};

/// A file of the older software, which still has it open.
pub(crate) struct OldFile {
    _folder: TempDir,
    path: PathBuf,
    pub(crate) conn: Connection,
}

const USERS: &str = "CREATE TABLE users (
    id INTEGER PRIMARY KEY, phone VARCHAR(32), telegram_id INTEGER, email VARCHAR(255), auth_token VARCHAR(128),
    created_at DATETIME, trial_expires_at DATETIME, paid_until DATETIME, plan VARCHAR(32))";

const USER_SESSIONS: &str = "CREATE TABLE user_sessions (
    id INTEGER PRIMARY KEY, user_id INTEGER, auth_token VARCHAR(128), created_at DATETIME, last_seen_at DATETIME)";

impl OldFile {
    /// Both tables, empty.
    pub(crate) fn new() -> Self {
        Self::with(&format!("{USERS}; {USER_SESSIONS}"))
    }

    /// What this SQL makes.
    pub(crate) fn with(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(sql).unwrap();
        Self { _folder: folder, path, conn }
    }

    pub(crate) fn run(&self, sql: &str) -> &Self {
        self.conn.execute_batch(sql).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A person with a token in `users.auth_token`; '' for none.
    pub(crate) fn user(&self, id: i64, token: &str) -> &Self {
        let token = Some(token).filter(|token| !token.is_empty());
        let sql =
            "INSERT INTO users (id, auth_token, created_at) VALUES (?1, ?2, '2025-03-04 05:06:07.080910')";
        self.conn.execute(sql, (id, token)).unwrap();
        self
    }

    /// A session that began at this time.
    pub(crate) fn session_at(&self, user_id: i64, token: &str, created_at: &str) -> &Self {
        let sql = "INSERT INTO user_sessions (user_id, auth_token, created_at, last_seen_at)
                   VALUES (?1, ?2, ?3, '2025-04-05 06:07:08')";
        self.conn.execute(sql, (user_id, token, created_at)).unwrap();
        self
    }

    pub(crate) fn session(&self, user_id: i64, token: &str) -> &Self {
        self.session_at(user_id, token, "2025-03-04 05:06:07")
    }

    /// Imports it as the owner, and returns the report.
    #[track_caller]
    pub(crate) fn import(&self, database: &TestDatabase) -> Value {
        self.import_with(database, &[])
    }

    #[track_caller]
    pub(crate) fn import_with(&self, database: &TestDatabase, arguments: &[&str]) -> Value {
        let from = format!("sqlite:{}", self.path.display());
        let arguments = [&["legacy", "import", "--json", "--from", &from], arguments].concat();
        let output = sessionctl(database, &arguments).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// The program, as the owner of this database.
pub(crate) fn sessionctl(database: &TestDatabase, arguments: &[&str]) -> Command {
    let mut command = bare_command(env!("CARGO_BIN_EXE_sessionctl"));
    command
        .args(arguments)
        .env("DATABASE_OWNER_URL", database.owner_url())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// How many rows of a table of the file had this fault, and the ids of the first.
pub(crate) fn finding(report: &Value, table: &str, reason: &str) -> (u64, Vec<i64>) {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["table"] == table && finding["reason"] == reason);
    let ids = |finding: &Value| {
        finding["first_ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
    };
    found.map_or((0, Vec::new()), |finding| (finding["count"].as_u64().unwrap(), ids(finding)))
}

/// Every row of every table, with the transaction that wrote it: a row that was written anew is another one.
pub(crate) fn everything(database: &TestDatabase) -> Vec<(String, Vec<Row>)> {
    let tables = database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
    let rows = |table: &Row| {
        let table = table[0].clone().unwrap();
        let rows = database.query(&format!("SELECT xmin, t.ctid, t::text FROM {table} t ORDER BY 3"));
        (table, rows)
    };
    tables.iter().map(rows).collect()
}

/// Whether the session of a token is there and counts.
pub(crate) fn is_live(database: &TestDatabase, token: &str) -> bool {
    database.number(&format!("SELECT count(*) FROM user_sessions WHERE id = session_digest('{token}')")) == 1
}

/// Whether there is a row for a token, in whatever state.
pub(crate) fn has_row(database: &TestDatabase, token: &str) -> bool {
    database.number(&format!("SELECT count(*) FROM sessions WHERE id = session_digest('{token}')")) == 1
}

/// A column of the person with this id in the file; NULL is empty.
#[track_caller]
pub(crate) fn of_user(database: &TestDatabase, legacy_id: i64, column: &str) -> String {
    database.value(&format!("SELECT {column} FROM users WHERE legacy_id = {legacy_id}"))
}
