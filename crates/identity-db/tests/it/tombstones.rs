//! Rows that must stay, so that an older token is not taken for one that was never known.

use test_support::TestDatabase;

use crate::fixture::user;

/// A revoked session of Alice's under the digest of `token`.
fn tombstone(database: &TestDatabase, owner: &str, token: &str) {
    database.execute(&format!(
        "INSERT INTO sessions (id, user_id, expires_at, revoked)
         SELECT session_digest('{token}'), id, now(), true FROM users WHERE email = '{owner}'"
    ));
}

#[test]
fn a_row_that_a_legacy_column_names_cannot_be_deleted_whoever_asks_f1() {
    let database = TestDatabase::new();
    user(&database, "alice@example.com");
    user(&database, "bob@example.com");
    database.execute(
        "UPDATE users SET auth_token = 'token-of-alice', session_id = 'session-of-alice'
         WHERE email = 'alice@example.com'",
    );
    for (owner, token) in [("alice@example.com", "token-of-alice"), ("alice@example.com", "session-of-alice")]
    {
        tombstone(&database, owner, token);
        let delete = format!("DELETE FROM sessions WHERE id = session_digest('{token}')");
        let replica = format!("BEGIN; SET LOCAL session_replication_role = replica; {delete}; COMMIT");
        for sql in [&delete, &replica] {
            assert_eq!(database.try_execute(sql).unwrap_err().code, "23000", "{sql}");
        }
    }
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 2);
}

#[test]
fn a_row_that_another_persons_legacy_column_names_stays_too_f1() {
    let database = TestDatabase::new();
    user(&database, "alice@example.com");
    user(&database, "bob@example.com");
    database.execute("UPDATE users SET auth_token = 'shared' WHERE email = 'bob@example.com'");
    tombstone(&database, "alice@example.com", "shared");
    assert_eq!(database.try_execute("DELETE FROM sessions").unwrap_err().code, "23000");
}

#[test]
fn an_expired_row_that_a_legacy_column_names_stays_too_f1() {
    let database = TestDatabase::new();
    user(&database, "alice@example.com");
    database.execute("UPDATE users SET auth_token = 'token'");
    database.execute(
        "INSERT INTO sessions (id, user_id, expires_at)
         SELECT session_digest('token'), id, now() - interval '1 year' FROM users",
    );
    assert_eq!(database.try_execute("DELETE FROM sessions").unwrap_err().code, "23000");
}

#[test]
fn rows_that_nothing_names_may_be_purged_f1() {
    let database = TestDatabase::new();
    user(&database, "alice@example.com");
    tombstone(&database, "alice@example.com", "nobody-holds-this");
    database.execute("UPDATE users SET auth_token = 'another'");
    assert_eq!(database.execute("DELETE FROM sessions"), 1);
}

#[test]
fn a_deleted_person_takes_the_sessions_along_f1() {
    let database = TestDatabase::new();
    user(&database, "alice@example.com");
    database.execute("UPDATE users SET auth_token = 'token'");
    tombstone(&database, "alice@example.com", "token");
    assert_eq!(database.execute("DELETE FROM users"), 1);
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 0);
}

#[test]
fn the_digest_of_the_database_is_the_digest_of_the_code_b2() {
    let database = TestDatabase::new();
    // printf token | openssl sha256 -binary | base64 | tr '+/' '-_'
    assert_eq!(
        database.value("SELECT session_digest('token')"),
        "PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A"
    );
    assert_eq!(database.value("SELECT length(session_digest(''))"), "43");
}
