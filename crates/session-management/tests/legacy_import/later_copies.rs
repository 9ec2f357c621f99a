//! The same file again, and later copies of it.

use serde_json::json;
use test_support::TestDatabase;

use crate::fixture::{OldFile, everything, finding, has_row, is_live, of_user, sessionctl};

/// Three people: one with two sessions, one with the column alone, one with an address that is taken.
fn file() -> OldFile {
    let file = OldFile::new();
    file.user(1, "token-of-the-pc").session(1, "token-of-the-pc").session(1, "token-of-the-phone");
    file.user(2, "token-of-the-column").user(3, "shared-token").user(4, "shared-token");
    file.run(
        "UPDATE users SET email = 'ann@example.com', plan = 'pro' WHERE id IN (1, 2);
         UPDATE users SET phone = 'none', created_at = 'never' WHERE id = 3",
    );
    file
}

#[test]
fn the_same_file_again_changes_nothing_b10() {
    let (database, file) = (TestDatabase::new(), file());
    let first = file.import(&database);
    let before = everything(&database);
    let again = file.import_with(&database, &["--batch", "1"]);
    assert_eq!(everything(&database), before);
    assert_eq!(again["users"], json!({"read": 4, "created": 0, "updated": 0, "unchanged": 4, "skipped": 0}));
    assert_eq!(again["sessions"], json!({"read": 2, "created": 0, "unchanged": 2, "skipped": 0}));
    assert_eq!(again["findings"], first["findings"], "what is wrong with the file is told again");
}

#[test]
fn a_later_copy_brings_what_is_new_b10() {
    let (database, file) = (TestDatabase::new(), file());
    file.import(&database);
    file.user(5, "token-of-five").session(5, "token-of-five").session(1, "token-of-the-tablet");
    file.run(
        "UPDATE users SET auth_token = 'token-of-the-tablet', paid_until = '2027-01-01 00:00:00' WHERE id = 1;
         UPDATE users SET auth_token = 'newer-in-the-column', email = 'bob@example.com' WHERE id = 2;
         UPDATE users SET auth_token = 'of-three-alone' WHERE id = 3",
    );
    let report = file.import(&database);
    assert_eq!(report["users"], json!({"read": 5, "created": 1, "updated": 4, "unchanged": 0, "skipped": 0}));
    assert_eq!(report["auth_tokens"], json!({"in_column": 5, "as_session": 0, "unchanged": 0, "skipped": 0}));
    assert_eq!(report["sessions"], json!({"read": 4, "created": 2, "unchanged": 2, "skipped": 0}));
    for token in ["token-of-the-pc", "token-of-the-phone", "token-of-the-tablet", "token-of-five"] {
        assert!(is_live(&database, token), "{token}");
    }
    for (id, token) in [
        (1, "token-of-the-tablet"),
        (2, "newer-in-the-column"),
        (3, "of-three-alone"),
        // No longer anybody else's.
        (4, "shared-token"),
    ] {
        assert_eq!(of_user(&database, id, "auth_token"), token);
    }
    assert_eq!(of_user(&database, 1, "legacy_attributes ->> 'paid_until'"), "2027-01-01 00:00:00");
    assert_eq!(of_user(&database, 2, "email"), "bob@example.com");
    assert_eq!(of_user(&database, 2, "legacy_attributes ? 'email'"), "f");
}

#[test]
fn a_session_that_was_ended_here_stays_ended_whatever_copy_comes_f1_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    for (id, way) in [(1, "revoked"), (2, "all"), (3, "expired"), (4, "epoch"), (5, "column")] {
        file.user(id, &format!("column-of-{way}"));
        if way != "column" {
            file.session(id, &format!("session-of-{way}")).session(id, &format!("column-of-{way}"));
        }
    }
    file.import(&database);
    database.execute("UPDATE sessions SET revoked = true WHERE id = session_digest('session-of-revoked')");
    database.execute(
        "UPDATE sessions SET expires_at = now() - interval '1 year', absolute_expires_at = now() - interval '1 year'
         WHERE id = session_digest('session-of-expired')",
    );
    // Everything that ends all sessions of a person does it so.
    for id in [2, 5] {
        let person = of_user(&database, id, "id");
        assert!(sessionctl(&database, &["session", "revoke", &person]).output().unwrap().status.success());
    }
    database.execute("UPDATE users SET session_epoch = session_epoch + 1 WHERE legacy_id = 4");
    let dead =
        ["session-of-revoked", "session-of-all", "column-of-all", "session-of-expired", "session-of-epoch"];
    let still = || {
        for token in dead {
            assert!(!is_live(&database, token), "{token} is back");
        }
        assert!(has_row(&database, "column-of-column") && !is_live(&database, "column-of-column"));
    };
    still();
    let before = everything(&database);
    file.import(&database);
    assert_eq!(everything(&database), before, "the same file");
    // A later copy, in which something of everybody is new.
    file.run("UPDATE users SET plan = 'new'");
    file.import(&database);
    still();
    // The purge takes nothing away that keeps them ended.
    let purge = sessionctl(&database, &["session", "purge", "--older-than-days", "0"]).output().unwrap();
    assert!(purge.status.success());
    file.run("UPDATE users SET plan = 'newer'").import(&database);
    still();
    let refusal =
        database.try_execute("DELETE FROM sessions WHERE id = session_digest('session-of-revoked')");
    assert_eq!(refusal.unwrap_err().code, "23000", "nor does anybody else");
}

#[test]
fn after_an_end_of_all_sessions_only_what_began_later_comes_f1_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "column-one").user(2, "column-two").user(3, "column-three");
    file.import(&database);
    for id in [1, 2] {
        let person = of_user(&database, id, "id");
        assert!(sessionctl(&database, &["session", "revoke", &person]).output().unwrap().status.success());
    }
    database.execute("UPDATE users SET blocked_at = now() WHERE legacy_id = 3");
    file.session(1, "began-before").session_at(1, "began-after", "2999-01-01 00:00:00");
    file.session_at(1, "began-at-an-unknown-time", "whenever").session_at(
        3,
        "of-a-blocked",
        "2999-01-01 00:00:00",
    );
    file.run(
        "UPDATE users SET auth_token = 'given-out-since' WHERE id = 2; UPDATE users SET auth_token = 'of-a-blocked' WHERE id = 3",
    );
    let report = file.import(&database);
    assert!(is_live(&database, "began-after"));
    for token in ["began-before", "began-at-an-unknown-time", "of-a-blocked", "given-out-since"] {
        assert!(!has_row(&database, token), "{token}");
    }
    assert_eq!(finding(&report, "user_sessions", "ended_here"), (2, vec![1, 3]));
    assert_eq!(finding(&report, "user_sessions", "blocked_here"), (1, vec![4]));
    assert_eq!(finding(&report, "users", "ended_here"), (1, vec![2]), "it may be from before the end");
    assert_eq!(finding(&report, "users", "blocked_here"), (1, vec![3]));
    assert_eq!(of_user(&database, 2, "auth_token"), "column-two");
    // From the next copy on it is certain.
    file.run("UPDATE users SET auth_token = 'given-out-later' WHERE id = 2").import(&database);
    assert_eq!(of_user(&database, 2, "auth_token"), "given-out-later");
    assert!(!is_live(&database, "column-two"));
}

#[test]
fn what_was_changed_here_is_not_overwritten_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "column-one").user(2, "column-two").user(3, "column-three");
    file.run("UPDATE users SET email = id || '@example.com', phone = '+7916123456' || id, telegram_id = id");
    file.import(&database);
    database.execute(
        "UPDATE users SET email = 'new@example.com', phone = '+447946000001', telegram_id = 99, role = 'support',
                is_verified = true, hashed_password = 'hash', created_at = '2020-01-01', blocked_at = '2026-01-01'
         WHERE legacy_id = 1;
         UPDATE users SET auth_token = 'token-of-a-login-here', last_login_at = clock_timestamp() WHERE legacy_id = 2",
    );
    let ours = |id| of_user(&database, id, "to_jsonb(users) - ARRAY['legacy_attributes']");
    let (one, two) = (ours(1), ours(2));
    file.run(
        "UPDATE users SET plan = 'new', email = 'other' || id || '@example.com', phone = '+7916999999' || id,
                telegram_id = id + 1000, created_at = '2021-01-01 00:00:00'",
    );
    let report = file.import(&database);
    assert_eq!(report["users"]["updated"], 3);
    assert_eq!((ours(1), ours(2)), (one, two));
    assert_eq!(of_user(&database, 1, "legacy_attributes ->> 'plan'"), "new");
}

#[test]
fn a_newer_login_here_keeps_the_column_and_a_newer_token_of_the_file_becomes_a_session_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "column-one").user(2, "column-two").import(&database);
    database.execute(
        "UPDATE users SET auth_token = 'token-of-a-login-here', last_login_at = clock_timestamp() WHERE legacy_id = 1;
         UPDATE users SET last_login_at = clock_timestamp() WHERE legacy_id = 2",
    );
    file.run("UPDATE users SET auth_token = 'newer-token-' || id");
    let report = file.import(&database);
    assert_eq!(report["auth_tokens"], json!({"in_column": 0, "as_session": 2, "unchanged": 0, "skipped": 0}));
    assert_eq!(of_user(&database, 1, "auth_token"), "token-of-a-login-here");
    assert_eq!(
        of_user(&database, 2, "auth_token"),
        "column-two",
        "who logged in here has left the older software"
    );
    assert!(is_live(&database, "newer-token-1") && is_live(&database, "newer-token-2"));
    let before = everything(&database);
    file.import(&database);
    assert_eq!(everything(&database), before);
}

#[test]
fn who_was_deleted_here_is_not_brought_back_b10() {
    let (database, file) = (TestDatabase::new(), file());
    file.import(&database);
    database.execute("DELETE FROM users WHERE legacy_id = 1");
    file.run("UPDATE users SET plan = 'new'").session(1, "token-of-the-tablet");
    let report = file.import(&database);
    assert_eq!(database.number("SELECT count(*) FROM users WHERE legacy_id = 1"), 0);
    assert_eq!(finding(&report, "users", "user_deleted_here"), (1, vec![1]));
    assert_eq!(finding(&report, "user_sessions", "user_deleted_here").0, 3);
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 0);
}

#[test]
fn a_token_that_was_found_by_the_look_up_meanwhile_is_known_b10() {
    let (database, file) = (TestDatabase::new(), OldFile::new());
    file.user(1, "column-one").import(&database);
    database.execute(
        "INSERT INTO sessions (id, user_id, expires_at, absolute_expires_at, adopted_from)
         SELECT session_digest('column-one'), id, now() + interval '1 hour', now() + interval '1 hour', 'auth_token' FROM users",
    );
    file.session(1, "column-one");
    let before = everything(&database);
    let report = file.import(&database);
    assert_eq!(report["sessions"], json!({"read": 1, "created": 0, "unchanged": 1, "skipped": 0}));
    assert_eq!(everything(&database), before);
}
