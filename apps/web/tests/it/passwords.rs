//! Passwords: how they are kept, what a change ends, what is asked of them.

use serde_json::json;
use test_support::stack;

use crate::PASSWORD;

const NEW: &str = "battery horse correct";

#[test]
fn a_change_ends_every_other_session_and_renews_the_callers_c1() {
    let (database, redis, app) = stack("web");
    let pc = app.register("alice@example.com", PASSWORD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    let answer = pc.client.post("/api/password", &body);
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{}", answer.text());
    assert_eq!(pc.me().status, 200);
    assert_ne!(pc.client.cookie("sessionId"), Some(pc.token.clone()));
    for _ in 0..2 {
        phone.me().assert_problem(401, "unauthenticated");
        app.with_bearer(&pc.token).get("/api/me").assert_problem(401, "unauthenticated");
        redis.flush();
    }
    app.anon().log_in("alice@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
    assert_eq!(app.log_in("alice@example.com", NEW).me().status, 200);
    assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'password_changed'"), 1);
}

#[test]
fn a_program_that_changes_the_password_gets_the_new_token_in_the_answer() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    let answer = alice.bearer().post("/api/password", &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.set_cookies().is_empty());
    assert_eq!(app.with_bearer(&answer.member("/token")).get("/api/me").status, 200);
    alice.me().assert_problem(401, "unauthenticated");
}

#[test]
fn a_wrong_current_password_changes_nothing() {
    let (database, _redis, app) = stack("web");
    let pc = app.register("alice@example.com", PASSWORD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    let row = "SELECT hashed_password, session_epoch, credential_version FROM users";
    let before = database.query(row);
    for current in [json!("wrong password"), json!(null), json!(NEW)] {
        let answer =
            pc.client.post("/api/password", &json!({"current_password": current, "new_password": NEW}));
        answer.assert_problem(401, "invalid_credentials");
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(database.query(row), before);
    assert_eq!((pc.me().status, phone.me().status), (200, 200));
}

#[test]
fn a_first_password_needs_a_recent_proof() {
    let (database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    database.execute("UPDATE users SET hashed_password = NULL");
    database.execute("UPDATE sessions SET authenticated_at = now() - interval '6 minutes'");
    redis.flush();
    let body = json!({"current_password": null, "new_password": NEW});
    alice.client.post("/api/password", &body).assert_problem(403, "reauthentication_required");
    assert_eq!(database.value("SELECT hashed_password FROM users"), "");
    database.execute("UPDATE sessions SET authenticated_at = now()");
    redis.flush();
    assert_eq!(alice.client.post("/api/password", &body).status, 204);
    assert_eq!(app.log_in("alice@example.com", NEW).me().status, 200);
}

#[test]
fn a_person_without_a_password_cannot_log_in_by_one() {
    let (database, _redis, app) = stack("web");
    let _alice = app.register("alice@example.com", PASSWORD);
    for hash in ["NULL", "''", "'rubbish'", "'$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$'"] {
        database.execute(&format!("UPDATE users SET hashed_password = {hash}"));
        for password in [PASSWORD, "rubbishrubbish"] {
            let answer = app.anon().log_in("alice@example.com", password);
            answer.assert_problem(401, "invalid_credentials");
            assert!(answer.set_cookies().is_empty());
        }
    }
}

#[test]
fn passwords_are_kept_as_argon2id_with_the_agreed_cost() {
    let (database, _redis, app) = stack("web");
    let _alice = app.register("alice@example.com", PASSWORD);
    let _bob = app.register("bob@example.com", PASSWORD);
    let hashes = database.query("SELECT hashed_password FROM users");
    for row in &hashes {
        assert!(row[0].as_ref().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{row:?}");
    }
    assert_ne!(hashes[0], hashes[1], "each has a salt of its own");
}

#[test]
fn a_hash_of_a_smaller_cost_is_replaced_at_login_and_the_version_stays() {
    let (database, _redis, app) = stack("web");
    let _alice = app.register("alice@example.com", PASSWORD);
    // printf 'correct horse battery' | argon2 saltsalt -id -t 1 -k 1024 -p 1 -l 32 -e
    let weak = "$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHQ$TqligoxfpIUvXmvV4nod38zrKhHo+wA/2PzxTcH/cyY";
    database.execute(&format!("UPDATE users SET hashed_password = '{weak}'"));
    let version = database.value("SELECT credential_version FROM users");
    assert_eq!(app.log_in("alice@example.com", PASSWORD).me().status, 200);
    assert!(
        database.value("SELECT hashed_password FROM users").starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    );
    assert_eq!(database.value("SELECT credential_version FROM users"), version);
    assert_eq!(app.log_in("alice@example.com", PASSWORD).me().status, 200);
}

#[test]
fn length_is_counted_in_characters_and_checked_before_anything_is_hashed() {
    let (database, _redis, app) = stack("web");
    let register = |number: usize, password: &str| {
        app.anon()
            .post("/api/register", &json!({"email": format!("{number}@example.com"), "password": password}))
    };
    let cases = [
        ("1234567".to_owned(), 422),
        ("12345678".to_owned(), 201),
        ("пароль-пароль".to_owned(), 201),
        ("пароль7".to_owned(), 422),
        ("🐎".repeat(256), 201),
        ("🐎".repeat(257), 422),
        ("a".repeat(300), 422),
        (String::new(), 422),
    ];
    for (number, (password, status)) in cases.iter().enumerate() {
        let answer = register(number, password);
        assert_eq!(answer.status, *status, "{} characters: {}", password.chars().count(), answer.text());
        if *status == 422 {
            answer.assert_problem(422, "validation_failed");
        } else {
            assert_eq!(app.log_in(&format!("{number}@example.com"), password).me().status, 200);
        }
    }
    let accepted = cases.iter().filter(|(_, status)| *status == 201).count();
    assert_eq!(usize::try_from(database.number("SELECT count(*) FROM users")).unwrap(), accepted);
}

#[test]
fn a_new_password_is_held_to_the_same_length() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    for new in ["short", &"a".repeat(257)] {
        let body = json!({"current_password": PASSWORD, "new_password": new});
        alice.client.post("/api/password", &body).assert_problem(422, "validation_failed");
    }
    assert_eq!(app.log_in("alice@example.com", PASSWORD).me().status, 200);
}
