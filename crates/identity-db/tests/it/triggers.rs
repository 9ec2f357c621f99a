//! What the database refuses whoever asks: a way back from a revocation, and another owner for a session.

use test_support::{Refusal, TestDatabase};

use crate::fixture::{session, session_id, user};

const INTEGRITY: &str = "23000";

fn assert_refused(answer: Result<u64, Refusal>, what: &str) {
    let refusal = answer.expect_err(what);
    assert_eq!(refusal.code, INTEGRITY, "{what}: {refusal:?}");
}

/// As an application, as the owner, and as a replication worker, which skips ordinary triggers.
fn attempts(database: &TestDatabase, sql: &str) -> [Result<u64, Refusal>; 3] {
    [
        database.try_execute_as_app(sql),
        database.try_execute(sql),
        database.try_execute(&format!("BEGIN; SET LOCAL session_replication_role = replica; {sql}; COMMIT")),
    ]
}

#[test]
fn a_revocation_is_final_f1() {
    let database = TestDatabase::new();
    let alice = user(&database, "alice@example.com");
    let id = session(&database, alice, "one");
    database.execute(&format!("UPDATE sessions SET revoked = true WHERE id = '{id}'"));
    let row = format!("SELECT revoked, revoked_at, expires_at FROM sessions WHERE id = '{id}'");
    let before = database.query(&row);
    for change in [
        "revoked = false",
        "revoked = false, revoked_at = NULL",
        "revoked_at = NULL",
        "revoked = false, revoked_at = now()",
    ] {
        for answer in attempts(&database, &format!("UPDATE sessions SET {change} WHERE id = '{id}'")) {
            assert_refused(answer, change);
        }
    }
    assert_eq!(database.query(&row), before);
}

#[test]
fn a_second_revocation_leaves_the_time_of_the_first_f1() {
    let database = TestDatabase::new();
    let id = session(&database, user(&database, "alice@example.com"), "one");
    database.execute(&format!("UPDATE sessions SET revoked_at = '2020-01-01 00:00Z' WHERE id = '{id}'"));
    let at = format!("SELECT revoked_at = '2020-01-01 00:00Z' FROM sessions WHERE id = '{id}'");
    assert_eq!(database.value(&at), "t");
    for change in ["revoked = true, revoked_at = now()", "revoked_at = '2030-01-01'"] {
        for answer in attempts(&database, &format!("UPDATE sessions SET {change} WHERE id = '{id}'")) {
            answer.unwrap();
            assert_eq!(database.value(&at), "t", "{change}");
        }
    }
}

#[test]
fn revoked_and_its_time_are_together_whichever_was_set_a2() {
    let database = TestDatabase::new();
    let alice = user(&database, "alice@example.com");
    let replica = "BEGIN; SET LOCAL session_replication_role = replica;";
    let mut number = 0;
    for change in ["revoked = true", "revoked_at = now()", "revoked = true, revoked_at = now()"] {
        for before in ["BEGIN;", replica] {
            number += 1;
            let id = session(&database, alice, &format!("update{number}"));
            database.execute(&format!("{before} UPDATE sessions SET {change} WHERE id = '{id}'; COMMIT"));
            let row = format!("SELECT revoked AND revoked_at IS NOT NULL FROM sessions WHERE id = '{id}'");
            assert_eq!(database.value(&row), "t", "{before} {change}");
        }
    }
    for (columns, values) in
        [("revoked", "true"), ("revoked_at", "now()"), ("revoked, revoked_at", "false, now()")]
    {
        for before in ["BEGIN;", replica] {
            number += 1;
            let id = session_id(&format!("insert{number}"));
            database.execute(&format!(
                "{before} INSERT INTO sessions (id, user_id, expires_at, {columns})
                 VALUES ('{id}', '{alice}', now(), {values}); COMMIT"
            ));
            let row = format!("SELECT revoked AND revoked_at IS NOT NULL FROM sessions WHERE id = '{id}'");
            assert_eq!(database.value(&row), "t", "{before} {columns}");
        }
    }
}

#[test]
fn id_user_and_context_of_a_session_never_change_f3() {
    let database = TestDatabase::new();
    let (alice, bob) = (user(&database, "alice@example.com"), user(&database, "bob@example.com"));
    let live = session(&database, alice, "live");
    let ended = session(&database, alice, "ended");
    database.execute(&format!("UPDATE sessions SET revoked = true WHERE id = '{ended}'"));
    let everything = "SELECT to_jsonb(s) FROM sessions s ORDER BY id";
    let before = database.query(everything);
    for id in [live, ended] {
        for change in [
            format!("id = '{}'", session_id("other")),
            format!("user_id = '{bob}'"),
            "application_context = 'admin'".into(),
        ] {
            for answer in attempts(&database, &format!("UPDATE sessions SET {change} WHERE id = '{id}'")) {
                assert_refused(answer, &change);
            }
        }
    }
    assert_eq!(database.query(everything), before);
}

#[test]
fn an_id_is_unique_over_all_contexts_f3() {
    let database = TestDatabase::new();
    let alice = user(&database, "alice@example.com");
    let id = session(&database, alice, "one");
    let refusal = database
        .try_execute(&format!(
            "INSERT INTO sessions (id, user_id, application_context, expires_at)
             VALUES ('{id}', '{alice}', 'admin', now() + interval '1 hour')"
        ))
        .unwrap_err();
    assert_eq!(refusal.code, "23505", "{refusal:?}");
}

#[test]
fn counters_of_a_user_only_rise_and_the_id_stays() {
    let database = TestDatabase::new();
    let alice = user(&database, "alice@example.com");
    database
        .execute(&format!("UPDATE users SET session_epoch = 5, credential_version = 5 WHERE id = '{alice}'"));
    for change in ["session_epoch = 4", "credential_version = 4", "id = gen_random_uuid()"] {
        for answer in attempts(&database, &format!("UPDATE users SET {change} WHERE id = '{alice}'")) {
            assert_refused(answer, change);
        }
    }
    // A version that somebody writes down lower than it is stays where it is.
    let version = database.number("SELECT version FROM users");
    database.execute("UPDATE users SET version = 0");
    assert_eq!(database.number("SELECT version FROM users"), version);
}

#[test]
fn the_start_checks_know_every_trigger_c4() {
    let database = TestDatabase::new();
    let made: Vec<String> = database
        .query(
            "SELECT c.relname || '.' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
             WHERE NOT t.tgisinternal AND c.relname IN ('sessions', 'users', 'user_permissions') ORDER BY 1",
        )
        .into_iter()
        .filter_map(|mut row| row.remove(0))
        .collect();
    let known: Vec<String> =
        identity_db::server::TRIGGERS.iter().map(|(table, name, _)| format!("{table}.{name}")).collect();
    assert_eq!(known, made);
}
