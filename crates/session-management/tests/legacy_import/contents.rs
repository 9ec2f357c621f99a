//! What comes of the contents of a file.

use serde_json::{Value, json};
use test_support::TestDatabase;

use crate::fixture::{OldFile, finding, has_row, is_live, of_user};

#[test]
fn each_token_of_user_sessions_becomes_a_session_whose_time_counts_from_the_import_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(7, "token-of-the-column").session_at(7, "token-one", "2025-03-04 05:06:07.123456");
    file.session(7, "token-of-the-column").session(7, "short6");
    let before = database.value("SELECT clock_timestamp()");
    let report = file.import(&database);
    assert_eq!(
        (&report["users"]["created"], &report["sessions"]["created"], &report["sessions"]["skipped"]),
        (&json!(1), &json!(3), &json!(0))
    );
    for token in ["token-one", "token-of-the-column", "short6"] {
        assert!(is_live(&database, token), "{token}");
        let row = format!(
            "SELECT application_context = 'web' AND auth_method = 'legacy' AND adopted_from = 'import'
                    AND authenticated_at IS NULL AND NOT revoked AND s.session_epoch = u.session_epoch
                    AND expires_at BETWEEN '{before}'::timestamptz + interval '30 days' AND now() + interval '30 days'
                    AND absolute_expires_at - expires_at = interval '60 days' AND u.legacy_id = 7
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = session_digest('{token}')"
        );
        assert_eq!(database.value(&row), "t", "{token}");
    }
    let times =
        "SELECT created_at || ' ' || last_activity FROM sessions WHERE id = session_digest('token-one')";
    assert_eq!(database.value(times), "2025-03-04 05:06:07.123456+00 2025-04-05 06:07:08+00");
    assert_eq!(of_user(&database, 7, "auth_token"), "token-of-the-column");
    assert_eq!(of_user(&database, 7, "created_at"), "2025-03-04 05:06:07.08091+00");
}

#[test]
fn the_lifetimes_are_those_that_web_is_told_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "").session(1, "token-one");
    file.import_with(&database, &["--session-idle-seconds", "100", "--session-absolute-seconds", "300"]);
    assert_eq!(database.value("SELECT absolute_expires_at - expires_at FROM sessions"), "00:03:20");
    assert_eq!(database.value("SELECT expires_at < now() + interval '101 s' FROM sessions"), "t");
}

#[test]
fn a_file_from_before_user_sessions_brings_the_token_of_the_column_b10() {
    let database = TestDatabase::new();
    let file = OldFile::with(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, auth_token TEXT, created_at TEXT);
         INSERT INTO users VALUES (1, 'old_token', '2024-01-01 00:00:00'), (2, NULL, '2024-01-01 00:00:00')",
    );
    let report = file.import(&database);
    assert_eq!(of_user(&database, 1, "auth_token"), "old_token");
    assert_eq!(of_user(&database, 2, "auth_token IS NULL"), "t");
    assert_eq!(report["auth_tokens"], json!({"in_column": 1, "as_session": 0, "unchanged": 0, "skipped": 0}));
    assert_eq!((&report["sessions"]["read"], &report["findings"]), (&json!(0), &json!([])));
}

#[test]
fn what_the_new_schema_does_not_know_is_kept_as_it_was_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.run(
        r#"ALTER TABLE users ADD COLUMN "Ещё одна колонка" TEXT; ALTER TABLE users ADD COLUMN "" BLOB;
           ALTER TABLE users ADD COLUMN role TEXT; ALTER TABLE users ADD COLUMN "say ""x""" REAL;
           INSERT INTO users VALUES (1, '+79161234567', 42, ' Ann@Example.COM ', NULL, '2025-03-04 05:06:07',
               '2025-05-01 00:00:00', NULL, 'про', 'значение', x'00FF', 'admin', 0.1)"#,
    );
    let report = file.import(&database);
    assert_eq!(report["findings"], json!([]));
    let kept: Value = serde_json::from_str(&of_user(&database, 1, "legacy_attributes")).unwrap();
    assert_eq!(
        kept,
        json!({
            "trial_expires_at": "2025-05-01 00:00:00", "paid_until": null, "plan": "про", "Ещё одна колонка": "значение",
            "": {"type": "blob", "base64": "AP8="}, "role": "admin", "say \"x\"": 0.1,
        })
    );
    let known = of_user(&database, 1, "concat_ws(' ', email, phone, telegram_id, role, is_verified)");
    assert_eq!(known, "ann@example.com +79161234567 42 user f", "and nobody gets a role by a file");
}

#[test]
fn a_value_that_is_invalid_or_taken_does_not_lose_the_person_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    database.execute(
        "INSERT INTO users (email, phone, telegram_id) VALUES ('bob@example.com', '+447946000001', 77)",
    );
    file.run(
        "INSERT INTO users (id, email, phone, telegram_id, auth_token, created_at) VALUES
             (1, 'no address', '12345', -5, 'token-1', '2025-01-01 00:00:00'),
             (2, 'BOB@example.com', '+44 7946 000001', '77', 'token-2', '2025-01-01 00:00:00'),
             (3, 'ann@example.com', '+79161234567', 9, 'token-3', '2025-01-01 00:00:00'),
             (4, 'Ann@example.com', '+7 916 123-45-67', 9, 'token-4', '2025-01-01 00:00:00'),
             (5, '', '  ', NULL, 'token-5', '2025-01-01 00:00:00')",
    );
    let report = file.import(&database);
    assert_eq!(report["users"]["created"], 5);
    for (id, kept) in [
        (1, json!({"email": "no address", "phone": "12345", "telegram_id": -5})),
        (2, json!({"email": "BOB@example.com", "phone": "+44 7946 000001", "telegram_id": 77})),
        (3, json!({})),
        (4, json!({"email": "Ann@example.com", "phone": "+7 916 123-45-67", "telegram_id": 9})),
        (5, json!({})),
    ] {
        let attributes =
            of_user(&database, id, "legacy_attributes - ARRAY['trial_expires_at', 'paid_until', 'plan']");
        assert_eq!(serde_json::from_str::<Value>(&attributes).unwrap(), kept, "{id}");
        let expected = if id == 3 { "ann@example.com +79161234567 9" } else { "" };
        assert_eq!(of_user(&database, id, "concat_ws(' ', email, phone, telegram_id)"), expected, "{id}");
        assert_eq!(of_user(&database, id, "auth_token"), format!("token-{id}"));
    }
    for field in ["email", "phone", "telegram_id"] {
        assert_eq!(finding(&report, "users", &format!("{field}_invalid")), (1, vec![1]), "{field}");
        assert_eq!(finding(&report, "users", &format!("{field}_taken")), (2, vec![2, 4]), "{field}");
    }
    assert_eq!(
        database.value("SELECT legacy_id IS NULL FROM users WHERE email = 'bob@example.com'"),
        "t",
        "who was here is nobody of the file"
    );
}

#[test]
fn phones_without_a_country_code_need_a_region_which_a_second_import_may_name_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "").run("UPDATE users SET phone = '8 (916) 123-45-67', plan = 'pro'");
    let report = file.import(&database);
    assert_eq!(finding(&report, "users", "phone_invalid"), (1, vec![1]));
    assert_eq!(of_user(&database, 1, "legacy_attributes ->> 'phone'"), "8 (916) 123-45-67");
    let report = file.import_with(&database, &["--region", "RU"]);
    assert_eq!(report["users"]["updated"], 1);
    assert_eq!(of_user(&database, 1, "phone"), "+79161234567");
    assert_eq!(of_user(&database, 1, "legacy_attributes ? 'phone'"), "f", "it is no rejected value any more");
    assert_eq!(of_user(&database, 1, "legacy_attributes ->> 'plan'"), "pro");
}

#[test]
fn a_token_of_two_people_is_imported_for_neither_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "shared-by-columns").user(2, "shared-by-columns");
    file.user(3, "shared-by-both").user(4, "").session(4, "shared-by-both");
    file.session(1, "shared-by-sessions").session(2, "shared-by-sessions");
    file.user(5, "of-one-person")
        .session(5, "of-one-person")
        .session(5, "of-one-person")
        .session(99, "of-one-person");
    let report = file.import(&database);
    for token in ["shared-by-columns", "shared-by-both", "shared-by-sessions"] {
        assert!(!has_row(&database, token), "{token}");
        let standing = format!("SELECT count(*) FROM users WHERE auth_token = '{token}'");
        assert_eq!(database.number(&standing), 0, "{token}");
    }
    assert_eq!(finding(&report, "users", "token_of_two_users"), (3, vec![1, 2, 3]));
    assert_eq!(finding(&report, "user_sessions", "token_of_two_users"), (3, vec![1, 2, 3]));
    assert!(is_live(&database, "of-one-person"), "a row without its person makes nobody a second one");
    assert_eq!(of_user(&database, 5, "auth_token"), "of-one-person");
    assert_eq!(database.number("SELECT count(*) FROM users"), 5, "the people come all the same");
}

#[test]
fn tokens_that_differ_in_case_or_spaces_are_different_tokens_b10() {
    let database = TestDatabase::new();
    let file = OldFile::with(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, auth_token TEXT COLLATE NOCASE, created_at TEXT);
         CREATE TABLE user_sessions (user_id INTEGER, auth_token TEXT COLLATE RTRIM, created_at TEXT);
         INSERT INTO users VALUES (1, 'ToKeN-of-one', '2025-01-01 00:00:00'), (2, 'token-of-ONE', '2025-01-01 00:00:00');
         INSERT INTO user_sessions VALUES (1, 'session', '2025-01-01 00:00:00'), (2, 'session ', '2025-01-01 00:00:00')",
    );
    let report = file.import(&database);
    assert_eq!(of_user(&database, 1, "auth_token"), "ToKeN-of-one");
    assert_eq!(of_user(&database, 2, "auth_token"), "token-of-ONE");
    assert!(is_live(&database, "session"));
    assert_eq!(finding(&report, "user_sessions", "token_invalid"), (1, vec![2]));
}

#[test]
fn a_token_that_belongs_to_somebody_here_is_not_given_to_another_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    database.execute(
        "INSERT INTO users (email, auth_token) VALUES ('bob@example.com', 'in-the-column-here');
         INSERT INTO sessions (id, user_id, expires_at) SELECT session_digest('a-session-here'), id, now() FROM users",
    );
    file.user(1, "in-the-column-here").user(2, "a-session-here");
    file.session(1, "in-the-column-here").session(2, "a-session-here").session(2, "of-their-own");
    let report = file.import(&database);
    assert_eq!(finding(&report, "users", "token_of_another_person"), (2, vec![1, 2]));
    assert_eq!(finding(&report, "user_sessions", "token_of_another_person"), (2, vec![1, 2]));
    assert_eq!(database.number("SELECT count(*) FROM users WHERE auth_token IS NOT NULL"), 1);
    assert_eq!(database.number("SELECT count(*) FROM sessions WHERE adopted_from = 'import'"), 1);
    assert!(is_live(&database, "of-their-own"));
}

#[test]
fn rows_that_are_broken_are_skipped_and_told_by_their_ids_b10() {
    let database = TestDatabase::new();
    let file = OldFile::with(
        "CREATE TABLE users (id, auth_token, created_at, email);
         CREATE TABLE user_sessions (id, user_id, auth_token, created_at);
         INSERT INTO users VALUES
             (1, 'token-of-one', '2025-01-01 00:00:00', 'ann@example.com'), (NULL, 'token-of-null', NULL, NULL),
             ('two', 'token-of-text', NULL, NULL), (3.5, 'token-of-real', NULL, NULL), (x'31', 'token-of-blob', NULL, NULL),
             (1, 'token-again', NULL, 'bob@example.com'), (1, 'and-again', NULL, NULL), (6, NULL, 'yesterday', NULL);
         INSERT INTO user_sessions VALUES
             (1, 1, 'good-session', '2025-01-01 00:00:00'), (2, 99, 'of-nobody', '2025-01-01 00:00:00'),
             (3, NULL, 'of-null', NULL), (4, 'one', 'of-text', NULL), (NULL, 1, 'good-without-id', 'last week'),
             (6, 1, '', NULL), (7, 1, NULL, NULL), (8, 1, 'five5', NULL), (9, 1, 'with space', NULL),
             (10, 1, x'626C6F622D746F6B656E', NULL), (11, 1, 1234567, NULL)",
    );
    let before = database.value("SELECT clock_timestamp()");
    let report = file.import(&database);
    assert_eq!(finding(&report, "users", "id_not_an_integer"), (4, vec![2, 3, 4, 5]));
    assert_eq!(finding(&report, "users", "id_repeated"), (2, vec![1]));
    assert_eq!(finding(&report, "users", "created_at_unreadable"), (1, vec![6]));
    assert_eq!(report["users"], json!({"read": 8, "created": 2, "updated": 0, "unchanged": 0, "skipped": 6}));
    assert_eq!(finding(&report, "user_sessions", "user_missing"), (3, vec![2, 3, 4]));
    assert_eq!(finding(&report, "user_sessions", "token_empty"), (2, vec![6, 7]));
    assert_eq!(finding(&report, "user_sessions", "token_invalid"), (4, vec![8, 9, 10, 11]));
    assert_eq!(finding(&report, "user_sessions", "created_at_unreadable"), (1, vec![5]));
    assert_eq!(report["sessions"], json!({"read": 11, "created": 2, "unchanged": 0, "skipped": 9}));
    assert!(is_live(&database, "good-session") && is_live(&database, "good-without-id"));
    assert_eq!(of_user(&database, 1, "concat(email, ' ', auth_token)"), "ann@example.com token-of-one");
    assert_eq!(of_user(&database, 6, "legacy_attributes ->> 'created_at'"), "yesterday");
    assert_eq!(of_user(&database, 6, &format!("created_at BETWEEN '{before}' AND now()")), "t");
}

#[test]
fn ids_from_one_end_of_the_integers_to_the_other_are_kept_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    for (n, id) in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX].into_iter().enumerate() {
        file.user(id, "").session(id, &format!("token-{n}"));
    }
    file.run("UPDATE user_sessions SET id = 9223372036854775807 WHERE id = 5");
    file.run("UPDATE user_sessions SET id = -9223372036854775808 WHERE id = 1");
    let report = file.import_with(&database, &["--batch", "1"]);
    assert_eq!((&report["users"]["created"], &report["sessions"]["created"]), (&json!(5), &json!(5)));
    let ids = database.query("SELECT legacy_id FROM users ORDER BY legacy_id");
    assert_eq!(ids.len(), 5);
    assert_eq!(ids[0][0].as_deref(), Some("-9223372036854775808"));
}
