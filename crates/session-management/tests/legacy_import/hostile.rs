//! Files whose cells hold anything.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::types::Value;
use serde_json::json;
use test_support::{TestDatabase, bare_command};

use crate::fixture::{OldFile, everything, finding, of_user, printed, sessionctl};

/// What a cell may hold: ordinary values, so that rows collide, and everything else.
fn cell() -> impl Strategy<Value = Value> {
    let text = |text: &str| Just(Value::Text(text.to_owned()));
    prop_oneof![
        Just(Value::Null),
        prop_oneof![-3..6_i64, Just(i64::MIN), Just(i64::MAX), any::<i64>()].prop_map(Value::Integer),
        prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(1e300), any::<f64>()]
            .prop_filter("SQLite has NULL for it", |number| !number.is_nan())
            .prop_map(Value::Real),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Blob),
        "\\PC{0,40}".prop_map(Value::Text),
        any::<String>().prop_map(Value::Text),
        "[a-c]{6}".prop_map(Value::Text),
        prop_oneof![text("ann@example.com"), text("+79161234567"), text("42"), text("2025-01-01 00:00:00")],
        prop_oneof![text("a\0b"), text("\0"), text("\u{FEFF}"), text("{\"$\": '\\'}"), text("\\u0000")],
        Just(Value::Text("9".repeat(400))),
    ]
}

#[test]
fn whatever_a_file_holds_an_import_brings_its_people_and_comes_to_rest_b10() {
    let rows = |columns| prop::collection::vec(prop::collection::vec(cell(), columns), 0..24);
    let ids = prop::collection::btree_set(prop_oneof![-2..8_i64, Just(i64::MIN), Just(i64::MAX)], 0..12);
    let mut runner = TestRunner::new(Config { cases: 10, failure_persistence: None, ..Config::default() });
    let tested = Cell::new(0);
    let outcome = runner.run(&(rows(9), ids, rows(5)), |(users, ids, sessions)| {
        let (database, file) = (TestDatabase::new(), OldFile::with(""));
        // Columns without a type take every value as it is.
        file.run(
            "CREATE TABLE users (id, phone, telegram_id, email, auth_token, created_at, plan, \"\", rowid);
             CREATE TABLE user_sessions (id, user_id, auth_token, created_at, last_seen_at)",
        );
        for row in &users {
            let sql = "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
            file.conn.execute(sql, rusqlite::params_from_iter(row)).unwrap();
        }
        for (id, row) in ids.iter().zip(users.iter().cycle()) {
            let row = std::iter::once(&Value::Integer(*id)).chain(&row[1..]).cloned().collect::<Vec<_>>();
            let sql = "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
            file.conn.execute(sql, rusqlite::params_from_iter(row)).unwrap();
        }
        for row in &sessions {
            let sql = "INSERT INTO user_sessions VALUES (?, ?, ?, ?, ?)";
            file.conn.execute(sql, rusqlite::params_from_iter(row)).unwrap();
        }
        let mut dry = file.import_with(&database, &["--dry-run", "--batch", "2"]);
        dry["dry_run"] = json!(false);
        let report = file.import_with(&database, &["--batch", "3"]);
        prop_assert_eq!(&dry, &report);
        let expected: i64 = file
            .conn
            .query_row("SELECT count(DISTINCT id) FROM users WHERE typeof(id) = 'integer'", [], |row| {
                row.get(0)
            })
            .unwrap();
        prop_assert_eq!(database.number("SELECT count(*) FROM users"), expected);
        let count = |table: &str| -> u64 {
            let counts = report[table].as_object().unwrap();
            counts.iter().filter(|(name, _)| *name != "read").map(|(_, count)| count.as_u64().unwrap()).sum()
        };
        prop_assert_eq!(report["users"]["read"].as_u64().unwrap(), count("users"));
        prop_assert_eq!(report["sessions"]["read"].as_u64().unwrap(), count("sessions"));
        let before = everything(&database);
        file.import(&database);
        prop_assert_eq!(everything(&database), before);
        tested.set(tested.get() + expected);
        Ok(())
    });
    outcome.unwrap();
    assert!(tested.get() > 0, "no file had a person in it");
}

#[test]
fn values_that_are_longer_than_anybody_needs_are_told_and_do_not_lose_the_person_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "column-of-1").user(2, "column-of-2");
    file.run(
        "UPDATE users SET plan = zeroblob(20000000) WHERE id = 1;
         UPDATE users SET email = replace(hex(zeroblob(600000)), '0', 'e'), phone = replace(hex(zeroblob(600000)), '0', '7'),
                auth_token = replace(hex(zeroblob(600000)), '0', 't') WHERE id = 2;
         INSERT INTO user_sessions (user_id, auth_token, created_at)
         VALUES (1, replace(hex(zeroblob(2000000)), '0', 't'), replace(hex(zeroblob(2000000)), '0', '2'))",
    );
    let report = file.import(&database);
    assert_eq!(report["users"]["created"], 2);
    assert_eq!(finding(&report, "users", "value_too_long"), (1, vec![1]));
    assert_eq!(of_user(&database, 1, "legacy_attributes ->> 'plan'"), "{\"omitted_bytes\": 20000000}");
    assert_eq!(of_user(&database, 1, "auth_token"), "column-of-1");
    assert_eq!(finding(&report, "users", "email_invalid"), (1, vec![2]));
    assert_eq!(of_user(&database, 2, "length(legacy_attributes ->> 'email')"), "1200000");
    assert_eq!(finding(&report, "users", "token_invalid"), (1, vec![2]));
    assert_eq!(finding(&report, "user_sessions", "token_invalid"), (1, vec![1]));
    let before = everything(&database);
    file.import(&database);
    assert_eq!(everything(&database), before);
}

#[test]
fn memory_is_bounded_however_long_the_rows_are_b10_c8() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    for id in 1..=50 {
        file.user(id, "");
    }
    // 50 MB, which are one batch by their number.
    file.run("UPDATE users SET plan = replace(hex(zeroblob(524288)), '0', 'x')");
    let from = format!("sqlite:{}", file.path().display());
    let import = sessionctl(&database, &["legacy", "import", "--from", &from]);
    let mut limited = bare_command("sh");
    // Kilobytes of data, of which each byte of a batch takes several.
    limited
        .args(["-c", "ulimit -d 131072 && exec \"$0\" \"$@\""])
        .arg(import.get_program())
        .args(import.get_args());
    let output = limited.env("DATABASE_OWNER_URL", database.owner_url()).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(of_user(&database, 50, "length(legacy_attributes ->> 'plan')"), "1048576");
}
