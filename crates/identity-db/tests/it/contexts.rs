//! A further application context: opened, closed and opened again on a populated database.

use test_support::{Row, TestDatabase};

use crate::fixture::{session, user};

const CHECK: &str = "23514";
const TABLES: [&str; 5] = ["users", "sessions", "user_permissions", "audit_log", "strategy_processes"];

const BOT: &str = "telegram-bot";

fn open(database: &TestDatabase) {
    database.execute(&format!("SELECT open_application_context('{BOT}')"));
}

fn close(database: &TestDatabase) {
    database.execute(&format!("SELECT close_application_context('{BOT}')"));
}

/// A person with a row in every table, in this context.
fn populate(database: &TestDatabase, email: &str, context: &str) {
    let id = user(database, email);
    for rows in [
        format!(
            "INSERT INTO sessions (id, user_id, application_context, expires_at, revoked)
             SELECT session_digest('{email}-' || n), '{id}', '{context}', now() + interval '1 hour', n = 2
             FROM generate_series(1, 3) AS n"
        ),
        format!(
            "INSERT INTO user_permissions (user_id, permission, application_context) VALUES ('{id}', 'read', '{context}')"
        ),
        format!(
            "INSERT INTO audit_log (action, application_context, subject_id, detail)
             VALUES ('session_created', '{context}', '{id}', '{{\"method\": \"password\"}}'),
                    ('session_ended', '{context}', '{id}', NULL)"
        ),
        format!(
            "INSERT INTO strategy_processes (id, application_context, environment, host, pid, configured, running)
             VALUES (gen_random_uuid(), '{context}', 'development', 'here', 7, 'gradual', 'gradual')"
        ),
    ] {
        assert!(database.execute(&rows) > 0, "{rows}");
    }
}

fn snapshot(database: &TestDatabase, without: &str) -> Vec<Vec<Row>> {
    let rows = |table| {
        let sql = format!("SELECT to_jsonb({table})::text FROM {table} ORDER BY 1");
        let rows = database.query(&sql).into_iter();
        rows.filter(|row| !row[0].as_ref().unwrap().contains(without)).collect()
    };
    TABLES.map(rows).into()
}

#[test]
fn a_context_is_opened_closed_and_opened_again_without_losing_what_was_there_a14_a15() {
    let database = TestDatabase::new();
    populate(&database, "alice@example.com", "web");
    populate(&database, "carol@example.com", "admin");
    let before = snapshot(&database, "nothing");
    open(&database);
    assert_eq!(snapshot(&database, "nothing"), before);
    populate(&database, "bob@example.com", BOT);
    let bob = database.value("SELECT id::text FROM users WHERE email = 'bob@example.com'");
    close(&database);

    let closed = snapshot(&database, &bob);
    assert_eq!(closed, before, "what was there before is not as it was");
    for table in ["sessions", "user_permissions"] {
        assert_eq!(
            database.number(&format!("SELECT count(*) FROM {table} WHERE user_id = '{bob}'")),
            0,
            "{table}"
        );
    }
    let lines = format!(
        "SELECT action, application_context::text, detail::text FROM audit_log WHERE subject_id = '{bob}' ORDER BY id"
    );
    let line = |action: &str, detail: &str| vec![Some(action.to_owned()), None, Some(detail.to_owned())];
    assert_eq!(
        database.query(&lines),
        [
            line("session_created", "{\"method\": \"password\", \"closed_context\": \"telegram-bot\"}"),
            line("session_ended", "{\"closed_context\": \"telegram-bot\"}")
        ],
        "a line of the audit log does not say where it came from"
    );

    open(&database);
    populate(&database, "dan@example.com", BOT);
    assert_eq!(
        database.number("SELECT count(*) FROM sessions WHERE application_context = 'telegram-bot'"),
        3
    );
}

#[test]
fn nobody_opens_a_session_in_a_context_that_is_closed_a15() {
    let database = TestDatabase::new();
    open(&database);
    let bob = user(&database, "bob@example.com");
    close(&database);
    for (table, values) in [
        ("sessions (id, user_id, expires_at, application_context)", format!("'{:a>43}', '{bob}', now()", "")),
        ("user_permissions (user_id, permission, application_context)", format!("'{bob}', 'read'")),
        ("audit_log (action, application_context)", "'session_created'".to_owned()),
    ] {
        let insert = format!("INSERT INTO {table} VALUES ({values}, '{BOT}')");
        for answer in [database.try_execute(&insert), database.try_execute_as_app(&insert)] {
            assert_eq!(answer.expect_err(&insert).code, CHECK);
        }
    }
    assert_eq!(
        database.execute("INSERT INTO audit_log (action) VALUES ('session_created')"),
        1,
        "null is no context"
    );
}

#[test]
fn what_a_closed_context_had_stays_shut_and_caches_hear_of_it_f1_a15() {
    let database = TestDatabase::new();
    open(&database);
    populate(&database, "bob@example.com", BOT);
    // By whatever fault: a token of the bot in a legacy column, where web would adopt it if it had no row.
    database.execute("UPDATE users SET auth_token = 'bob@example.com-1'");
    let mut denials = database.denials();
    close(&database);
    let heard = denials.heard();
    for number in ["1", "3"] {
        let id = database.value(&format!("SELECT session_digest('bob@example.com-{number}')"));
        assert!(heard.contains(&format!("s:{id}")), "nobody hears of session {number}");
    }
    assert_eq!(
        database.query(
            "SELECT application_context::text, revoked::text, (revoked_at IS NOT NULL)::text FROM sessions"
        ),
        [vec![Some("web".to_owned()), Some("true".to_owned()), Some("true".to_owned())]]
    );
    let id = database.value("SELECT id FROM sessions");
    let back = format!("UPDATE sessions SET revoked = false WHERE id = '{id}'");
    assert!(database.try_execute(&back).is_err(), "the guard is gone");
    let moved = format!("UPDATE sessions SET application_context = 'admin' WHERE id = '{id}'");
    assert!(database.try_execute(&moved).is_err(), "the guard is gone");
}

#[test]
fn the_two_that_there_always_are_cannot_be_closed_and_an_application_closes_none_a15() {
    let database = TestDatabase::new();
    let alice = user(&database, "alice@example.com");
    session(&database, alice, "one");
    for context in ["web", "admin"] {
        assert!(database.try_execute(&format!("SELECT close_application_context('{context}')")).is_err());
    }
    for call in [
        "open_application_context('bot')",
        "close_application_context('bot')",
        "forget_application_context('web')",
    ] {
        assert!(database.try_execute_as_app(&format!("SELECT {call}")).is_err(), "{call}");
    }
    assert_eq!(database.number("SELECT count(*) FROM sessions WHERE NOT revoked"), 1);
}
