//! Every migration goes up, down and up again over rows that were there before it.

use std::collections::BTreeMap;

use identity_db::migration;
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
    ("instance_keys", "INSERT INTO instance_keys (key) VALUES (decode(repeat('ab', 32), 'hex'))"),
];

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

fn revert(database: &TestDatabase, count: usize) {
    let mut conn = migration::connect(database.owner_url()).unwrap();
    for _ in 0..count {
        assert!(migration::revert(&mut conn).unwrap().is_some(), "nothing left to revert");
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
        assert!(ROWS.iter().any(|(known, _)| known == table), "give {table} rows in this test");
    }
    for (_, rows) in ROWS.iter().filter(|(table, _)| tables.iter().any(|known| known == table)) {
        assert!(database.execute(rows) > 0, "{rows}");
    }
}

/// Of each table its columns and, in those, its rows.
fn snapshot(database: &TestDatabase) -> BTreeMap<String, (String, Vec<Row>)> {
    let snapshot = |table: String| {
        let columns = database.value(&format!(
            "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position)
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'"
        ));
        let rows = rows(database, &table, &columns);
        assert!(!rows.is_empty(), "{table} has no rows");
        (table, (columns, rows))
    };
    tables(database).into_iter().map(snapshot).collect()
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
