//! What the applications' role may not do, so that a fault of theirs stays small.

use test_support::TestDatabase;

use crate::fixture::{session, user};

const NO_RIGHT: &str = "42501";

fn database() -> TestDatabase {
    let database = TestDatabase::new();
    let alice = user(&database, "alice@example.com");
    session(&database, alice, "one");
    database.execute("INSERT INTO audit_log (action) VALUES ('user_created')");
    database
}

#[test]
fn an_application_may_not_delete_people_sessions_or_what_was_written_down_f1() {
    let database = database();
    for sql in [
        "DELETE FROM sessions",
        "DELETE FROM users",
        "TRUNCATE sessions",
        "TRUNCATE users CASCADE",
        "TRUNCATE audit_log",
        "DELETE FROM audit_log",
        "UPDATE audit_log SET action = 'nothing'",
        "INSERT INTO instance_keys (key) VALUES (decode(repeat('ab', 32), 'hex'))",
        "UPDATE instance_keys SET key = decode(repeat('ab', 32), 'hex')",
        "DELETE FROM instance_keys",
        "UPDATE __diesel_schema_migrations SET run_on = now()",
        "DELETE FROM __diesel_schema_migrations",
    ] {
        let refusal = database.try_execute_as_app(sql).expect_err(sql);
        assert_eq!(refusal.code, NO_RIGHT, "{sql}: {refusal:?}");
    }
}

#[test]
fn an_application_may_not_change_the_schema() {
    let database = database();
    for sql in [
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE sessions ADD COLUMN mine int",
        "ALTER TABLE sessions DISABLE TRIGGER sessions_guard",
        "ALTER TABLE sessions DISABLE TRIGGER ALL",
        "DROP TRIGGER sessions_guard ON sessions",
        "CREATE OR REPLACE FUNCTION sessions_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "DROP TABLE sessions",
        "CREATE INDEX mine ON sessions (id)",
        "SET session_replication_role = replica",
        "GRANT DELETE ON sessions TO test_app",
        "CREATE ROLE mine",
    ] {
        let answer = database.try_execute_as_app(sql);
        // Of GRANT without the right to grant, Postgres says no with a warning only.
        if sql.starts_with("GRANT") {
            let rights = "SELECT has_table_privilege('test_app', 'sessions', 'DELETE')";
            assert_eq!(database.value(rights), "f", "{sql}");
            continue;
        }
        let refusal = answer.expect_err(sql);
        assert_eq!(refusal.code, NO_RIGHT, "{sql}: {refusal:?}");
    }
}

#[test]
fn an_application_may_do_its_work() {
    let database = database();
    for sql in [
        "INSERT INTO users (email) VALUES ('bob@example.com')",
        "UPDATE users SET role = 'support'",
        "INSERT INTO sessions (id, user_id, expires_at) SELECT 'another', id, now() FROM users LIMIT 1",
        "UPDATE sessions SET revoked = true",
        "INSERT INTO user_permissions (user_id, permission) SELECT id, 'x' FROM users",
        "DELETE FROM user_permissions",
        "INSERT INTO rate_limits VALUES ('a', 'b', 1, now())",
        "DELETE FROM rate_limits",
        "DELETE FROM one_time_codes",
        "DELETE FROM used_telegram_payloads",
        "INSERT INTO audit_log (action) VALUES ('x')",
        "SELECT FROM audit_log",
        "SELECT FROM instance_keys",
        "SELECT FROM user_sessions",
        "SELECT FROM __diesel_schema_migrations",
        "LISTEN denials",
        "NOTIFY denials, 'all'",
    ] {
        database.try_execute_as_app(sql).unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
    }
}
