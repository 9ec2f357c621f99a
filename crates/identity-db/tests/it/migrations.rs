//! Every migration goes up, down and up again over rows that were there before it.

use std::collections::BTreeMap;

use identity_db::cleanup;
use identity_db::migration::{self, Contents};
use test_support::{Row, TestDatabase};

/// Rows for each table, in the order in which the tables refer to each other. A table that a migration
/// creates belongs here, or the walk below fails.
const ROWS: &[(&str, &str)] = &[
    (
        "users",
        "INSERT INTO users (id, email, phone, telegram_id, hashed_password, role, session_id, auth_token)
         SELECT ('00000000-0000-4000-8000-00000000000' || n)::uuid, n || '@example.com', '+4479460000' || n, n,
                '$argon2id$' || n, (ARRAY['user', 'admin', 'operator', 'support'])[n]::user_role,
                'legacy-session-' || n, 'legacy-token-' || n
         FROM generate_series(1, 4) AS n",
    ),
    (
        "sessions",
        "INSERT INTO sessions (id, user_id, application_context, data, expires_at, ip_address, user_agent, revoked)
         SELECT 'id-' || n, id, (ARRAY['web', 'admin'])[n]::application_type, '{\"theme\": \"dark\"}',
                now() + interval '1 hour', '192.0.2.1', 'curl/8', n = 2
         FROM users, generate_series(1, 2) AS n WHERE email = n || '@example.com'",
    ),
    (
        "user_permissions",
        "INSERT INTO user_permissions (user_id, permission, application_context)
         SELECT id, 'users.read', 'admin' FROM users",
    ),
    (
        "audit_log",
        "INSERT INTO audit_log (action, subject_id, detail) SELECT 'user_created', id, '{\"a\": 1}' FROM users",
    ),
    (
        "rate_limits",
        "INSERT INTO rate_limits (purpose, subject, attempts, window_start) VALUES ('login', 'digest', 3, now())",
    ),
    ("legacy_uses", "INSERT INTO legacy_uses (day, source, uses) VALUES ('2026-01-01', 'auth_token', 7)"),
    (
        "one_time_codes",
        "INSERT INTO one_time_codes (phone, code_hash, expires_at, attempts)
         VALUES ('+447400123456', decode(repeat('ab', 32), 'hex'), now() + interval '10 minutes', 2)",
    ),
    (
        "used_telegram_payloads",
        "INSERT INTO used_telegram_payloads VALUES (decode(repeat('cd', 32), 'hex'), now() + interval '5 minutes')",
    ),
    (
        "legacy_imports",
        "INSERT INTO legacy_imports (legacy_id, fingerprint, seen_token_id) VALUES (-7, repeat('A', 43), repeat('B', 43))",
    ),
    ("migration_strategy", "INSERT INTO migration_strategy (strategy) VALUES ('gradual')"),
    (
        "strategy_processes",
        "INSERT INTO strategy_processes (id, application_context, environment, host, pid, configured, running)
         VALUES (gen_random_uuid(), 'web', 'development', 'here', 7, 'mock-only', 'gradual')",
    ),
    (
        "cleanup_points",
        "INSERT INTO cleanup_points VALUES ('legacy-keys', true, '2026-01-01', '2026-01-02')",
    ),
    (
        "backups",
        "INSERT INTO backups (taken_at, verified_at, file_name, bytes, sha256, table_count, row_count, server_version)
         VALUES ('2026-01-01', '2026-01-01', '/srv/a.dump', 7, repeat('ab', 32), 3, 5, '15.4')",
    ),
    ("instance_keys", "INSERT INTO instance_keys (key) VALUES (decode(repeat('ab', 32), 'hex'))"),
    (
        "web_sessions",
        "INSERT INTO web_sessions (id, user_id, data, preferences, theme, language, expires_at)
         SELECT 'id-' || n, gen_random_uuid(), '{\"a\": 1}', '{\"b\": 2}', (ARRAY['system', 'light', 'dark'])[n], 'ru',
                now() + interval '90 days'
         FROM generate_series(1, 3) AS n",
    ),
    (
        "web_user_cache",
        "INSERT INTO web_user_cache (user_id, data) VALUES (gen_random_uuid(), '{\"version\": 7}')",
    ),
];

/// Tables that hold nothing while there is a way back.
const FINAL: &[&str] = &["cleanup"];

#[test]
fn every_migration_goes_up_down_and_up_again_and_leaves_the_rows_before_it_alone_a14() {
    let database = TestDatabase::empty();
    let mut conn = migration::connect(database.owner_url()).unwrap();
    let all = migration::run(&mut conn, Some("test_app")).unwrap().len();
    assert!(all > 0, "no migrations");
    for before in 0..=all {
        revert(&database, all);
        assert_eq!(leftovers(&database), Vec::<Row>::new(), "what reverting everything left");
        migration::run(&mut conn, Some("test_app")).unwrap();
        revert(&database, all - before);
        populate(&database);

        let snapshot = snapshot(&database);
        migration::run(&mut conn, Some("test_app")).unwrap();
        assert_unchanged(&database, &snapshot, &format!("{before} migrations, then up"));
        revert(&database, all - before);
        assert_unchanged(&database, &snapshot, &format!("{before} migrations, then up and down"));
        migration::run(&mut conn, Some("test_app")).unwrap();
        assert_unchanged(&database, &snapshot, &format!("{before} migrations, then up, down and up"));
    }
}

#[test]
fn each_set_alone_goes_up_down_and_up_again_in_a_database_of_its_own_a14_a9() {
    for contents in [Contents::Identity, Contents::Web] {
        let database = TestDatabase::empty();
        let mut conn = migration::connect(database.owner_url()).unwrap();
        let all = migration::run_in(&mut conn, contents, Some("test_app")).unwrap().len();
        populate(&database);
        for before in 0..=all {
            revert_in(&database, contents, all - before);
            let snapshot = snapshot(&database);
            migration::run_in(&mut conn, contents, Some("test_app")).unwrap();
            assert_unchanged(&database, &snapshot, &format!("{contents:?}: {before} migrations, then up"));
            populate_what_is_empty(&database);
        }
    }
}

/// The walk above meets each migration with rows in the tables before it; this one with rows in those that it made.
#[test]
fn every_migration_is_undone_and_done_again_with_rows_in_every_table_a14() {
    let all =
        migration::status(&mut migration::connect(TestDatabase::new().owner_url()).unwrap(), Contents::Both)
            .unwrap()
            .len();
    for depth in 1..=all {
        let database = TestDatabase::new();
        populate(&database);
        let before = snapshot(&database);
        revert(&database, depth);
        assert_still_there(&database, &before, &format!("{depth} migrations were undone"));
        let kept = snapshot(&database);
        let mut conn = migration::connect(database.owner_url()).unwrap();
        assert_eq!(migration::run(&mut conn, Some("test_app")).unwrap().len(), depth);
        assert_unchanged(&database, &kept, &format!("{depth} migrations were undone and done again"));
    }
}

#[test]
fn there_is_no_way_back_behind_the_clean_up_and_the_refusal_says_so_a13_a14() {
    let database = TestDatabase::new();
    populate(&database);
    let mut conn = migration::connect(database.owner_url()).unwrap();
    let (applied, now) = cleanup::apply(&mut conn, &serde_json::json!({ "ready": true })).unwrap();
    assert!(now);
    assert_eq!(cleanup::apply(&mut conn, &serde_json::json!({})).unwrap(), (applied, false));
    let before = snapshot(&database);
    let refusal = loop {
        match migration::revert(&mut conn) {
            Ok(undone) => assert!(undone.is_some(), "everything was undone"),
            Err(refusal) => break refusal.to_string(),
        }
    };
    assert!(
        refusal.contains("the clean-up was applied") && refusal.contains("only a backup leads back"),
        "{refusal}"
    );
    migration::run(&mut conn, Some("test_app")).unwrap();
    assert_unchanged(&database, &before, "a revert that was refused");
}

/// What is left of each table and column is what it was.
fn assert_still_there(database: &TestDatabase, before: &BTreeMap<String, (String, Vec<Row>)>, when: &str) {
    let tables = tables(database);
    for (table, (columns, rows_before)) in before.iter().filter(|(table, _)| tables.contains(table)) {
        let left = columns_of(database, table);
        let left: Vec<&str> = left.split(", ").collect();
        let columns: Vec<&str> = columns.split(", ").collect();
        let places: Vec<usize> = left
            .iter()
            .map(|name| {
                columns
                    .iter()
                    .position(|column| column == name)
                    .unwrap_or_else(|| panic!("{table}.{name} is new"))
            })
            .collect();
        let mut projected: Vec<Row> =
            rows_before.iter().map(|row| places.iter().map(|place| row[*place].clone()).collect()).collect();
        projected.sort();
        assert_eq!(rows(database, table, &left.join(", ")), projected, "{table} after {when}");
    }
}

fn revert(database: &TestDatabase, count: usize) {
    revert_in(database, Contents::Both, count);
}

fn revert_in(database: &TestDatabase, contents: Contents, count: usize) {
    let mut conn = migration::connect(database.owner_url()).unwrap();
    for _ in 0..count {
        assert!(migration::revert_in(&mut conn, contents).unwrap().is_some(), "nothing left to revert");
    }
}

fn tables(database: &TestDatabase) -> Vec<String> {
    let sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'
               AND tablename <> '__diesel_schema_migrations' ORDER BY 1";
    database.query(sql).into_iter().map(|row| row[0].clone().unwrap()).collect()
}

fn populate(database: &TestDatabase) {
    let tables = tables(database);
    for table in &tables {
        let known = ROWS.iter().any(|(known, _)| known == table) || FINAL.contains(&&**table);
        assert!(known, "give {table} rows in this test");
    }
    for (_, rows) in ROWS.iter().filter(|(table, _)| tables.iter().any(|known| known == table)) {
        assert!(database.execute(rows) > 0, "{rows}");
    }
}

fn populate_what_is_empty(database: &TestDatabase) {
    for (table, rows) in ROWS {
        if tables(database).iter().any(|known| known == table)
            && !FINAL.contains(table)
            && database.number(&format!("SELECT count(*) FROM {table}")) == 0
        {
            assert!(database.execute(rows) > 0, "{rows}");
        }
    }
}

/// Of each table its columns and, in those, its rows.
fn snapshot(database: &TestDatabase) -> BTreeMap<String, (String, Vec<Row>)> {
    let snapshot = |table: String| {
        let columns = columns_of(database, &table);
        let rows = rows(database, &table, &columns);
        assert!(!rows.is_empty() || FINAL.contains(&&*table), "{table} has no rows");
        (table, (columns, rows))
    };
    tables(database).into_iter().map(snapshot).collect()
}

fn columns_of(database: &TestDatabase, table: &str) -> String {
    database.value(&format!(
        "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position)
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'"
    ))
}

fn rows(database: &TestDatabase, table: &str, columns: &str) -> Vec<Row> {
    let mut rows = database.query(&format!("SELECT {columns} FROM {table}"));
    rows.sort();
    rows
}

fn assert_unchanged(database: &TestDatabase, snapshot: &BTreeMap<String, (String, Vec<Row>)>, when: &str) {
    for (table, (columns, before)) in snapshot {
        assert_eq!(rows(database, table, columns), *before, "{table} after {when}");
    }
}

/// What is in the schema that no migration is answerable for.
fn leftovers(database: &TestDatabase) -> Vec<Row> {
    database.query(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
             AND relname NOT LIKE '\\_\\_diesel\\_schema\\_migrations%'
         UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
         UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'adoption'",
    )
}
