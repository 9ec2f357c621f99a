//! The end of the move: what the checklist measures, and that after the clean-up nothing of the older software opens
//! anything, in whichever process, while everybody who is logged in stays so.

mod load;

use std::time::Duration;

use serde_json::{Value, json};
use session_management::{Clock, SystemClock};
use test_support::{App, Ended, TestDatabase, TestRedis, eventually, sessionctl_with, stack};

use crate::PASSWORD;

/// Tokens as the older software made them.
const IN_COLUMN: &str = "a1B2c3D4e5F6-in_the_column";
const IN_REDIS: &str = "a1B2c3D4e5F6-under_a_key";

/// `sessionctl` with both stores.
fn run(database: &TestDatabase, redis: &TestRedis, arguments: &[&str]) -> Ended {
    let (url, owner, redis) = (database.url(), database.owner_url(), redis.url());
    let stores = [("DATABASE_URL", url.as_str()), ("DATABASE_OWNER_URL", owner), ("REDIS_URL", &redis)];
    sessionctl_with(&stores, arguments, "")
}

/// The checklist, and whether it says that all is well.
fn check(database: &TestDatabase, redis: &TestRedis) -> (Value, bool) {
    let ended = run(database, redis, &["--json", "cleanup", "check"]);
    let checklist: Value = serde_json::from_str(&ended.output).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!(checklist["ready"], json!(ended.code == Some(0)), "{ended:?}");
    (checklist, ended.code == Some(0))
}

fn point<'a>(checklist: &'a Value, id: &str) -> &'a Value {
    let points = checklist["points"].as_array().unwrap();
    points.iter().find(|point| point["id"] == id).unwrap_or_else(|| panic!("no {id} in {checklist}"))
}

/// The points that fail and must not.
fn failing(checklist: &Value) -> Vec<&str> {
    let fails = |point: &&Value| point["required"] == true && point["holds"] == false;
    let points = checklist["points"].as_array().unwrap().iter();
    points.filter(fails).map(|point| point["id"].as_str().unwrap()).collect()
}

fn back_up(database: &TestDatabase, redis: &TestRedis) {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(database, redis, &["backup", "--to", folder.path().to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

fn apply(database: &TestDatabase, redis: &TestRedis) -> Ended {
    let name = database.value("SELECT current_database()");
    run(database, redis, &["--json", "cleanup", "apply", "--confirm", &name])
}

/// A backup, and the clean-up.
fn clean_up(database: &TestDatabase, redis: &TestRedis) {
    back_up(database, redis);
    let ended = apply(database, redis);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Puts a session under a key of the older software.
fn older_key(redis: &TestRedis, token: &str, user_id: &str) {
    let now = SystemClock.now().timestamp_millis();
    let (began, ends) = (now - 60_000, now + 600_000);
    let value = format!(r#"{{"user_id":"{user_id}","created_at":{began},"expires_at":{ends}}}"#);
    redis.command(&["SET", &format!("session:{token}"), &value]);
}

/// Neither cookie nor bearer, whatever stands in the columns and in Redis.
#[track_caller]
fn assert_opens_nothing(app: &App, token: &str) {
    let named = app.anon();
    named.add_cookie("auth_token", token);
    for client in [app.with_cookie(token), app.with_bearer(token), named] {
        let answer = client.get("/api/me");
        assert_eq!(answer.status, 401, "{token}: {}", answer.text());
        assert_eq!(client.post_empty("/api/logout").status, 200);
    }
}

#[test]
fn the_checklist_measures_each_point_and_says_since_when_a13() {
    let (database, redis, app) = stack("web");
    let (checklist, ready) = check(&database, &redis);
    assert!(!ready);
    assert_eq!(failing(&checklist), ["backup"], "{checklist}");
    assert_eq!(checklist["database"], database.value("SELECT current_database()"));
    assert_eq!((&checklist["strict"], &checklist["applied"]), (&json!(false), &Value::Null));
    for id in ["legacy-keys", "legacy-uses", "contexts", "migrations", "dual-write", "stable"] {
        let point = point(&checklist, id);
        assert!(point["sentence"].is_string() && point["measured"].is_string(), "{point}");
        assert!(point["since"].is_string() && point["complete"] == true, "{point}");
    }
    let since = point(&checklist, "legacy-keys")["since"].clone();
    assert_eq!(point(&check(&database, &redis).0, "legacy-keys")["since"], since, "it still holds");

    // A key of the older software among 3,000 of ours, a use today, and a use 14 days ago.
    for number in 0..3000 {
        redis.command(&["SET", &format!("session:web:{number}"), "x"]);
    }
    older_key(&redis, IN_REDIS, "00000000-0000-4000-8000-000000000000");
    database
        .execute("INSERT INTO legacy_uses VALUES ((now() AT TIME ZONE 'UTC')::date - 14, 'auth_token', 7)");
    let (checklist, _) = check(&database, &redis);
    assert_eq!(failing(&checklist), ["legacy-keys", "legacy-uses", "backup"], "{checklist}");
    let keys = point(&checklist, "legacy-keys");
    assert_eq!(keys["measured"], "1 found among 3001 keys");
    assert_ne!(keys["since"], since, "since now");
    assert!(point(&checklist, "legacy-uses")["measured"].as_str().unwrap().contains("7 uses"), "{checklist}");
    database.execute("UPDATE legacy_uses SET day = day - 1");
    redis.command(&["DEL", &format!("session:{IN_REDIS}")]);
    back_up(&database, &redis);
    let (checklist, ready) = check(&database, &redis);
    assert!(ready, "{checklist}");

    // A backup grows old, and Redis may be away.
    database.execute("UPDATE backups SET taken_at = taken_at - interval '25 hours'");
    assert_eq!(failing(&check(&database, &redis).0), ["backup"]);
    app.wait_for_lease();
    let writers = check(&database, &redis).0;
    assert_eq!(point(&writers, "dual-write")["measured"], "1 web with dual-write");
    assert_eq!(point(&writers, "dual-write")["holds"], false);
    let url = database.url();
    let ended = sessionctl_with(&[("DATABASE_URL", &url)], &["cleanup", "check"], "");
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.output.contains("FAILS  legacy-keys") && ended.output.contains("REDIS_URL is not set"),
        "{ended:?}"
    );
    assert!(ended.errors.contains("these points of the checklist fail: legacy-keys, backup"), "{ended:?}");
}

#[test]
fn the_clean_up_waits_for_its_points_and_for_the_name_of_the_database_a13() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let name = database.value("SELECT current_database()");
    let refused = |arguments: &[&str], words: &str| {
        let ended = run(&database, &redis, &[&["cleanup", "apply"], arguments].concat());
        assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.errors.contains(words), "{ended:?}");
        assert_eq!(database.number("SELECT count(*) FROM cleanup"), 0);
    };
    older_key(&redis, IN_REDIS, "00000000-0000-4000-8000-000000000000");
    refused(
        &["--confirm", &name],
        "the clean-up waits for: legacy-keys (1 found among 1 keys); backup (there is none)",
    );
    redis.flush();
    back_up(&database, &redis);
    refused(&[], &format!("nobody is there to be asked; name the database by --confirm {name}"));
    refused(&["--confirm", "exchanger_db"], &format!("this is the database {name}, not \"exchanger_db\""));
    let as_app = [("DATABASE_URL", database.url()), ("REDIS_URL", redis.url())];
    let as_app = as_app.each_ref().map(|(name, value)| (*name, value.as_str()));
    let ended = sessionctl_with(&as_app, &["cleanup", "apply", "--confirm", &name], "");
    assert_eq!(ended.code, Some(1), "the owner alone may: {ended:?}");
    assert_eq!(database.number("SELECT count(*) FROM cleanup"), 0);

    let ended = apply(&database, &redis);
    let done: Value = serde_json::from_str(&ended.output).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!((ended.code, &done["now"]), (Some(0), &json!(true)), "{ended:?}");
    let recorded = database.value("SELECT checklist ->> 'ready' FROM cleanup");
    assert_eq!(recorded, "true");
    assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'cleanup_applied'"), 1);
    let default = "SELECT atthasdef FROM pg_attribute
                   WHERE attrelid = 'sessions'::regclass AND attname = 'application_context'";
    assert_eq!(database.value(default), "f", "the schema's default is gone");

    // Again it changes nothing, also when points fail by now; and nobody undoes it.
    older_key(&redis, IN_REDIS, "00000000-0000-4000-8000-000000000000");
    database.execute("INSERT INTO users (email) VALUES ('alice@example.com')");
    let again: Value = serde_json::from_str(&apply(&database, &redis).output).unwrap();
    assert_eq!((&again["applied_at"], &again["now"]), (&done["applied_at"], &json!(false)));
    let (checklist, ready) = check(&database, &redis);
    assert!(ready && checklist["strict"] == true, "{checklist}");
    assert_eq!(checklist["applied"]["applied_at"], done["applied_at"]);
    assert_eq!(point(&checklist, "legacy-keys")["holds"], false, "told all the same: {checklist}");
    for undo in ["DELETE FROM cleanup", "UPDATE cleanup SET applied_at = now()", "TRUNCATE cleanup"] {
        assert_eq!(database.try_execute(undo).unwrap_err().code, "23000", "{undo}");
    }
    database.execute("ALTER TABLE sessions ALTER application_context SET DEFAULT 'web'");
    assert_eq!(failing(&check(&database, &redis).0), ["contexts"]);
}

#[test]
fn from_the_clean_up_on_nothing_older_opens_anything_and_who_is_logged_in_stays_so_a13_f1() {
    let (database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    // A session of the older software that was adopted long ago, and one that was ended.
    older_key(&redis, "adopted-long-ago", &alice.user_id);
    older_key(&redis, "logged-out-long-ago", &alice.user_id);
    let adopted = app.with_cookie("adopted-long-ago");
    assert_eq!(adopted.get("/api/me").status, 200);
    assert_eq!(app.with_cookie("logged-out-long-ago").post_empty("/api/logout").status, 200);
    redis.flush();
    database.execute("UPDATE users SET session_id = 'ended-in-the-column'");
    assert_eq!(app.with_cookie("ended-in-the-column").post_empty("/api/logout").status, 200);
    eventually("uses are written down", Duration::from_secs(30), || {
        (database.number("SELECT count(*) FROM legacy_uses") == 2).then_some(())
    });
    database.execute("UPDATE legacy_uses SET day = day - 20");
    // What was never used here: it would open something now.
    database.execute(&format!("UPDATE users SET auth_token = '{IN_COLUMN}'"));
    clean_up(&database, &redis);
    older_key(&redis, IN_REDIS, &alice.user_id);

    // At once, in the process that runs with LEGACY_TOKENS=dual-write and was not restarted.
    for token in [IN_COLUMN, IN_REDIS, "logged-out-long-ago", "ended-in-the-column"] {
        assert_opens_nothing(&app, token);
    }
    assert_eq!(alice.me().status, 200);
    assert_eq!(adopted.get("/api/me").status, 200, "what was adopted is a session like any other");
    assert!(app.log().contains("LEGACY_TOKENS=dual-write has no effect"), "{}", app.log());

    // Nothing is written for the older software, and nothing taken away from it.
    let body = json!({"email": "alice@example.com", "password": PASSWORD});
    let login = app.anon().post("/api/login", &body);
    assert_eq!((login.status, login.set_cookie("auth_token").is_some()), (200, false));
    assert_eq!(database.value("SELECT auth_token FROM users"), IN_COLUMN, "B3");
    assert_eq!(
        app.with_bearer(IN_COLUMN).get("/api/me").status,
        401,
        "overwritten by nothing, adopted by no login"
    );

    // Uses of what was adopted are no longer uses of the older software's tokens.
    app.terminate();
    assert_eq!(database.number("SELECT count(*) FROM legacy_uses WHERE day > current_date - 14"), 0);

    // A process that starts later, whatever it is told; and without Redis nobody has to wait for an answer.
    for mode in ["dual-write", "read", "off"] {
        let later = App::builder("web").database(&database).redis(&redis).env("LEGACY_TOKENS", mode).start();
        older_key(&redis, IN_REDIS, &alice.user_id);
        for token in [IN_COLUMN, IN_REDIS] {
            assert_opens_nothing(&later, token);
        }
        assert_eq!(later.with_bearer(&alice.token).get("/api/me").status, 200);
        let log = later.log();
        assert_eq!(log.contains(&format!("LEGACY_TOKENS={mode} has no effect")), mode != "off", "{log}");
    }
    let last = App::builder("web").database(&database).redis(&redis).start();
    redis.stop();
    assert_eq!(last.with_cookie("nobody-knows-this").get("/api/me").status, 401);
    assert_opens_nothing(&last, IN_REDIS);

    // Tombstones are needed no more, and go; what they kept shut stays shut.
    let past = "UPDATE sessions SET expires_at = now() - interval '1 year', absolute_expires_at = now() - interval '1 year'
                WHERE revoked";
    database.execute(past);
    let purged: Value =
        serde_json::from_str(&test_support::sessionctl(&database, &["--json", "session", "purge"])).unwrap();
    assert_eq!(purged["kept"], 0, "{purged}");
    assert!(purged["deleted"].as_i64().unwrap() >= 2, "{purged}");
    for token in ["logged-out-long-ago", "ended-in-the-column", IN_COLUMN] {
        assert_opens_nothing(&last, token);
    }
}

/// The lock of the clean-up makes an adoption that comes meanwhile see it. This one lets look-ups through, so that the
/// adoption itself is what waits.
#[test]
fn an_adoption_that_waits_for_the_clean_up_finds_it_applied_a13() {
    for in_column in [true, false] {
        let (database, redis, app) = stack("web");
        let alice = app.register("alice@example.com", PASSWORD);
        if in_column {
            database.execute(&format!("UPDATE users SET auth_token = '{IN_COLUMN}'"));
        } else {
            older_key(&redis, IN_COLUMN, &alice.user_id);
        }
        let mut applying = database.connect();
        let mut transaction = applying.transaction().unwrap();
        let statements =
            "LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE; INSERT INTO cleanup (checklist) VALUES ('{}')";
        transaction.batch_execute(statements).unwrap();
        let status = std::thread::scope(|scope| {
            let asking = scope.spawn(|| app.with_bearer(IN_COLUMN).get("/api/me").status);
            let waiting = "SELECT count(*) FROM pg_stat_activity
                           WHERE wait_event_type = 'Lock' AND query LIKE '%key_user%' AND datname = current_database()";
            eventually("the adoption waits", Duration::from_secs(5), || {
                (asking.is_finished() || database.number(waiting) > 0).then_some(())
            });
            assert!(!asking.is_finished(), "it did not wait");
            transaction.commit().unwrap();
            asking.join().unwrap()
        });
        assert_eq!(status, 401, "in a column: {in_column}");
        assert_eq!(database.number("SELECT count(*) FROM sessions WHERE adopted_from IS NOT NULL"), 0);
    }
}

#[test]
fn an_earlier_version_of_the_program_adopts_nothing_either_a13() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    database.execute("INSERT INTO users (email, auth_token) VALUES ('alice@example.com', 'old-token')");
    clean_up(&database, &redis);
    let adopted = database.try_execute_as_app(
        "INSERT INTO sessions (id, user_id, application_context, expires_at, adopted_from)
         SELECT session_digest(auth_token), id, 'web', now() + interval '1 day', 'auth_token' FROM users",
    );
    assert_eq!(adopted.unwrap_err().code, "23000");
    let replicated = database.try_execute(
        "BEGIN; SET LOCAL session_replication_role = replica;
         INSERT INTO sessions (id, user_id, application_context, expires_at, adopted_from)
         SELECT 'adopted-before', id, 'web', now() + interval '1 day', 'auth_token' FROM users; COMMIT",
    );
    assert!(replicated.is_ok(), "a replica gets what was adopted before");
    let nowhere = database.try_execute_as_app(
        "INSERT INTO sessions (id, user_id, expires_at) SELECT 'x', id, now() + interval '1 day' FROM users",
    );
    assert_eq!(nowhere.unwrap_err().code, "23502", "whoever names no application gets no session");
}
