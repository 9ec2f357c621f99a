//! A person's version rises with every change that a session decision depends on, and with nothing else.

use test_support::TestDatabase;

use crate::fixture::user;

fn version(database: &TestDatabase) -> i64 {
    database.number("SELECT version FROM users WHERE email LIKE 'alice%'")
}

#[test]
fn a_change_that_a_decision_depends_on_raises_the_version() {
    let database = TestDatabase::new();
    user(&database, "alice@example.com");
    let grant = "INSERT INTO user_permissions (user_id, permission, application_context)
                 SELECT id, 'users.read', 'admin' FROM users WHERE email LIKE 'alice%'";
    for change in [
        "UPDATE users SET role = 'support'",
        "UPDATE users SET blocked_at = now()",
        "UPDATE users SET blocked_at = NULL",
        "UPDATE users SET session_epoch = session_epoch + 1",
        "UPDATE users SET credential_version = credential_version + 1",
        "UPDATE users SET hashed_password = 'another'",
        "UPDATE users SET hashed_password = NULL",
        "UPDATE users SET is_verified = true",
        "UPDATE users SET email = 'alice2@example.com'",
        "UPDATE users SET phone = '+447946000000'",
        "UPDATE users SET telegram_id = 7",
        "UPDATE users SET sessions_valid_after = now()",
        grant,
        "UPDATE user_permissions SET expires_at = now() + interval '1 hour'",
        "DELETE FROM user_permissions",
        "BEGIN; SET LOCAL session_replication_role = replica; UPDATE users SET role = 'admin'; COMMIT",
    ] {
        let before = version(&database);
        database.execute(change);
        assert!(version(&database) > before, "{change}");
    }
}

#[test]
fn a_grant_that_moves_to_another_person_raises_both_versions() {
    let database = TestDatabase::new();
    user(&database, "alice@example.com");
    let bob = user(&database, "bob@example.com");
    database.execute("INSERT INTO user_permissions (user_id, permission) SELECT id, 'x' FROM users WHERE email LIKE 'alice%'");
    let versions = "SELECT version FROM users ORDER BY email";
    assert_eq!(database.query(versions), [[Some("1".into())], [Some("0".into())]]);
    database.execute(&format!("UPDATE user_permissions SET user_id = '{bob}'"));
    assert_eq!(database.query(versions), [[Some("2".into())], [Some("1".into())]]);
}

#[test]
fn a_login_and_what_older_software_writes_leave_the_version_alone() {
    let database = TestDatabase::new();
    user(&database, "alice@example.com");
    for change in [
        "UPDATE users SET last_login_at = now()",
        "UPDATE users SET auth_token = 'another'",
        "UPDATE users SET session_id = 'another'",
        "UPDATE users SET role = role, blocked_at = blocked_at, session_epoch = session_epoch",
        "INSERT INTO sessions (id, user_id, expires_at) SELECT 'id', id, now() FROM users",
        "UPDATE sessions SET revoked = true",
    ] {
        database.execute(change);
        assert_eq!(version(&database), 0, "{change}");
    }
}
