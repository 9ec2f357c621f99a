//! A backup is one when it has been restored: what is written, what is noted, and what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use test_support::{Ended, TestDatabase, try_sessionctl};

fn back_up(database: &TestDatabase, to: &Path, more: &[&str]) -> Ended {
    let arguments = ["--json", "backup", "--to", to.to_str().unwrap()];
    try_sessionctl(database, &[&arguments, more].concat(), "")
}

/// A folder with programs of these scripts.
fn programs(scripts: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in scripts {
        let file = folder.path().join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// It did nothing, said why, and left neither a file nor a database nor a record.
#[track_caller]
fn assert_refused(database: &TestDatabase, ended: &Ended, folder: &Path, words: &str) {
    assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.errors.contains(words), "{ended:?}");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "a file was left");
    assert_eq!(database.number("SELECT count(*) FROM backups"), 0);
    assert_eq!(scratches(database), 0);
}

fn scratches(database: &TestDatabase) -> i64 {
    database.number(
        "SELECT count(*) FROM pg_database
         WHERE datname = 'backup_check_' || (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
}

#[test]
fn a_backup_is_restored_once_compared_and_noted_a13() {
    let database = TestDatabase::new();
    database.execute("INSERT INTO users (email, auth_token) SELECT n || '@example.com', 'token-' || n FROM generate_series(1, 100) n");
    database.execute(
        "CREATE SCHEMA shop; CREATE TABLE shop.\"Old orders\" AS SELECT n FROM generate_series(1, 42) n",
    );
    let folder = tempfile::tempdir().unwrap();
    let ended = back_up(&database, folder.path(), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let taken: Value = serde_json::from_str(&ended.output).unwrap();
    let file = Path::new(taken["file_name"].as_str().unwrap());
    let meta = fs::metadata(file).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o600, "it holds every hash and key");
    assert_eq!(Some(meta.len()), taken["bytes"].as_u64());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is there");
    assert!(fs::read(file).unwrap().starts_with(b"PGDMP"));
    let sum = std::process::Command::new("sha256sum").arg(file).output().unwrap();
    assert!(String::from_utf8_lossy(&sum.stdout).starts_with(taken["sha256"].as_str().unwrap()));
    assert!(taken["row_count"].as_i64().unwrap() >= 142, "{taken}");
    let noted = database
        .value("SELECT concat_ws(' ', file_name, bytes, sha256, row_count, table_count) FROM backups");
    for member in ["file_name", "sha256"] {
        assert!(noted.contains(taken[member].as_str().unwrap()), "{noted}");
    }
    assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'backup_taken'"), 1);
    assert_eq!(scratches(&database), 0);

    let again = try_sessionctl(&database, &["backup", "--to", file.to_str().unwrap()], "");
    assert_eq!(again.code, Some(1));
    assert!(again.errors.contains("this file exists"), "{again:?}");
    assert_eq!(Some(fs::metadata(file).unwrap().len()), taken["bytes"].as_u64());
}

#[test]
fn a_database_that_a_killed_backup_left_is_no_obstacle_a13() {
    let database = TestDatabase::new();
    let oid = database.value("SELECT oid FROM pg_database WHERE datname = current_database()");
    database.execute(&format!("CREATE DATABASE backup_check_{oid}"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(back_up(&database, folder.path(), &[]).code, Some(0));
    assert_eq!(scratches(&database), 0);
}

#[test]
fn what_would_be_no_backup_is_refused_and_leaves_nothing_a13() {
    let database = TestDatabase::new();
    let folder = tempfile::tempdir().unwrap();
    let with = |scripts: &[(&str, &str)]| {
        let programs = programs(scripts);
        back_up(&database, folder.path(), &["--programs", programs.path().to_str().unwrap()])
    };
    let refused = |ended: &Ended, words: &str| assert_refused(&database, ended, folder.path(), words);
    let version = "case $1 in --version) echo \"pg_dump (PostgreSQL) 99.1\"; exit;; esac";
    refused(&with(&[]), "pg_dump was not found; install PostgreSQL's client programs");
    refused(&with(&[("pg_dump", version)]), "pg_restore was not found");
    let old = "echo 'pg_dump (PostgreSQL) 9.6.24'";
    refused(&with(&[("pg_dump", old), ("pg_restore", old)]), "is older than the server");
    let failing = format!("{version}\necho 'pg_dump: error: disk on fire' >&2; exit 1");
    refused(&with(&[("pg_dump", &failing), ("pg_restore", version)]), "disk on fire");
    // One that dumps, and restores nothing.
    let lazy = format!("{version}\nexec pg_dump \"$@\"");
    refused(&with(&[("pg_dump", &lazy), ("pg_restore", version)]), "after it was restored");
    // One that writes half of it.
    let half = format!(
        "{version}\npg_dump \"$@\" || exit\nwhile [ $# -gt 1 ]; do [ \"$1\" != --file ] || file=$2; shift; done\n\
         truncate -s 20000 \"$file\""
    );
    refused(&with(&[("pg_dump", &half), ("pg_restore", "exec pg_restore \"$@\"")]), "pg_restore failed");
    let missing = folder.path().join("nowhere/file.dump");
    let ended = back_up(&database, &missing, &[]);
    refused(&ended, "No such file");
}

#[test]
fn no_program_is_told_the_password_where_others_can_read_it_a13() {
    let database = TestDatabase::new();
    let folder = tempfile::tempdir().unwrap();
    let told = tempfile::tempdir().unwrap();
    let log = told.path().join("arguments");
    let script = |name: &str| format!("echo \"$@\" >>{}\nexec {name} \"$@\"", log.display());
    let programs = programs(&[("pg_dump", &script("pg_dump")), ("pg_restore", &script("pg_restore"))]);
    let ended = back_up(&database, folder.path(), &["--programs", programs.path().to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let owner = database.owner_url();
    let password = owner.split(['@', ':']).nth(2).unwrap();
    assert!(password.len() > 8, "a password of the owner's");
    let arguments = fs::read_to_string(&log).unwrap();
    assert!(arguments.contains("--snapshot") && arguments.contains("backup_check_"), "{arguments}");
    assert!(!arguments.contains(password) && !ended.output.contains(password), "{arguments}");
}
