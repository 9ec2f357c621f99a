//! People of the applications as they were, and of the new one.

use std::path::Path;

use serde_json::json;
use test_support::{Actor, App, TestDatabase, TestRedis, assert_refused_soon, eventually};

const PASSWORD: &str = "correct horse battery";
const ADA: &str = "ada@example.com";

pub(crate) struct People {
    web: App,
    panel: App,
    alice: Actor,
    ada: Actor,
    ended: Actor,
    /// What they had before.
    before: Vec<test_support::Row>,
    /// Sessions of the new application that were left when it was closed.
    left: Vec<String>,
    pub(crate) used_bot: usize,
}

/// Every row that was there before; of people what does not move with their logins.
const ROWS: &str = "SELECT 'user ' || id || email || role FROM users WHERE email <> 'bob@example.com'
     UNION ALL SELECT 'session ' || s.id || s.user_id || application_context || revoked || s.created_at FROM sessions s
         WHERE s.created_at < (SELECT at FROM before)
     UNION ALL SELECT 'right ' || to_jsonb(user_permissions)::text FROM user_permissions WHERE granted_at < (SELECT at FROM before)
     UNION ALL SELECT 'line ' || to_jsonb(audit_log)::text FROM audit_log WHERE at < (SELECT at FROM before)
     ORDER BY 1";

impl People {
    pub(crate) fn who_are_logged_in(database: &TestDatabase, redis: &TestRedis) -> Self {
        let start = |name| App::builder(name).database(database).redis(redis).start();
        let (web, panel) = (start("web"), start("admin-panel"));
        let alice = web.register("alice@example.com", PASSWORD);
        let ended = web.log_in("alice@example.com", PASSWORD);
        assert_eq!(ended.log_out().status, 200);
        let _ = web.register(ADA, PASSWORD);
        database.execute(&format!("UPDATE users SET role = 'admin' WHERE email = '{ADA}'"));
        let ada = panel.log_in(ADA, PASSWORD);
        let grant = json!({"permission": "beta", "application_context": "web"});
        assert_eq!(ada.client.post(&format!("/api/users/{}/permissions", alice.user_id), &grant).status, 201);
        database.execute("CREATE TABLE before AS SELECT clock_timestamp() AS at");
        let before = database.query(ROWS);
        assert!(before.len() >= 9, "{before:?}");
        Self { web, panel, alice, ada, ended, before, left: Vec::new(), used_bot: 0 }
    }

    #[track_caller]
    pub(crate) fn assert_still_there(&self, when: &str) {
        assert_eq!(self.alice.me().status, 200, "{when}");
        assert_eq!(self.ada.me().status, 200, "{when}");
        self.ended.me().assert_problem(401, "unauthenticated");
    }

    #[track_caller]
    fn assert_nothing_is_lost(&self, database: &TestDatabase, when: &str) {
        self.assert_still_there(when);
        let now = database.query(ROWS);
        for row in &self.before {
            assert!(now.contains(row), "{row:?} is not as it was {when}");
        }
    }

    /// The new application and the new versions of the others, beside those that run.
    pub(crate) fn use_bot(&mut self, programs: &Path, database: &TestDatabase, redis: &TestRedis) {
        self.assert_nothing_is_lost(database, "after the way up");
        let start = |name: &'static str, port: &str, cookie: &str| {
            App::built_elsewhere(name, &programs.join(name), port, cookie)
                .database(database)
                .redis(redis)
                .start()
        };
        let web = start("web", "WEB_PORT", "sessionId");
        let panel = start("admin-panel", "ADMIN_PORT", "adminSessionId");
        let bot = start("telegram-bot", "TELEGRAM_BOT_PORT", "botSessionId");
        if self.used_bot == 0 {
            let _ = self.web.register("bob@example.com", PASSWORD);
        }
        let [bob, left] = [(); 2].map(|()| bot.log_in("bob@example.com", PASSWORD));
        assert_eq!(bob.client.get("/api/greeting").text(), "Hello, bob@example.com");
        let key = format!("session:telegram-bot:{}", bob.session_id);
        assert!(redis.dump().contains_key(&key), "{key}");
        for (app, token) in
            [(&web, &bob.token), (&panel, &bob.token), (&bot, &self.alice.token), (&bot, &self.ada.token)]
        {
            for client in [app.with_cookie(token), app.with_bearer(token)] {
                client.get("/api/me").assert_problem(401, "unauthenticated");
            }
        }
        // Versions of the others that do not know the context yet let nobody in by it either.
        for app in [&self.web, &self.panel] {
            for client in [app.with_cookie(&bob.token), app.with_bearer(&bob.token)] {
                assert_ne!(client.get("/api/me").status, 200);
            }
        }

        let ada = panel.log_in(ADA, PASSWORD);
        let path = format!("/api/users/{}/sessions", bob.user_id);
        let listed = ada.client.get(&path).json();
        let is_bobs = |session: &&serde_json::Value| session["id"] == *bob.session_id;
        let session = listed["sessions"].as_array().unwrap().iter().find(is_bobs);
        assert_eq!(session.unwrap()["application_context"], "telegram-bot", "{listed}");
        let grant = json!({"permission": "talk", "application_context": "telegram-bot"});
        let granted = ada.client.post(&format!("/api/users/{}/permissions", bob.user_id), &grant);
        assert_eq!(granted.status, 201, "{}", granted.text());
        assert_eq!(ada.client.delete(&format!("{path}/{}", bob.session_id)).status, 204);
        assert_refused_soon(&bob.client);
        assert_eq!(left.me().status, 200);
        let metrics = bot.anon().get("/metrics").text();
        let info = "application_info{application=\"telegram-bot\",context=\"telegram-bot\"} 1";
        assert!(metrics.lines().any(|line| line == info), "{metrics}");
        self.assert_nothing_is_lost(database, "beside the new application");
        self.left.push(left.token);
        self.used_bot += 1;
    }

    pub(crate) fn assert_bot_is_gone(&self, database: &TestDatabase) {
        self.assert_nothing_is_lost(database, "after the way down");
        for table in ["sessions", "user_permissions", "audit_log", "strategy_processes"] {
            let left =
                format!("SELECT count(*) FROM {table} WHERE application_context::text = 'telegram-bot'");
            assert_eq!(database.number(&left), 0, "{table}");
        }
        let kept = "SELECT count(*) FROM audit_log WHERE detail ->> 'closed_context' = 'telegram-bot'";
        assert!(database.number(kept) >= 2, "the audit log has forgotten where people logged in");
        for token in &self.left {
            self.web.with_cookie(token).get("/api/me").assert_problem(401, "unauthenticated");
        }
        eventually("the applications as they were answer", std::time::Duration::from_secs(5), || {
            let lists = self.ada.client.get(&format!("/api/users/{}/sessions", self.alice.user_id));
            (lists.status == 200 && self.panel.anon().get("/readyz").status == 200).then_some(())
        });
    }
}
