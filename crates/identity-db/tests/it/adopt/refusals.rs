//! What cannot be taken over.

use identity_db::migration;

use super::{assert_same, older};

#[test]
fn what_cannot_be_taken_over_is_one_line_and_nothing_has_changed_b8() {
    let users = "CREATE TABLE users (id uuid PRIMARY KEY, email text, created_at timestamp)";
    for (sql, expected) in [
        ("CREATE TABLE users (id serial PRIMARY KEY, auth_token text)", "sessionctl legacy import"),
        ("CREATE TABLE users (id uuid PRIMARY KEY, is_verified integer)", "users.is_verified is integer"),
        ("CREATE TABLE users (id uuid PRIMARY KEY, created_at text)", "users.created_at is text"),
        ("CREATE VIEW users AS SELECT gen_random_uuid() AS id", "users is no ordinary table"),
        (&format!("{users}; ALTER TABLE users ENABLE ROW LEVEL SECURITY"), "row level security"),
        (&format!("{users}; CREATE VIEW recent AS SELECT created_at FROM users"), "view recent"),
        (&format!("{users}; CREATE TABLE audit_log (id int)"), "audit_log"),
        (
            &format!("{users}; CREATE TABLE sessions (id serial, user_id uuid)"),
            "sessions cannot be taken over",
        ),
        (
            &format!("{users}; CREATE TABLE sessions (id text, user_id int)"),
            "user_id must be uuid and is integer",
        ),
        (
            &format!("{users}; CREATE TABLE sessions (id text, user_id uuid, expires_at bigint)"),
            "expires_at is bigint",
        ),
        (
            &format!("{users}; CREATE VIEW user_sessions AS SELECT id FROM users"),
            "user_sessions is no ordinary table",
        ),
        (
            &format!(
                "{users}; CREATE TABLE user_sessions (user_id uuid, auth_token text); CREATE TABLE legacy_user_sessions ()"
            ),
            "legacy_user_sessions, which exists",
        ),
        (&format!("{users}; CREATE DOMAIN user_role AS text"), "user_role is no enum"),
    ] {
        let database = older(sql);
        let before = database.dump();
        let mut conn = migration::connect(database.owner_url()).unwrap();
        let error = migration::run(&mut conn, Some("test_app")).expect_err(sql).to_string();
        assert!(error.contains(expected) && error.lines().count() == 1, "{sql}: {error}");
        assert_same(&before, &database.dump(), sql);
    }
}
