//! The older software's SQLite file, opened so that neither it nor anything beside it is ever written.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use url::Url;

use crate::Failure;

/// How long somebody who writes to the file is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open file.
pub(super) struct Source {
    pub(super) conn: Connection,
    pub(super) path: PathBuf,
    /// What the file was when it was opened, where nobody else may have it open while it is read.
    alone: Option<Standing>,
    /// SQLite's count of changes by others, when it was opened.
    version: i64,
}

/// What must stay as it is while a file is read without SQLite's locks.
#[derive(PartialEq)]
struct Standing {
    file: Option<(u64, std::time::SystemTime)>,
    log: Option<(u64, std::time::SystemTime)>,
    shared_memory: bool,
}

impl Source {
    /// Opens a file.
    ///
    /// A database in WAL mode is more than one file, and SQLite makes those that are missing, also for a reader.
    /// So it is opened in the ordinary way only where somebody else has them open already.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let refused = |why: &str| Failure::Refused(format!("{}: {why}", path.display()));
        let path = fs::canonicalize(path).map_err(|error| refused(&error.to_string()))?;
        if !path.is_file() {
            return Err(refused("is no file"));
        }
        let standing = Standing::of(&path);
        let wal = is_in_wal_mode(&path).map_err(|why| refused(&why))?;
        let (conn, alone) = match (wal, standing.shared_memory, &standing.log) {
            (false, ..) | (true, true, _) => (open_shared(&path)?, None),
            (true, false, None | Some((0, _))) => (open_immutable(&path)?, Some(standing)),
            (true, false, Some(_)) => (open_with_log(&path)?, Some(standing)),
        };
        conn.busy_timeout(PATIENCE)?;
        // The file may have been made to harm its reader.
        conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")?;
        let version = data_version(&conn).map_err(|error| refused(&unreadable(&path, &error)))?;
        Ok(Self { conn, path, alone, version })
    }

    /// Fails when somebody has changed a file that was read without locks: what was read of it may be torn.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match &self.alone {
            Some(before) if Standing::of(&self.path) != *before => Err(Failure::Refused(format!(
                "{}: another program has opened it meanwhile; run the import again",
                self.path.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Whether somebody has changed the file since it was opened. What was read is whole, and may miss what is new.
    pub(super) fn has_changed(&self) -> Result<bool, Failure> {
        Ok(data_version(&self.conn)? != self.version)
    }
}

impl Standing {
    fn of(path: &Path) -> Self {
        let seen = |metadata: Metadata| Some((metadata.len(), metadata.modified().ok()?));
        let stat = |path: &Path| fs::metadata(path).ok().and_then(seen);
        Self {
            file: stat(path),
            log: stat(&beside(path, "-wal")),
            shared_memory: beside(path, "-shm").exists(),
        }
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.into();
    name.push(suffix);
    name.into()
}

/// Reads the header of the file; that of an empty or encrypted one, or of anything else, is no such header.
fn is_in_wal_mode(path: &Path) -> Result<bool, String> {
    let mut header = [0_u8; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error.to_string()),
        Ok(()) if header.starts_with(b"SQLite format 3\0") => Ok(header[18] == 2 || header[19] == 2),
        _ => Err("is no SQLite database".into()),
    }
}

const READ: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// With SQLite's own locks: beside a program that writes.
fn open_shared(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, READ)
}

/// WAL mode, closed cleanly: all is in the one file, and nobody has it open.
fn open_immutable(path: &Path) -> Result<Connection, Failure> {
    let mut url = Url::from_file_path(path)
        .map_err(|()| Failure::Refused(format!("{}: has no absolute path", path.display())))?;
    url.set_query(Some("immutable=1"));
    Ok(Connection::open_with_flags(url.as_str(), READ | OpenFlags::SQLITE_OPEN_URI)?)
}

/// WAL mode with a log that was not brought in, such as a copy of the two files. Nobody has them open, so the index
/// of the log can be in this process' memory instead of in a file beside them.
fn open_with_log(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags_and_vfs(path, READ, "unix-none")?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    Ok(conn)
}

fn data_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    conn.query_row("PRAGMA data_version", [], |row| row.get(0))
}

fn unreadable(path: &Path, error: &rusqlite::Error) -> String {
    let journal = fs::metadata(beside(path, "-journal")).is_ok_and(|metadata| metadata.len() > 0);
    if journal {
        return format!(
            "{error}; its -journal shows that a write was cut off: let the older software, or sqlite3, open it once"
        );
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and contents of everything in a folder.
    fn everything(folder: &Path) -> Vec<(OsString, Vec<u8>)> {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let mut all: Vec<_> = entries.map(|e| (e.file_name(), fs::read(e.path()).unwrap())).collect();
        all.sort();
        all
    }

    fn numbers(source: &Source) -> Vec<i64> {
        let mut statement = source.conn.prepare("SELECT n FROM t ORDER BY n").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// A database with two rows, in this journal mode, of which the second is only in the log.
    fn database(path: &Path, mode: &str) -> Connection {
        let conn = Connection::open(path).unwrap();
        conn.pragma_update(None, "journal_mode", mode).unwrap();
        conn.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)").unwrap();
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (2)").unwrap();
        conn
    }

    #[test]
    fn a_closed_file_is_read_and_nothing_beside_it_appears_b10() {
        for mode in ["DELETE", "WAL"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("old 100% #1?.db");
            database(&path, mode).close().unwrap();
            let before = everything(folder.path());
            let source = Source::open(&path).unwrap();
            assert_eq!(numbers(&source), [1, 2], "{mode}");
            source.conn.execute_batch("CREATE TEMP TABLE x (n); INSERT INTO x VALUES (1)").unwrap();
            source.conn.execute_batch("DELETE FROM main.t").expect_err("a write must be refused");
            source.check().unwrap();
            drop(source);
            assert_eq!(everything(folder.path()), before, "{mode}");
        }
    }

    #[test]
    fn a_copy_with_its_log_is_read_with_what_is_in_the_log_and_stays_as_it_is_b10() {
        let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().join("old.db");
        let writer = database(&path, "WAL");
        for name in ["old.db", "old.db-wal"] {
            fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        drop(writer);
        let before = everything(copy.path());
        assert_eq!(before.len(), 2);
        assert!(!before[1].1.is_empty(), "the second row is in the log");
        let source = Source::open(&copy.path().join("old.db")).unwrap();
        assert_eq!(numbers(&source), [1, 2]);
        source.conn.execute_batch("CREATE TEMP TABLE x (n); INSERT INTO x VALUES (1)").unwrap();
        source.conn.execute_batch("DELETE FROM main.t").expect_err("a write must be refused");
        drop(source);
        assert_eq!(everything(copy.path()), before);
    }

    #[test]
    fn a_file_that_is_being_written_is_read_whole_and_the_change_is_told_b10() {
        for mode in ["DELETE", "WAL"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("old.db");
            let writer = database(&path, mode);
            let source = Source::open(&path).unwrap();
            assert_eq!(numbers(&source), [1, 2], "{mode}");
            assert!(!source.has_changed().unwrap(), "{mode}");
            writer.execute_batch("INSERT INTO t VALUES (3)").unwrap();
            assert_eq!(numbers(&source), [1, 2, 3], "{mode}");
            assert!(source.has_changed().unwrap(), "{mode}");
            source.check().unwrap();
        }
    }

    #[test]
    fn a_file_that_is_opened_by_another_program_while_it_is_read_without_locks_is_given_up_b10() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        database(&path, "WAL").close().unwrap();
        let source = Source::open(&path).unwrap();
        source.check().unwrap();
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("INSERT INTO t VALUES (3)").unwrap();
        assert!(source.check().is_err());
        drop(writer);
        assert!(source.check().is_err(), "also when that program has gone again");
    }

    #[test]
    fn what_is_no_sqlite_database_is_refused_in_one_line_b10() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let long = "no database ".repeat(100);
        let paths = [
            write("empty", b""),
            write("short", b"SQLite format 3\0"),
            write("text", long.as_bytes()),
            write("torn", &[b"SQLite format 3\0".as_slice(), &[7; 4000]].concat()),
            folder.path().join("absent"),
            folder.path().to_path_buf(),
        ];
        for path in paths {
            let Err(failure) = Source::open(&path) else { panic!("{} was opened", path.display()) };
            let line = failure.to_string();
            assert!(!line.contains('\n') && line.contains(path.to_str().unwrap()), "{line}");
        }
    }
}
