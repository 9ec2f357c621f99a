//! Rows of the file, read in batches, so that neither memory nor the file's locks are held for long.

use rusqlite::{OptionalExtension, Row, params};
use session_management::{SessionId, TokenRef};

use crate::Failure;

use super::source::Source;
use super::value::Value;

/// Bytes that are read of one cell at most.
const LONGEST_CELL: i64 = 16 << 20;

/// Bytes after which a batch is full, however few rows it has.
const FULL: i64 = 8 << 20;

/// Columns of `users` at most: SQLite gives 2,000 columns in an answer, and two are needed for each.
const MOST_COLUMNS: usize = 900;

/// The two tables of a file, with the names that their columns have there.
pub(super) struct Tables {
    users: Vec<String>,
    sessions: Option<SessionTable>,
    /// By what name a row of `users` is told from others, where its id does not tell.
    users_rowid: Option<&'static str>,
    token_column: Option<String>,
}

struct SessionTable {
    rowid: &'static str,
    created_at: Option<String>,
    last_seen_at: Option<String>,
}

/// A row of `users`.
pub(super) struct UserRow {
    pub(super) id: i64,
    /// Each column by its name, in the order of the file.
    pub(super) cells: Vec<(String, Value)>,
    /// Whether somebody else in the file has the same token.
    pub(super) shared_token: bool,
}

/// A row of `user_sessions`.
pub(super) struct SessionRow {
    pub(super) rowid: i64,
    /// The person, where the file has such a one.
    pub(super) user_id: Option<i64>,
    pub(super) token: Token,
    pub(super) created_at: Value,
    pub(super) last_seen_at: Value,
}

/// A token of the file. Its text goes no further than it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// The id of its session.
    Of(SessionId),
    Empty,
    Invalid,
    /// Somebody else in the file has it too.
    Shared,
}

/// Rows that cannot be told from others, by their place in the table where it has one.
#[derive(Default)]
pub(super) struct Broken {
    pub(super) count: u64,
    pub(super) first: Vec<i64>,
}

impl Tables {
    /// Finds the tables, and in them the tokens that more than one person has.
    pub(super) fn of(source: &Source) -> Result<Self, Failure> {
        let users = columns(source, "users")?
            .ok_or_else(|| Failure::Refused("the file has no table users".into()))?;
        if users.len() > MOST_COLUMNS {
            return Err(Failure::Refused(format!("the table users has more than {MOST_COLUMNS} columns")));
        }
        let named = |columns: &[String], name: &str| {
            columns.iter().find(|column| column.eq_ignore_ascii_case(name)).cloned()
        };
        if named(&users, "id").is_none() {
            return Err(Failure::Refused("the table users of the file has no column id".into()));
        }
        let sessions = match columns(source, "user_sessions")? {
            None => None,
            Some(columns) => {
                if let Some(missing) =
                    ["user_id", "auth_token"].iter().find(|name| named(&columns, name).is_none())
                {
                    return Err(Failure::Refused(format!(
                        "the table user_sessions of the file has no column {missing}"
                    )));
                }
                let rowid = rowid(source, "user_sessions", &columns).ok_or_else(|| {
                    Failure::Refused("user_sessions is a view, or a table WITHOUT ROWID".into())
                })?;
                let (created_at, last_seen_at) =
                    (named(&columns, "created_at"), named(&columns, "last_seen_at"));
                Some(SessionTable { rowid, created_at, last_seen_at })
            }
        };
        let users_rowid = rowid(source, "users", &users);
        let this = Self { token_column: named(&users, "auth_token"), users, sessions, users_rowid };
        this.find_shared_tokens(source)?;
        Ok(this)
    }

    /// How many rows there are, of `users` and of `user_sessions`.
    pub(super) fn count(&self, source: &Source) -> Result<(u64, u64), Failure> {
        let count = |table: &str| -> rusqlite::Result<u64> {
            let sql = format!("SELECT count(*) FROM main.{table}");
            source.conn.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
        };
        let sessions = self.sessions.as_ref().map(|_| count("user_sessions")).transpose()?;
        Ok((count("users")?, sessions.unwrap_or_default()))
    }

    /// Rows of `users` whose id is no whole number.
    pub(super) fn without_id(&self, source: &Source) -> Result<Broken, Failure> {
        let rowid = self.users_rowid.unwrap_or("NULL");
        let sql = format!(
            "SELECT count(*) OVER (), {rowid} FROM main.users WHERE typeof(id) <> 'integer' ORDER BY 2 LIMIT {}",
            super::report::SHOWN
        );
        broken(source, &sql)
    }

    /// Ids that more than one row of `users` has; the first row counts.
    pub(super) fn repeated_ids(&self, source: &Source) -> Result<Broken, Failure> {
        let sql = format!(
            "SELECT sum(rows - 1) OVER (), id FROM (
                 SELECT id, count(*) AS rows FROM main.users WHERE typeof(id) = 'integer' GROUP BY id HAVING rows > 1
             ) ORDER BY id LIMIT {}",
            super::report::SHOWN
        );
        broken(source, &sql)
    }

    /// The next people: those whose id is not below `from`, in the order of the ids.
    pub(super) fn users(&self, source: &Source, from: i64, most: u32) -> Result<Vec<UserRow>, Failure> {
        let cells: Vec<String> = self.users.iter().map(|name| cell(&quoted(name), LONGEST_CELL)).collect();
        let token = self.token_column.as_deref().map_or_else(|| "NULL".into(), quoted);
        let sql = format!(
            "SELECT id, {}, {} FROM main.users WHERE typeof(id) = 'integer' AND id >= ?1 ORDER BY id LIMIT ?2",
            is_shared(&token),
            cells.join(", "),
        );
        let mut statement = source.conn.prepare(&sql)?;
        let mut rows = statement.query(params![from, most])?;
        let mut batch: Vec<UserRow> = Vec::new();
        let mut bytes = 0;
        while bytes < FULL
            && let Some(row) = rows.next()?
        {
            let user = self.user(row, &mut bytes)?;
            if batch.last().is_none_or(|before| before.id != user.id) {
                batch.push(user);
            }
        }
        Ok(batch)
    }

    fn user(&self, row: &Row<'_>, bytes: &mut i64) -> rusqlite::Result<UserRow> {
        let mut cells = Vec::with_capacity(self.users.len());
        for (index, name) in self.users.iter().enumerate() {
            let (value, length) = read(row, 2 + 2 * index)?;
            *bytes += length;
            cells.push((name.clone(), value));
        }
        Ok(UserRow { id: row.get(0)?, shared_token: row.get(1)?, cells })
    }

    /// The next sessions: those whose place in the table is not below `from`.
    pub(super) fn sessions(&self, source: &Source, from: i64, most: u32) -> Result<Vec<SessionRow>, Failure> {
        let Some(SessionTable { rowid, created_at, last_seen_at }) = &self.sessions else {
            return Ok(Vec::new());
        };
        /// Longer than any token and any time; what is longer than that is neither.
        const LONG_ENOUGH: i64 = 1024;
        let time =
            |name: &Option<String>| cell(&name.as_deref().map_or_else(|| "NULL".into(), quoted), LONG_ENOUGH);
        let sql = format!(
            "SELECT {rowid}, {}, user_id IN (SELECT id FROM main.users WHERE typeof(id) = 'integer'), user_id,
                    {}, {}, {}
             FROM main.user_sessions WHERE {rowid} >= ?1 ORDER BY {rowid} LIMIT ?2",
            is_shared("auth_token"),
            cell("auth_token", LONG_ENOUGH),
            time(created_at),
            time(last_seen_at),
        );
        let mut statement = source.conn.prepare(&sql)?;
        let rows = statement.query_map(params![from, most], |row| {
            let user_id = Value::new(row.get_ref(3)?, 0);
            let known: Option<bool> = row.get(2)?;
            let token = Token::of(&read(row, 4)?.0, row.get(1)?);
            Ok(SessionRow {
                rowid: row.get(0)?,
                user_id: match user_id {
                    Value::Integer(id) if known == Some(true) => Some(id),
                    _ => None,
                },
                token,
                created_at: read(row, 6)?.0,
                last_seen_at: read(row, 8)?.0,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Lists the tokens of more than one person in a temporary table: SQLite sorts on disk what does not fit its cache,
    /// and deletes the file as soon as it is open.
    fn find_shared_tokens(&self, source: &Source) -> Result<(), Failure> {
        let plausible = "typeof(token) = 'text' AND octet_length(token) BETWEEN 6 AND 1020";
        let mut tokens = Vec::new();
        if let Some(column) = self.token_column.as_deref().map(quoted) {
            tokens.push(format!(
                "SELECT id AS person, {column} AS token FROM main.users WHERE typeof(id) = 'integer'"
            ));
        }
        if self.sessions.is_some() {
            tokens.push(
                "SELECT user_id AS person, auth_token AS token FROM main.user_sessions
                 WHERE user_id IN (SELECT id FROM main.users WHERE typeof(id) = 'integer')"
                    .into(),
            );
        }
        source
            .conn
            .execute_batch("CREATE TEMP TABLE shared_tokens (token BLOB PRIMARY KEY) WITHOUT ROWID")?;
        if !tokens.is_empty() {
            // As blobs, so that no collation of a column makes two tokens one.
            source.conn.execute_batch(&format!(
                "INSERT INTO temp.shared_tokens
                 SELECT CAST(token AS BLOB) AS bytes FROM ({}) WHERE {plausible}
                 GROUP BY bytes HAVING min(person) <> max(person)",
                tokens.join(" UNION ALL ")
            ))?;
        }
        Ok(())
    }
}

impl Token {
    /// What a cell is as a token. Only texts ever were one: a program that asks for a text finds no blob.
    pub(super) fn of(cell: &Value, shared: bool) -> Self {
        match cell {
            Value::Null => Self::Empty,
            Value::Text(text) if text.is_empty() => Self::Empty,
            Value::Text(text) => match TokenRef::parse(text) {
                Some(_) if shared => Self::Shared,
                Some(token) => Self::Of(*token.id()),
                None => Self::Invalid,
            },
            _ => Self::Invalid,
        }
    }
}

/// The columns of a table, in its order; `None` when there is no such table.
fn columns(source: &Source, table: &str) -> Result<Option<Vec<String>>, Failure> {
    let exists = source.conn.query_row(
        "SELECT 1 FROM main.sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
        [table],
        |_| Ok(()),
    );
    if exists.optional()?.is_none() {
        return Ok(None);
    }
    let statement = source.conn.prepare(&format!("SELECT * FROM main.{table} LIMIT 0"))?;
    Ok(Some(statement.column_names().map(str::to_owned).collect()))
}

/// The name under which SQLite gives the place of a row, which a column of that name would hide.
fn rowid(source: &Source, table: &str, columns: &[String]) -> Option<&'static str> {
    let free = |name: &&str| !columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    let name = ["rowid", "_rowid_", "oid"].into_iter().find(free)?;
    let is_table = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    source.conn.query_row(is_table, [table], |_| Ok(())).ok()?;
    source.conn.prepare(&format!("SELECT {name} FROM main.{table}")).ok().map(|_| name)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A cell and its length; NULL in place of one that is too long.
fn cell(column: &str, longest: i64) -> String {
    format!("CASE WHEN octet_length({column}) <= {longest} THEN {column} END, octet_length({column})")
}

/// Reads the two columns of [`cell`].
fn read(row: &Row<'_>, index: usize) -> rusqlite::Result<(Value, i64)> {
    let length = row.get::<_, Option<i64>>(index + 1)?.unwrap_or_default();
    let value = Value::new(row.get_ref(index)?, length);
    Ok(if matches!(value, Value::Omitted { .. }) { (value, 0) } else { (value, length) })
}

fn is_shared(column: &str) -> String {
    format!("typeof({column}) = 'text' AND CAST({column} AS BLOB) IN (SELECT token FROM temp.shared_tokens)")
}

/// Runs a query for how many rows there are in all and which are the first.
fn broken(source: &Source, sql: &str) -> Result<Broken, Failure> {
    let mut statement = source.conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut broken = Broken::default();
    while let Some(row) = rows.next()? {
        broken.count = row.get::<_, i64>(0)?.unsigned_abs();
        broken.first.extend(row.get::<_, Option<i64>>(1)?);
    }
    Ok(broken)
}
