//! Setting another strategy: who hears of it, what it takes along, whom it lets in.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{
    App, AppBuilder, BOT_TOKEN, TestDatabase, TestOutbox, TestRedis, eventually, sessionctl, sessionctl_with,
    telegram_payload, try_sessionctl,
};

use crate::{PASSWORD, assert_refused_soon, counter, now, set, staff};

struct Stage {
    database: TestDatabase,
    redis: TestRedis,
    outbox: TestOutbox,
}

impl Stage {
    fn new() -> Self {
        Self { database: TestDatabase::new(), redis: TestRedis::start(), outbox: TestOutbox::new() }
    }

    fn app(&self, name: &'static str, strategy: &str) -> AppBuilder {
        App::builder(name)
            .database(&self.database)
            .redis(&self.redis)
            .env("MIGRATION_STRATEGY", strategy)
            .env("TELEGRAM_BOT_TOKEN", BOT_TOKEN)
            .env("OUTBOX_DIR", &self.outbox.directory())
    }

    fn web(&self, strategy: &str) -> App {
        self.app("web", strategy).start()
    }

    fn show(&self) -> Value {
        serde_json::from_str(&sessionctl(&self.database, &["--json", "strategy", "show"])).unwrap()
    }
}

/// What a person sees of their session, but for when it was last used.
fn session(me: &test_support::Response) -> Value {
    let mut json = me.json();
    for moving in ["last_activity", "expires_at"] {
        json["session"][moving].take();
    }
    json["user"]["last_login_at"].take();
    json
}

#[test]
fn show_says_what_was_set_and_what_each_process_runs_a8() {
    let stage = Stage::new();
    let shown = stage.show();
    assert_eq!((&shown["source"], &shown["recorded"]), (&json!("environment"), &Value::Null));
    assert_eq!(shown["processes"], json!([]));
    let _web = stage.web("mock-only");
    let admin = stage.app("admin-panel", "gradual").start();
    let processes = stage.show()["processes"].clone();
    let member = |index: usize, name: &str| processes[index][name].as_str().unwrap().to_owned();
    assert_eq!(
        [member(0, "application_context"), member(0, "configured"), member(0, "running")],
        ["web", "mock-only", "mock-only"],
        "{processes}"
    );
    assert_eq!([member(1, "application_context"), member(1, "running")], ["admin", "gradual"], "{processes}");
    let shown = set(&stage.database, "mock-with-write-through");
    assert_eq!(shown["source"], "recorded");
    assert_eq!(shown["processes"].as_array().unwrap().len(), 2);
    let lines = sessionctl(&stage.database, &["strategy", "show"]);
    assert!(lines.starts_with("mock-with-write-through, set "), "{lines}");
    assert_eq!(lines.matches(" runs mock-with-write-through (MIGRATION_STRATEGY=").count(), 2, "{lines}");
    // Who ends in order is not waited for.
    assert_eq!(admin.terminate(), Some(0));
    assert_eq!(stage.show()["processes"].as_array().unwrap().len(), 1);
    // What was set wins over the environment of whoever starts later.
    let later = stage.web("production-only");
    assert_eq!(counter(&later.anon(), "session_strategy{strategy=\"mock-with-write-through\"}"), 1);
    let audit = "SELECT detail->>'strategy' FROM audit_log WHERE action = 'strategy_set'";
    assert_eq!(stage.database.value(audit), "mock-with-write-through");
}

#[test]
fn a_switch_is_heard_at_once_and_in_seconds_when_nobody_rings_a8() {
    let stage = Stage::new();
    let web = stage.web("production-only");
    web.wait_for_lease();
    let runs =
        |strategy: &str| counter(&web.anon(), &format!("session_strategy{{strategy=\"{strategy}\"}}")) == 1;
    sessionctl(&stage.database, &["strategy", "set", "gradual", "--wait-seconds", "0"]);
    eventually("it is heard", Duration::from_secs(2), || runs("gradual").then_some(()));
    stage.database.execute("ALTER TABLE migration_strategy DISABLE TRIGGER migration_strategy_notify");
    sessionctl(&stage.database, &["strategy", "set", "production-only", "--wait-seconds", "0"]);
    eventually("it is asked", Duration::from_secs(10), || runs("production-only").then_some(()));
}

#[test]
fn what_cannot_be_set_is_refused_in_one_line_a8() {
    let stage = Stage::new();
    let refused = |ended: &test_support::Ended, words: &[&str]| {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(ended.errors.trim_end().lines().count(), 1, "{ended:?}");
        assert!(words.iter().all(|word| ended.errors.contains(word)), "{ended:?}");
    };
    let names = ["mock-only", "production-only", "gradual", "mock-with-write-through"];
    let ended = try_sessionctl(&stage.database, &["strategy", "set", "Gradual"], "");
    refused(&ended, &[&names[..], &["Gradual"]].concat());
    let url = stage.database.url();
    let environment = [("DATABASE_URL", url.as_str()), ("APP_ENV", "production")];
    refused(&sessionctl_with(&environment, &["strategy", "set", "mock-only"], ""), &["production"]);
    assert_eq!(stage.show()["recorded"], Value::Null);

    let production =
        |strategy| stage.app("web", strategy).env("APP_ENV", "production").env("LEGACY_TOKENS", "off");
    let failed = production("mock-only").start_and_fail();
    assert!(failed.log.contains("MIGRATION_STRATEGY=mock-only "), "{}", failed.log);
    let web = production("production-only").start();
    refused(&try_sessionctl(&stage.database, &["strategy", "set", "mock-only"], ""), &["production"]);
    // Past the command, too.
    stage.database.execute("INSERT INTO migration_strategy (strategy) VALUES ('mock-only')");
    eventually("it says why it stays", Duration::from_secs(8), || {
        let shown = stage.show();
        let problem = shown["processes"][0]["problem"].as_str()?;
        assert!(problem.contains("mock-only is refused in production"), "{problem}");
        Some(())
    });
    assert_eq!(counter(&web.anon(), "session_strategy{strategy=\"production-only\"}"), 1);
    let refusal = stage.database.try_execute("UPDATE migration_strategy SET strategy = 'mock'").unwrap_err();
    assert_eq!(refusal.code, "23514");
}

#[test]
fn leaving_mock_only_takes_people_sessions_ends_and_codes_along_a8() {
    let stage = Stage::new();
    let web = stage.web("mock-only");
    let pc = web.register("alice@example.com", PASSWORD);
    let phone = web.log_in("alice@example.com", PASSWORD);
    let gone = web.log_in("alice@example.com", PASSWORD);
    let used = telegram_payload(42, now());
    let by_telegram = web.anon();
    assert_eq!(by_telegram.post("/api/login/telegram", &used).status, 200);
    assert_eq!(gone.log_out().status, 200);
    let number = json!({"phone": "+447400123456"});
    assert_eq!(web.anon().post("/api/login/sms/request", &number).status, 202);
    let code = json!({"phone": "+447400123456", "code": stage.outbox.code_for("+447400123456")});
    let before = session(&pc.me());
    assert_eq!(stage.database.number("SELECT count(*) FROM sessions"), 0);
    for strategy in ["mock-with-write-through", "gradual"] {
        set(&stage.database, strategy);
        assert_eq!(session(&pc.me()), before, "{strategy}");
        assert_eq!(phone.me().status, 200, "{strategy}");
        gone.me().assert_problem(401, "unauthenticated");
    }
    // A code that was sent before counts, and once.
    assert_eq!(web.anon().post("/api/login/sms/verify", &code).status, 200);
    web.anon().post("/api/login/sms/verify", &code).assert_problem(401, "invalid_credentials");
    set(&stage.database, "production-only");
    assert_eq!(session(&pc.me()), before);
    web.anon().post("/api/login/telegram", &used).assert_problem(401, "invalid_credentials");
    assert_eq!(by_telegram.get("/api/me").status, 200);
    // From here on it survives its process.
    drop(web);
    let web = stage.web("production-only");
    assert_eq!(session(&web.with_cookie(&pc.token).get("/api/me")), before);
    web.with_cookie(&gone.token).get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(web.log_in("alice@example.com", PASSWORD).user_id, pc.user_id);
    let state = format!("SELECT revoked FROM sessions WHERE id = '{}'", gone.session_id);
    assert_eq!(stage.database.value(&state), "t", "the end of a session is a row, too");
}

#[test]
fn nobody_becomes_somebody_else_by_an_address_a8() {
    let stage = Stage::new();
    staff(&stage.database, "boss@example.com");
    let web = stage.web("mock-only");
    // In memory the address is free, and nobody asks who owns it.
    let stranger = web.register("boss@example.com", "another password");
    set(&stage.database, "production-only");
    let me = stranger.me();
    assert_eq!((me.status, me.member("/user/id")), (200, stranger.user_id.clone()), "no session is lost");
    assert_eq!((&me.json()["user"]["email"], me.member("/user/role")), (&Value::Null, "user".to_owned()));
    web.anon().log_in("boss@example.com", "another password").assert_problem(401, "invalid_credentials");
    assert_ne!(web.log_in("boss@example.com", PASSWORD).user_id, stranger.user_id);
    let kept = format!("SELECT legacy_attributes->>'email' FROM users WHERE id = '{}'", stranger.user_id);
    assert_eq!(stage.database.value(&kept), "boss@example.com");
}

#[test]
fn moving_back_brings_everything_and_lets_nobody_in_a8() {
    let stage = Stage::new();
    staff(&stage.database, "boss@example.com");
    let (web, admin) = (stage.web("production-only"), stage.app("admin-panel", "production-only").start());
    let pc = web.register("alice@example.com", PASSWORD);
    let phone = web.log_in("alice@example.com", PASSWORD);
    let gone = web.log_in("alice@example.com", PASSWORD);
    let boss = admin.log_in("boss@example.com", PASSWORD);
    assert_eq!(gone.log_out().status, 200);
    let used = telegram_payload(42, now());
    assert_eq!(web.anon().post("/api/login/telegram", &used).status, 200);
    let before = session(&pc.me());
    set(&stage.database, "mock-only");
    assert_eq!(session(&pc.me()), before);
    assert_eq!((phone.me().status, boss.me().status), (200, 200));
    gone.me().assert_problem(401, "unauthenticated");
    web.anon().post("/api/login/telegram", &used).assert_problem(401, "invalid_credentials");
    for (app, token) in [(&admin, &pc.token), (&web, &boss.token)] {
        app.with_bearer(token).get("/api/me").assert_problem(401, "unauthenticated");
    }
    // What happens in memory is known when Postgres answers again.
    assert_eq!(phone.log_out().status, 200);
    let body = json!({"current_password": PASSWORD, "new_password": "another password"});
    let later = web.log_in("alice@example.com", PASSWORD);
    assert_eq!(later.client.post("/api/password", &body).status, 204);
    set(&stage.database, "production-only");
    assert_eq!(later.me().status, 200);
    for token in [&pc.token, &phone.token, &gone.token, &later.token] {
        web.with_cookie(token).get("/api/me").assert_problem(401, "unauthenticated");
    }
    web.anon().log_in("alice@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
    assert_eq!(web.log_in("alice@example.com", "another password").user_id, pc.user_id);
    assert_eq!(boss.me().status, 200);
}

#[test]
fn an_end_in_production_wins_over_a_yes_of_the_old_store_a8() {
    let stage = Stage::new();
    let web = stage.web("mock-only");
    let pc = web.register("alice@example.com", PASSWORD);
    let phone = web.log_in("alice@example.com", PASSWORD);
    set(&stage.database, "mock-with-write-through");
    web.wait_for_lease();
    assert_eq!(pc.me().status, 200);
    let disagreements = || counter(&web.anon(), "session_strategy_disagreements_total");
    let before = disagreements();
    let end =
        |id: &str| stage.database.execute(&format!("UPDATE sessions SET revoked = true WHERE id = '{id}'"));
    end(&pc.session_id);
    assert_refused_soon(&pc.client);
    assert!(disagreements() > before);
    // In the old store it has ended, too: production is not needed for the no.
    set(&stage.database, "mock-only");
    pc.me().assert_problem(401, "unauthenticated");
    set(&stage.database, "gradual");
    assert_eq!(phone.me().status, 200);
    end(&phone.session_id);
    assert_refused_soon(&phone.client);
}

#[test]
fn what_was_purged_is_not_brought_back_by_the_old_store_a8() {
    let stage = Stage::new();
    let web = stage.web("mock-only");
    let pc = web.register("alice@example.com", PASSWORD);
    set(&stage.database, "production-only");
    assert_eq!(pc.log_out().status, 200);
    stage.database.execute("UPDATE users SET auth_token = NULL");
    assert_eq!(stage.database.execute(&format!("DELETE FROM sessions WHERE id = '{}'", pc.session_id)), 1);
    for strategy in ["gradual", "mock-with-write-through", "mock-only", "production-only"] {
        set(&stage.database, strategy);
        web.with_cookie(&pc.token).get("/api/me").assert_problem(401, "unauthenticated");
    }
}

#[test]
fn two_processes_share_sessions_from_write_through_on_a8() {
    let stage = Stage::new();
    let (here, there) = (stage.web("mock-with-write-through"), stage.web("mock-with-write-through"));
    let pc = here.register("alice@example.com", PASSWORD);
    let phone = there.log_in("alice@example.com", PASSWORD);
    let elsewhere = there.with_cookie(&pc.token);
    assert_eq!(
        (elsewhere.get("/api/me").status, here.with_cookie(&phone.token).get("/api/me").status),
        (200, 200)
    );
    assert_eq!(pc.client.get("/api/sessions").json()["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(pc.log_out().status, 200);
    assert_refused_soon(&elsewhere);
    // A code of one process is used up in the other, once.
    let number = json!({"phone": "+447400123456"});
    assert_eq!(here.anon().post("/api/login/sms/request", &number).status, 202);
    let code = json!({"phone": "+447400123456", "code": stage.outbox.code_for("+447400123456")});
    assert_eq!(there.anon().post("/api/login/sms/verify", &code).status, 200);
    here.anon().post("/api/login/sms/verify", &code).assert_problem(401, "invalid_credentials");
    // A password that was changed in one counts no more in the other.
    let body = json!({"current_password": PASSWORD, "new_password": "another password"});
    assert_eq!(phone.client.post("/api/password", &body).status, 204);
    here.anon().log_in("alice@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
    assert_eq!(here.log_in("alice@example.com", "another password").user_id, pc.user_id);
}

#[test]
fn without_servers_there_is_nothing_to_switch_a8() {
    let stage = Stage::new();
    let mock = App::builder("web").env("APP_ENV", "mock").start();
    let alone = App::builder("web").env("MIGRATION_STRATEGY", "mock-only").start();
    for app in [&mock, &alone] {
        assert_eq!(app.register("alice@example.com", PASSWORD).me().status, 200);
    }
    set(&stage.database, "production-only");
    assert_eq!(stage.show()["processes"], json!([]));
    assert_eq!(alone.log_in("alice@example.com", PASSWORD).me().status, 200);
}
