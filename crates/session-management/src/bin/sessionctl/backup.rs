//! A backup that is known to restore: `pg_dump` of one moment, restored into a database of its own and compared.

mod programs;

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use identity_db::backup::{self, Counts, Origin, Snapshot, Taken};
use identity_db::{PgConnection, migration};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};

use super::Failure;
use super::connection::Connection;
use super::output::Output;
use programs::{Programs, Target};

/// Takes a backup with pg_dump, restores it into a database of its own on the same server, compares the number of rows in
/// each table and notes it. Every password hash and key of the installation is in the file.
#[derive(Args)]
pub(crate) struct Backup {
    /// The file to write, or the folder; default: the current one.
    #[arg(long, default_value = ".")]
    to: PathBuf,
    /// The folder of pg_dump and pg_restore; default: where the shell finds them.
    #[arg(long)]
    programs: Option<PathBuf>,
}

/// Dump, restore, comparison, digest.
const STEPS: i64 = 4;

pub(crate) async fn execute(given: Backup, connection: &Connection, output: &Output) -> Result<(), Failure> {
    let url = connection.config()?.url;
    let progress = output.progress(STEPS);
    let work = tokio::task::spawn_blocking(move || run(&given, &url, &progress));
    let taken = work.await.map_err(|error| Failure::Refused(error.to_string()))??;
    output.print(&taken, |taken| {
        format!(
            "{}: {} bytes, sha256 {}, {} tables with {} rows, restored and compared",
            taken.file_name, taken.bytes, taken.sha256, taken.table_count, taken.row_count
        )
    });
    Ok(())
}

fn run(given: &Backup, url: &str, progress: &ProgressBar) -> Result<Taken, Failure> {
    let programs = Programs::find(given.programs.as_deref())?;
    let mut conn = backup::connect(url)?;
    if migration::pending(&mut conn)? > 0 {
        return Err(Failure::Refused("migrations are pending on this database; run migrate first".into()));
    }
    let origin = backup::begin(&mut conn)?
        .ok_or_else(|| Failure::Refused("another backup of this database is running".into()))?;
    programs.check(&origin)?;
    let target = Target::of(url)?;
    let mut begun = None;
    let (file, snapshot) = backup::in_snapshot(&mut conn, |snapshot| {
        let file = begun.insert(file_of(&given.to, &origin, snapshot)?);
        programs.dump(&target, snapshot, &partial(file))?;
        Ok::<_, Failure>((file.clone(), snapshot.clone()))
    })
    .inspect_err(|_| begun.iter().for_each(|file| discard(file)))?;
    progress.inc(1);
    let outcome = verify(&mut conn, &programs, &target, &origin, &file, &snapshot, progress);
    // A database that is left over is dropped by the next backup.
    let dropped = backup::drop_scratch(&mut conn, &origin);
    outcome.inspect_err(|_| discard(&file))?;
    dropped?;
    let taken = keep(&file, &origin, &snapshot).inspect_err(|_| discard(&file))?;
    progress.finish_and_clear();
    backup::record(&mut conn, &taken)?;
    Ok(taken)
}

/// Under its own name there is a file only when it is known to restore.
fn partial(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn discard(file: &Path) {
    let _ = fs::remove_file(partial(file));
}

/// Makes the file, which nobody else may read.
fn file_of(to: &Path, origin: &Origin, snapshot: &Snapshot) -> Result<PathBuf, Failure> {
    let name = format!("{}-{}.dump", origin.database, snapshot.taken_at.format("%Y%m%dT%H%M%SZ"));
    let file = if to.is_dir() { to.join(name) } else { to.to_owned() };
    let refuse = |error: &dyn std::fmt::Display| Failure::Refused(format!("{}: {error}", file.display()));
    if file.exists() {
        return Err(refuse(&"this file exists; a backup overwrites none"));
    }
    let file = std::path::absolute(&file).map_err(|error| refuse(&error))?;
    let part = partial(&file);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
    made.map_err(|error| Failure::Refused(format!("{}: {error}", part.display())))?;
    Ok(file)
}

fn verify(
    conn: &mut PgConnection,
    programs: &Programs,
    target: &Target,
    origin: &Origin,
    file: &Path,
    snapshot: &Snapshot,
    progress: &ProgressBar,
) -> Result<(), Failure> {
    let cannot = |error| {
        Failure::Refused(format!(
            "no database to restore into ({error}); the owner's role needs the right CREATEDB"
        ))
    };
    backup::create_scratch(conn, origin).map_err(cannot)?;
    programs.restore(target, &origin.scratch, &partial(file))?;
    progress.inc(1);
    let restored = backup::counts(&mut backup::connect(&target.full_url(&origin.scratch))?)?;
    progress.inc(1);
    match difference(&snapshot.counts, &restored) {
        None => Ok(()),
        Some(what) => Err(Failure::Refused(format!("the backup does not restore what there was: {what}"))),
    }
}

fn difference(there: &Counts, restored: &Counts) -> Option<String> {
    let tables = there.keys().chain(restored.keys());
    tables.into_iter().find(|table| there.get(*table) != restored.get(*table)).map(|table| {
        let count = |counts: &Counts| {
            counts.get(table).map_or_else(|| "no table".to_owned(), |rows| format!("{rows} rows"))
        };
        format!("{table} has {}, and {} after it was restored", count(there), count(restored))
    })
}

/// Gives the file its name once what it holds is on the disk.
fn keep(file: &Path, origin: &Origin, snapshot: &Snapshot) -> Result<Taken, Failure> {
    let refuse = |error: std::io::Error| Failure::Refused(format!("{}: {error}", file.display()));
    let (sha256, bytes) = digest(&partial(file)).map_err(refuse)?;
    fs::rename(partial(file), file).map_err(refuse)?;
    Ok(Taken {
        taken_at: snapshot.taken_at,
        file_name: file.to_string_lossy().into_owned(),
        bytes,
        sha256,
        table_count: i64::try_from(snapshot.counts.len()).unwrap_or(i64::MAX),
        row_count: snapshot.counts.values().sum(),
        server_version: origin.version.clone(),
    })
}

fn digest(file: &Path) -> std::io::Result<(String, i64)> {
    let mut file = File::open(file)?;
    file.sync_all()?;
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0_i64, vec![0_u8; 1 << 16]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += i64::try_from(read).unwrap_or_default();
    }
    Ok((hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_differs_is_named_a13() {
        let counts =
            |rows: &[(&str, i64)]| rows.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
        let there: Counts = counts(&[("a", 1), ("b", 2)]);
        assert_eq!(difference(&there, &there), None);
        let told = difference(&there, &counts(&[("a", 1), ("b", 3)])).unwrap();
        assert_eq!(told, "b has 2 rows, and 3 rows after it was restored");
        let told = difference(&there, &counts(&[("a", 1)])).unwrap();
        assert_eq!(told, "b has 2 rows, and no table after it was restored");
    }
}
