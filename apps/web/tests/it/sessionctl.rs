//! Operations from a shell: what `sessionctl` does, what it says, and what it refuses.

use serde_json::{Value, json};
use test_support::{App, Ended, TestDatabase, sessionctl, sessionctl_with, stack, try_sessionctl};

use crate::{PASSWORD, assert_refused_soon};

fn json_of(database: &TestDatabase, arguments: &[&str]) -> Value {
    let printed = sessionctl(database, &[&["--json"], arguments].concat());
    assert_eq!(printed.lines().count(), 1, "one value, on one line: {printed}");
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// A person without a session, made from the shell.
fn create(database: &TestDatabase, email: &str, role: &str) -> Value {
    let arguments = ["--json", "user", "create", "--email", email, "--role", role, "--password-stdin"];
    let ended = try_sessionctl(database, &arguments, PASSWORD);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.output).unwrap()
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// It did nothing and said why in one line with these words.
#[track_caller]
fn assert_refused(ended: &Ended, words: &str) {
    assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.errors.starts_with("sessionctl: ") && ended.errors.contains(words), "{ended:?}");
    assert_eq!(ended.errors.trim_end().lines().count(), 1, "{ended:?}");
}

fn actions(database: &TestDatabase) -> Vec<String> {
    let rows = database.query("SELECT action FROM audit_log WHERE actor_id IS NULL ORDER BY id");
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

#[test]
fn a_password_is_drawn_printed_once_and_lets_its_person_in() {
    let (database, _redis, app) = stack("web");
    let created = json_of(&database, &["user", "create", "--email", " Ann@Example.com "]);
    assert_eq!(members(&created), ["blocked", "email", "id", "password", "role"]);
    assert_eq!(
        (&created["email"], &created["role"], &created["blocked"]),
        (&json!("ann@example.com"), &json!("user"), &json!(false))
    );
    let drawn = created["password"].as_str().unwrap();
    assert!(drawn.len() >= 24, "{} characters", drawn.len());
    assert_eq!(app.log_in("ann@example.com", drawn).user_id, created["id"]);
    let again = json_of(&database, &["user", "create", "--email", "boris@example.com"]);
    assert_ne!(again["password"], created["password"]);
    let told = sessionctl(&database, &["user", "list"]);
    assert!(told.contains("ann@example.com") && !told.contains(drawn), "{told}");
    assert_eq!(actions(&database), ["user_created", "user_created"]);
}

#[test]
fn a_password_from_standard_input_is_never_printed() {
    let (database, _redis, app) = stack("web");
    for (email, arguments) in [("ann@example.com", &[][..]), ("boris@example.com", &["--json"])] {
        let arguments = [arguments, &["user", "create", "--email", email, "--password-stdin"]].concat();
        let ended = try_sessionctl(&database, &arguments, &format!("{PASSWORD}\n"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.output.contains(email), "{ended:?}");
        assert!(!ended.output.contains("password") && !ended.output.contains(PASSWORD), "{ended:?}");
        assert_eq!(app.log_in(email, PASSWORD).me().status, 200);
    }
}

#[test]
fn people_are_listed_the_newest_first_by_role_and_in_parts() {
    let database = TestDatabase::new();
    for (email, role) in
        [("ann@example.com", "admin"), ("boris@example.com", "user"), ("olga@example.com", "support")]
    {
        create(&database, email, role);
    }
    let emails = |arguments: &[&str]| -> Vec<String> {
        let list = json_of(&database, &[&["user", "list"], arguments].concat());
        list.as_array().unwrap().iter().map(|one| one["email"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(emails(&[]), ["olga@example.com", "boris@example.com", "ann@example.com"]);
    assert_eq!(emails(&["--role", "admin"]), ["ann@example.com"]);
    assert_eq!(emails(&["--limit", "1", "--offset", "1"]), ["boris@example.com"]);
    assert_eq!(emails(&["--role", "operator"]), [""; 0]);
    let list = json_of(&database, &["user", "list"]);
    assert_eq!(members(&list[0]), ["blocked", "email", "id", "role"]);
    assert!(!list.to_string().contains("argon2"), "{list}");
    assert_eq!(sessionctl(&database, &["user", "list"]).lines().count(), 3);
}

#[test]
fn a_role_is_changed_at_once_and_the_last_administrator_keeps_theirs_c2() {
    let (database, _redis, app) = stack("web");
    let ann = app.register("ann@example.com", PASSWORD);
    let root = create(&database, "root@example.com", "admin");
    // By id as well as by address.
    assert_eq!(json_of(&database, &["user", "role", &ann.user_id, "operator"])["role"], "operator");
    let last = |arguments: &[&str]| try_sessionctl(&database, arguments, "");
    assert_refused(&last(&["user", "role", "root@example.com", "user"]), "the last administrator");
    assert_refused(&last(&["user", "block", root["id"].as_str().unwrap()]), "the last administrator");
    let role = "SELECT role || ' ' || (blocked_at IS NULL) FROM users WHERE email = 'root@example.com'";
    assert_eq!(database.value(role), "admin true");
    assert_eq!(actions(&database), ["user_created", "user_role_changed"], "a refusal leaves no line");

    let detail = "SELECT detail FROM audit_log WHERE action = 'user_role_changed'";
    assert_eq!(database.value(detail), r#"{"role": {"new": "operator", "old": "user"}}"#);

    sessionctl(&database, &["user", "role", "ann@example.com", "admin"]);
    assert_eq!(json_of(&database, &["user", "role", "root@example.com", "support"])["role"], "support");
    assert_refused(&last(&["user", "role", "ann@example.com", "user"]), "the last administrator");
}

#[test]
fn who_is_blocked_is_out_everywhere_until_it_is_undone_c2() {
    let (database, _redis, app) = stack("web");
    let ann = app.register("ann@example.com", PASSWORD);
    let other = app.log_in("ann@example.com", PASSWORD);
    assert_eq!(json_of(&database, &["user", "block", "ann@example.com"])["blocked"], true);
    for device in [&ann, &other] {
        assert_refused_soon(&device.client);
    }
    let log_in = || app.anon().log_in("ann@example.com", PASSWORD);
    log_in().assert_problem(401, "invalid_credentials");
    assert!(sessionctl(&database, &["user", "list"]).contains(" blocked"));
    assert_eq!(json_of(&database, &["user", "block", "--undo", "ann@example.com"])["blocked"], false);
    assert_eq!(log_in().status, 200);
    assert_eq!(ann.me().status, 401, "what was ended stays ended");
    assert_eq!(actions(&database), ["user_blocked", "user_unblocked"]);
}

#[test]
fn live_sessions_are_listed_in_every_application_without_a_token_c2() {
    let (database, redis, app) = stack("web");
    let panel = App::builder("admin-panel").database(&database).redis(&redis).start();
    create(&database, "root@example.com", "admin");
    let (web, gone) = (app.log_in("root@example.com", PASSWORD), app.log_in("root@example.com", PASSWORD));
    let admin = panel.log_in("root@example.com", PASSWORD);
    assert_eq!(gone.log_out().status, 200);
    let list = json_of(&database, &["session", "list", "root@example.com"]);
    let mut listed: Vec<(&str, &str)> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["application_context"].as_str().unwrap(), one["id"].as_str().unwrap()))
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, [("admin", admin.session_id.as_str()), ("web", &web.session_id)]);
    for member in
        ["created_at", "last_activity", "expires_at", "absolute_expires_at", "ip_address", "user_id"]
    {
        assert!(list[0][member].is_string(), "{member}: {list}");
    }
    let lines = sessionctl(&database, &["session", "list", "root@example.com"]);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    for printed in [list.to_string(), lines] {
        assert!(!printed.contains(&web.token) && !printed.contains(&admin.token), "{printed}");
    }
}

#[test]
fn one_session_or_all_of_a_person_are_ended_and_nobody_elses_c2() {
    let (database, _redis, app) = stack("web");
    let devices: Vec<_> = std::iter::once(app.register("ann@example.com", PASSWORD))
        .chain((0..2).map(|_| app.log_in("ann@example.com", PASSWORD)))
        .collect();
    let boris = app.register("boris@example.com", PASSWORD);
    let revoke = |session: &str| {
        let arguments = ["--json", "session", "revoke", "ann@example.com", "--session", session];
        try_sessionctl(&database, &arguments, "")
    };
    let one = revoke(&devices[0].session_id);
    assert_eq!((one.code, one.output.trim()), (Some(0), r#"{"revoked":1}"#), "{one:?}");
    assert_refused_soon(&devices[0].client);
    assert_eq!(devices[1].me().status, 200);
    for unknown in [&devices[0].session_id, &boris.session_id, "no-session"] {
        assert_refused(&revoke(unknown), "no live session");
    }
    assert_eq!(json_of(&database, &["session", "revoke", "ann@example.com"]), json!({"revoked": 2}));
    for device in &devices[1..] {
        assert_refused_soon(&device.client);
    }
    assert_eq!(boris.me().status, 200);
    assert_eq!(sessionctl(&database, &["session", "revoke", "ann@example.com"]).trim(), "0 ended");
    // The command line acted, not the person.
    assert_eq!(actions(&database), ["session_ended", "sessions_ended", "sessions_ended"]);
    let told = "SELECT subject_id || session_id || (detail->>'application_context') FROM audit_log WHERE action = 'session_ended'";
    assert_eq!(database.value(told), format!("{}{}web", devices[0].user_id, devices[0].session_id));
}

/// Sessions of the first person that ended so many days ago, named `kind` and a number.
fn ended(database: &TestDatabase, kind: &str, days: u32, count: u32) {
    database.execute(&format!(
        "INSERT INTO sessions (id, user_id, created_at, expires_at, absolute_expires_at)
         SELECT session_digest('{kind}-' || n), (SELECT id FROM users ORDER BY created_at LIMIT 1),
                now() - interval '90 days', now() - interval '{days} days', now()
         FROM generate_series(1, {count}) n"
    ));
}

fn rows(database: &TestDatabase, kind: &str, count: u32) -> i64 {
    database.number(&format!(
        "SELECT count(*) FROM sessions
         WHERE id IN (SELECT session_digest('{kind}-' || n) FROM generate_series(1, {count}) n)"
    ))
}

#[test]
fn a_purge_deletes_what_ended_long_ago_and_keeps_every_tombstone_that_is_needed_f1() {
    let (database, _redis, app) = stack("web");
    let ann = app.register("ann@example.com", PASSWORD);
    for (kind, days, count) in
        [("older", 8, 4500), ("young", 6, 3), ("token", 30, 1), ("column", 30, 1), ("redis", 30, 1)]
    {
        ended(&database, kind, days, count);
    }
    // What may still bring a session back: two columns of the older software, and one of its Redis keys.
    database.execute("UPDATE users SET auth_token = 'token-1', session_id = 'column-1'");
    database.execute("UPDATE sessions SET adopted_from = 'redis' WHERE id = session_digest('redis-1')");
    let mut denials = database.denials();
    let purge = || json_of(&database, &["session", "purge"]);
    assert_eq!(purge(), json!({"deleted": 4500, "kept": 3}));
    // Nobody remembers a yes of what ended long ago; what is heard is the process that tests its own hearing.
    let told: Vec<String> = denials.heard().into_iter().filter(|told| !told.starts_with("probe:")).collect();
    assert_eq!(told, [""; 0]);
    for (kind, count, left) in
        [("older", 4500, 0), ("young", 3, 3), ("token", 1, 1), ("column", 1, 1), ("redis", 1, 1)]
    {
        assert_eq!(rows(&database, kind, count), left, "{kind}");
    }
    assert_eq!(ann.me().status, 200);
    for token in ["token-1", "column-1", "older-1"] {
        assert_eq!(app.with_cookie(token).get("/api/me").status, 401, "{token}");
    }
    assert_eq!(purge(), json!({"deleted": 0, "kept": 3}), "again");
    let told = sessionctl(&database, &["session", "purge", "--older-than-days", "5"]);
    assert_eq!(told.trim(), "3 deleted, 3 kept because what the older software left still names them");
    assert_eq!(ann.me().status, 200);
}

#[test]
fn a_purge_is_for_the_owner_alone_f1() {
    let (database, _redis, app) = stack("web");
    let _ann = app.register("ann@example.com", PASSWORD);
    ended(&database, "old", 8, 3);
    let refused = sessionctl_with(&[("DATABASE_URL", &database.url())], &["session", "purge"], "");
    assert_refused(&refused, "permission denied");
    assert_eq!(rows(&database, "old", 3), 3);
}

#[test]
fn what_cannot_be_done_is_refused_in_one_line_and_changes_nothing() {
    let database = TestDatabase::new();
    create(&database, "ann@example.com", "user");
    let before = database.query("SELECT id, email, role, blocked_at, version FROM users");
    let nobody = "00000000-0000-4000-8000-000000000000";
    for (arguments, input, words) in [
        (&["user", "role", "nobody@example.com", "admin"][..], "", "no person nobody@example.com"),
        (&["user", "block", nobody], "", nobody),
        (&["session", "list", "nobody@example.com"], "", "no person"),
        (&["session", "revoke", "nobody@example.com"], "", "no person"),
        (&["session", "list", "not an address"], "", "neither an e-mail address nor an id"),
        (&["user", "role", "ann@example.com", "king"], "", "user, admin, operator, support"),
        (&["user", "list", "--role", "king"], "", "no role"),
        (&["user", "create", "--email", "ann"], "", "no e-mail address"),
        (&["user", "create", "--email", "ANN@example.com"], "", "already in use"),
        (&["user", "create", "--email", "b@example.com", "--role", "king"], "", "no role"),
        (&["user", "create", "--email", "b@example.com", "--password-stdin"], "s3cret!", "fewer than 8"),
    ] {
        for arguments in [arguments.to_vec(), [&["--json"], arguments].concat()] {
            let refused = try_sessionctl(&database, &arguments, input);
            assert_refused(&refused, words);
            assert!(!refused.errors.contains("s3cret"), "{refused:?}");
        }
    }
    assert_eq!(database.query("SELECT id, email, role, blocked_at, version FROM users"), before);
    assert_eq!(actions(&database), ["user_created"]);
}

#[test]
fn a_command_that_is_none_ends_with_2_and_points_to_the_help() {
    let database = TestDatabase::new();
    for arguments in [
        &[][..],
        &["users"],
        &["user", "create"],
        &["user", "block"],
        &["session", "purge", "--older-than-days", "-1"],
        &["session", "purge", "--older-than-days", "soon"],
        &["session", "list", "ann@example.com", "extra"],
    ] {
        let ended = try_sessionctl(&database, arguments, "");
        assert_eq!((ended.code, ended.output.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
        assert!(ended.errors.contains("--help"), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_store_that_is_not_named_or_not_there_is_told_without_its_password() {
    let list = &["user", "list"];
    assert_refused(&sessionctl_with(&[], list, ""), "DATABASE_OWNER_URL is not set");
    assert_refused(&sessionctl_with(&[("DATABASE_URL", "")], list, ""), "DATABASE_OWNER_URL is not set");
    for url in ["mysql://me:s3cret@db.example/x", "postgres://me:s3cret@127.0.0.1:1/x"] {
        let refused = sessionctl_with(&[("DATABASE_URL", url)], list, "");
        assert_eq!((refused.code, refused.output.as_str()), (Some(1), ""), "{refused:?}");
        assert!(!refused.errors.contains("s3cret") && !refused.errors.is_empty(), "{refused:?}");
        let by_flag = sessionctl_with(&[], &[&["--database-url", url][..], list].concat(), "");
        assert_eq!(by_flag.code, Some(1), "a flag is the same setting: {by_flag:?}");
        assert!(!by_flag.errors.contains("s3cret"), "{by_flag:?}");
    }
}
