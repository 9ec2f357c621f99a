//! After a restore: what was ended since the backup would be back, and one command ends it for good.

use serde_json::{Value, json};
use test_support::{App, TestRedis, sessionctl, stack, try_sessionctl};

use crate::{PASSWORD, assert_refused_soon};

#[test]
fn after_a_restore_one_command_ends_what_would_be_back_c4() {
    let (database, _redis, app) = stack("web");
    let ann = app.register("ann@example.com", PASSWORD);
    let boris = app.register("boris@example.com", PASSWORD);
    let copy = database.restored();
    database.execute("UPDATE users SET auth_token = 'after-the-backup'");
    assert_eq!(ann.log_out().status, 200);

    let redis = TestRedis::start();
    copy.execute("UPDATE users SET session_id = 'an-older-token' WHERE email = 'boris@example.com'");
    sessionctl(&copy, &["user", "create", "--email", "root@example.com", "--role", "admin"]);
    let restored = App::builder("web").database(&copy).redis(&redis).start();
    assert_eq!(restored.with_bearer(&ann.token).get("/api/me").status, 200, "it was ended after the backup");
    let told: Value =
        serde_json::from_str(&sessionctl(&copy, &["--json", "session", "revoke", "--all-before-now"]))
            .unwrap();
    assert_eq!(told, json!({"revoked": 2}));
    for token in [&ann.token, &boris.token, "an-older-token"] {
        assert_refused_soon(&restored.with_bearer(token));
    }
    assert_eq!(restored.log_in("ann@example.com", PASSWORD).me().status, 200, "who logs in afterwards is in");
    assert_eq!(copy.number("SELECT count(*) FROM audit_log WHERE action = 'all_sessions_ended'"), 1);
    assert_eq!(copy.number("SELECT count(*) FROM users WHERE session_epoch = 0"), 0);
}

#[test]
fn everybody_is_reached_in_batches_and_the_flag_goes_with_no_person_c4() {
    let (database, _redis, app) = stack("web");
    let ann = app.register("ann@example.com", PASSWORD);
    database.execute("INSERT INTO users (email) SELECT n || '@example.com' FROM generate_series(1, 1700) n");
    database.execute(
        "INSERT INTO sessions (id, user_id, application_context, expires_at)
         SELECT session_digest(email), id, 'web', now() + interval '1 hour' FROM users WHERE email <> 'ann@example.com'",
    );
    for wrong in [&["session", "revoke"][..], &["session", "revoke", "--all-before-now", "ann@example.com"]] {
        assert_eq!(try_sessionctl(&database, wrong, "").code, Some(2), "{wrong:?}");
    }
    assert_eq!(ann.me().status, 200);
    let told = sessionctl(&database, &["session", "revoke", "--all-before-now"]);
    assert_eq!(told.trim(), "1701 ended");
    assert_refused_soon(&ann.client);
    assert_eq!(database.number("SELECT count(*) FROM user_sessions"), 0);
    assert_eq!(database.number("SELECT count(*) FROM sessions WHERE NOT revoked"), 0);
}
