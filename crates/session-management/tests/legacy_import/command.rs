//! The commands themselves: what they print, what they refuse, and that a dry run is one.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{TestDatabase, eventually};

use crate::fixture::{OldFile, everything, is_live, of_user, printed, sessionctl};

/// A file with everything in it that an import tells.
fn eventful() -> OldFile {
    let file = OldFile::new();
    for id in 1..=30 {
        file.user(id, &format!("column-of-{id}")).session(id, &format!("session-{id}"));
    }
    file.run(
        "UPDATE users SET email = (id / 2) || '@example.com', phone = '+7916123450' || (id % 7), telegram_id = id / 3;
         UPDATE users SET auth_token = 'shared-secret' WHERE id IN (3, 4);
         UPDATE users SET auth_token = 'not a secret token' WHERE id = 5;
         UPDATE users SET email = 'nothing' WHERE id > 25; UPDATE users SET created_at = NULL WHERE id = 9;
         INSERT INTO user_sessions (user_id, auth_token) VALUES (99, 'orphaned-secret'), (1, 'session-1'), (2, '')",
    );
    file
}

fn secrets(file: &OldFile) -> Vec<String> {
    let sql = "SELECT auth_token FROM users UNION SELECT auth_token FROM user_sessions";
    let mut statement = file.conn.prepare(sql).unwrap();
    let tokens = statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    tokens.filter(|token| !token.is_empty()).collect()
}

#[test]
fn a_dry_run_writes_nothing_and_reports_what_an_import_does_b10() {
    let (database, file) = (TestDatabase::new(), eventful());
    database.execute("INSERT INTO users (email) VALUES ('3@example.com')");
    for round in 0..2 {
        let before = everything(&database);
        let mut dry = file.import_with(&database, &["--dry-run", "--batch", "3"]);
        assert_eq!(everything(&database), before);
        assert_eq!(dry["dry_run"], true);
        dry["dry_run"] = json!(false);
        let real = file.import_with(&database, &["--batch", "4"]);
        assert_eq!(dry, real, "round {round}");
        assert!(round == 1 || real["findings"].as_array().unwrap().len() >= 9, "{real}");
        // A later copy for the second round.
        let id = 31 + round;
        file.user(id, &format!("column-of-{id}"))
            .session(id, &format!("session-{id}"))
            .session(1, "another-session");
        file.run("UPDATE users SET plan = 'new', auth_token = auth_token || '-new' WHERE id > 20");
    }
}

#[test]
fn after_the_clean_up_no_file_is_imported_a13() {
    let (database, file) = (TestDatabase::new(), eventful());
    database.execute("INSERT INTO cleanup (checklist) VALUES ('{}')");
    let from = format!("sqlite:{}", file.path().display());
    let ended = sessionctl(&database, &["legacy", "import", "--from", &from]).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("the clean-up was applied"), "{ended:?}");
    assert_eq!(database.number("SELECT count(*) FROM users"), 0);
}

#[test]
fn the_report_is_a_table_or_json_and_names_no_token_b10_b7() {
    let (database, file) = (TestDatabase::new(), eventful());
    let from = format!("sqlite:{}", file.path().display());
    let mut all = String::new();
    for arguments in [&["--dry-run"][..], &["--json"], &["--dry-run", "--json"], &[]] {
        let arguments = [&["legacy", "import", "--from", &from], arguments].concat();
        let output = sessionctl(&database, &arguments).env("RUST_LOG", "trace").output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", printed(&output));
        all += &printed(&output);
    }
    assert!(all.contains("users                 30 read, 30 created"), "{all}");
    assert!(all.contains("token_of_two_users") && all.contains("3, 4"), "{all}");
    let audit = database.query("SELECT action, detail::text FROM audit_log ORDER BY id");
    let actions: Vec<_> = audit.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(
        actions,
        ["legacy_import_started", "legacy_import_finished"],
        "of four runs one has changed something"
    );
    let detail: Value = serde_json::from_str(audit[1][1].as_deref().unwrap()).unwrap();
    assert_eq!((&detail["file"], &detail["users"]["created"]), (&json!("old.db"), &json!(30)));
    all += &format!("{audit:?}");
    for secret in secrets(&file) {
        assert!(!all.contains(&secret), "{secret}");
    }
}

#[test]
fn the_file_is_never_written_not_even_in_wal_mode_b10() {
    let (database, file) = (TestDatabase::new(), eventful());
    file.run("PRAGMA journal_mode = WAL; CREATE TABLE late (n); PRAGMA wal_checkpoint(TRUNCATE)");
    file.user(77, "in-the-log");
    let content =
        || ["", "-wal"].map(|suffix| fs::read(format!("{}{suffix}", file.path().display())).unwrap());
    let before = content();
    let report = file.import(&database);
    assert!(content() == before);
    assert_eq!(report["changed_while_read"], false);
    assert_eq!(of_user(&database, 77, "auth_token"), "in-the-log");
}

#[test]
fn the_applications_role_is_enough_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "column-one").session(1, "session-1");
    let from = format!("sqlite:{}", file.path().display());
    let mut command = sessionctl(&database, &["legacy", "import", "--from", &from]);
    let output =
        command.env_remove("DATABASE_OWNER_URL").env("DATABASE_URL", database.url()).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert!(is_live(&database, "session-1"));
}

#[test]
fn what_cannot_be_imported_is_refused_in_one_line_b10() {
    let database = TestDatabase::new();
    let good = OldFile::new();
    let good = format!("sqlite:{}", good.path().display());
    let other = OldFile::with("CREATE TABLE people (id)");
    let other = format!("sqlite:{}", other.path().display());
    let without_id = OldFile::with("CREATE TABLE users (name)");
    let without_id = format!("sqlite:{}", without_id.path().display());
    let view = OldFile::with(
        "CREATE TABLE users (id); CREATE VIEW user_sessions AS SELECT id AS user_id, id AS auth_token FROM users",
    );
    let view = format!("sqlite:{}", view.path().display());
    for (arguments, words) in [
        (vec!["--from", "postgres://x"], "sqlite:PATH"),
        (vec!["--from", "sqlite:"], "sqlite:PATH"),
        (vec!["--from", "sqlite:/nowhere/old.db"], "/nowhere/old.db"),
        (vec!["--from", "sqlite:/dev/null"], "/dev/null"),
        (vec!["--from", &other], "no table users"),
        (vec!["--from", &without_id], "no column id"),
        (vec!["--from", &view], "user_sessions"),
        (vec!["--from", &good, "--region", "Narnia"], "--region"),
        (vec!["--from", &good, "--session-idle-seconds", "0"], "SESSION_IDLE_SECONDS"),
    ] {
        let output =
            sessionctl(&database, &[&["legacy", "import"], &arguments[..]].concat()).output().unwrap();
        let line = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {}", printed(&output));
        assert!(line.contains(words) && line.trim_end().lines().count() == 1, "{arguments:?}: {line}");
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 0);
    let output = sessionctl(&TestDatabase::empty(), &["legacy", "import", "--from", &good]).output().unwrap();
    assert_eq!(printed(&output), "sessionctl: migrations are pending on this database; run migrate first\n");
}

#[test]
fn a_second_import_at_the_same_time_is_refused_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "column-one");
    let from = format!("sqlite:{}", file.path().display());
    let mut holder = database.connect();
    let lock = i64::from_be_bytes(*b"\0\0import");
    holder.execute("SELECT pg_advisory_lock($1)", &[&lock]).unwrap();
    let output = sessionctl(&database, &["legacy", "import", "--from", &from]).output().unwrap();
    assert_eq!(printed(&output), "sessionctl: another import is running on this database\n");
    assert!(!output.status.success());
    drop(holder);
    file.import(&database);
}

#[test]
fn an_address_that_somebody_takes_at_the_same_moment_is_taken_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "column-one").user(2, "column-two");
    file.run("UPDATE users SET email = id || '@example.com'");
    let mut registration = database.connect();
    let mut transaction = registration.transaction().unwrap();
    transaction.execute("INSERT INTO users (email) VALUES ('2@example.com')", &[]).unwrap();
    let from = format!("sqlite:{}", file.path().display());
    let import = sessionctl(&database, &["legacy", "import", "--json", "--from", &from]).spawn().unwrap();
    eventually("the import waits for the registration", Duration::from_secs(20), || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                       AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO users%'";
        (database.number(waiting) == 1).then_some(())
    });
    transaction.commit().unwrap();
    let output = import.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["users"]["created"], 2);
    assert_eq!(of_user(&database, 1, "email"), "1@example.com");
    assert_eq!(of_user(&database, 2, "concat(email, legacy_attributes ->> 'email')"), "2@example.com");
    assert_eq!(of_user(&database, 2, "email IS NULL"), "t");
}

#[test]
fn the_status_counts_what_is_still_standing_and_how_much_it_is_used_b10_a13() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "column-one").session(1, "column-one").session(1, "session-1").user(2, "column-two");
    file.import(&database);
    database.execute(
        "UPDATE sessions SET revoked = true WHERE id = session_digest('session-1');
         INSERT INTO users (session_id) VALUES ('an-id-of-the-older-software');
         INSERT INTO legacy_uses SELECT (now() AT TIME ZONE 'UTC')::date - n, 'auth_token', n + 1 FROM unnest(ARRAY[0, 13, 14]) n",
    );
    let output = sessionctl(&database, &["legacy", "status", "--json"]).output().unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["imported_users"], 2);
    assert_eq!(status["sessions"], json!([{"adopted_from": "import", "live": 1, "ended": 1}]));
    assert_eq!(
        status["columns"],
        json!([{"column": "auth_token", "standing": 2, "not_adopted": 1}, {"column": "session_id", "standing": 1, "not_adopted": 1}])
    );
    let day = database.value("SELECT (now() AT TIME ZONE 'UTC')::date");
    assert_eq!(status["uses"].as_array().unwrap().len(), 2, "14 days with today");
    assert_eq!(status["uses"][0], json!({"day": day, "source": "auth_token", "uses": 1}));
    let table = printed(&sessionctl(&database, &["legacy", "status"]).output().unwrap());
    assert!(table.contains("imported users   2") && table.contains(&day), "{table}");
    let empty = printed(&sessionctl(&TestDatabase::new(), &["legacy", "status"]).output().unwrap());
    assert!(empty.contains("imported users   0") && empty.matches(": none").count() == 2, "{empty}");
}
