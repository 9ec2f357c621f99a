//! What staff do by each strategy: it counts everywhere, and comes along.

use std::time::Duration;

use constants::MigrationStrategy;
use serde_json::{Value, json};
use test_support::{Actor, App, Client, Response, TestDatabase, TestPostgres, TestRedis, eventually};

use crate::{HASH, PASSWORD, assert_refused_soon, set, staff};

struct Stage {
    database: TestDatabase,
    web: App,
    admin: Actor,
    support: Actor,
    _panel: App,
    _redis: TestRedis,
}

impl Stage {
    /// Both applications where production answers, with an administrator and support.
    fn on(database: TestDatabase) -> Self {
        let redis = TestRedis::start();
        staff(&database, "ada@example.com");
        let start = |name| App::builder(name).database(&database).redis(&redis).start();
        let (web, panel) = (start("web"), start("admin-panel"));
        database.execute(&format!(
            "INSERT INTO users (email, hashed_password, role) VALUES ('sam@example.com', '{HASH}', 'support')"
        ));
        let [admin, support] =
            ["ada", "sam"].map(|name| panel.log_in(&format!("{name}@example.com"), PASSWORD));
        Self { database, web, admin, support, _panel: panel, _redis: redis }
    }

    fn new() -> Self {
        Self::on(TestDatabase::new())
    }

    fn register(&self, name: &str) -> Actor {
        self.web.register(&format!("{name}@example.com"), PASSWORD)
    }

    fn log_in(&self, name: &str) -> Response {
        self.web.anon().log_in(&format!("{name}@example.com"), PASSWORD)
    }

    fn staff(&self) -> &Client {
        &self.admin.client
    }

    fn patch(&self, person: &Actor, body: &Value) -> Response {
        self.staff().request("PATCH", &path(person, "")).json(body).send()
    }

    /// Whether support may end sessions, for which they need a right.
    fn support_may_end(&self, person: &Actor) -> bool {
        let answer = self.support.client.delete(&path(person, "/sessions"));
        assert!([200, 403].contains(&answer.status), "{}", answer.text());
        answer.status == 200
    }

    fn of(&self, person: &Actor, column: &str) -> String {
        self.database.value(&format!("SELECT ({column})::text FROM users WHERE id = '{}'", person.user_id))
    }
}

fn path(person: &Actor, rest: &str) -> String {
    format!("/api/users/{}{rest}", person.user_id)
}

fn grant() -> Value {
    json!({"permission": "sessions.end", "application_context": "admin"})
}

#[test]
fn what_staff_do_in_any_strategy_with_production_is_felt_in_the_other_application_a8_c4() {
    for strategy in MigrationStrategy::ALL.iter().filter(|known| **known != MigrationStrategy::MockOnly) {
        let stage = Stage::new();
        set(&stage.database, strategy.as_str());
        let [bob, carol, dave] = ["bob", "carol", "dave"].map(|name| stage.register(name));
        for person in [&bob, &carol, &dave] {
            assert_eq!(person.me().status, 200, "{strategy}");
        }
        assert_eq!(stage.patch(&bob, &json!({"blocked": true})).status, 200, "{strategy}");
        assert_refused_soon(&bob.client);
        stage.log_in("bob").assert_problem(401, "invalid_credentials");
        assert_eq!(stage.staff().delete(&path(&carol, "/sessions")).json(), json!({"revoked": 1}));
        assert_refused_soon(&carol.client);
        let one = path(&dave, &format!("/sessions/{}", dave.session_id));
        assert_eq!(stage.staff().delete(&one).status, 204, "{strategy}");
        assert_refused_soon(&dave.client);
        assert_eq!(stage.patch(&bob, &json!({"blocked": false, "is_verified": true})).status, 200);
        let again = stage.web.log_in("bob@example.com", PASSWORD);
        assert_eq!(again.me().json()["user"]["is_verified"], true, "{strategy}");
        bob.me().assert_problem(401, "unauthenticated");
        assert!(!stage.support_may_end(&bob), "{strategy}");
        assert_eq!(stage.staff().post(&path(&stage.support, "/permissions"), &grant()).status, 201);
        assert!(stage.support_may_end(&bob), "{strategy}");
        assert_refused_soon(&again.client);
        assert_eq!(stage.staff().get(&path(&bob, "")).member("/user/email"), "bob@example.com");
        let log = stage.staff().get(&format!("/api/audit?user={}&action=user_blocked", bob.user_id)).json();
        assert_eq!(log["entries"].as_array().unwrap().len(), 1, "{strategy}: {log}");
        assert_eq!(log["entries"][0]["actor_id"], stage.admin.user_id, "{strategy}: {log}");
    }
}

#[test]
fn what_staff_do_in_memory_comes_along_and_lifts_no_block_of_production_a8() {
    let stage = Stage::new();
    let [bob, carol, dave, erin] = ["bob", "carol", "dave", "erin"].map(|name| stage.register(name));
    let rights = path(&stage.support, "/permissions");
    assert_eq!(stage.staff().post(&rights, &grant()).status, 201);
    set(&stage.database, "mock-only");
    assert!(stage.support_may_end(&erin), "rights come along to the memory");
    assert_eq!(stage.patch(&bob, &json!({"blocked": true})).status, 200);
    assert_eq!(stage.patch(&carol, &json!({"role": "support"})).status, 200);
    assert_eq!(
        stage.staff().delete(&path(&dave, "/sessions")).json()["revoked"],
        0,
        "web has them in its own"
    );
    let other = json!({"permission": "reports.read", "application_context": "web"});
    assert_eq!(stage.staff().post(&path(&carol, "/permissions"), &other).status, 201);
    assert_eq!(stage.staff().delete(&format!("{rights}/sessions.end?application_context=admin")).status, 204);
    assert!(!stage.support_may_end(&erin));
    assert_eq!(stage.of(&bob, "blocked_at IS NULL"), "true", "production is not told yet");
    stage.database.execute(&format!("UPDATE users SET blocked_at = now() WHERE id = '{}'", carol.user_id));
    set(&stage.database, "production-only");

    assert_eq!(stage.of(&bob, "blocked_at IS NOT NULL"), "true");
    assert_eq!(
        (stage.of(&carol, "role"), stage.of(&carol, "blocked_at IS NOT NULL")),
        ("support".into(), "true".into())
    );
    for person in [&bob, &carol, &dave] {
        person.me().assert_problem(401, "unauthenticated");
    }
    assert!(!stage.support_may_end(&carol));
    let rights = "SELECT string_agg(permission || ' ' || user_id, ',') FROM user_permissions";
    assert_eq!(stage.database.value(rights), format!("reports.read {}", carol.user_id));
    let by = "SELECT granted_by FROM user_permissions";
    assert_eq!(stage.database.value(by), stage.admin.user_id);
    let line =
        "SELECT string_agg(action, ' ' ORDER BY action) FROM audit_log WHERE detail->>'from' = 'memory'
                AND action LIKE 'user\\_%'";
    assert_eq!(stage.database.value(line), "user_blocked user_role_changed");
}

#[test]
fn with_write_through_staff_block_in_an_outage_and_production_learns_of_it_a8() {
    let postgres = TestPostgres::start();
    let stage = Stage::on(postgres.database());
    let bob = stage.register("bob");
    set(&stage.database, "mock-with-write-through");
    postgres.stop();
    assert_eq!(stage.patch(&bob, &json!({"blocked": true})).status, 200);
    assert_eq!(stage.staff().get("/api/users?query=bob").json()["total"], 1);
    postgres.start_again();
    let log = format!("/api/audit?user={}&action=user_blocked", bob.user_id);
    eventually("production learns of it", Duration::from_secs(15), || {
        let line = stage.staff().get(&log).json()["entries"][0].clone();
        (line["detail"]["from"] == "memory").then_some(())
    });
    eventually("web asks again", Duration::from_secs(5), || (bob.me().status == 401).then_some(()));
    stage.log_in("bob").assert_problem(401, "invalid_credentials");
}

#[test]
fn nothing_that_is_carried_serves_the_older_software_after_the_clean_up_a13_a8() {
    let stage = Stage::new();
    set(&stage.database, "mock-with-write-through");
    stage.register("bob");
    let token = "SELECT auth_token FROM users WHERE email = 'bob@example.com'";
    let before = stage.database.value(token);
    stage.database.execute("INSERT INTO cleanup (checklist) VALUES ('{}')");
    assert_eq!(stage.log_in("bob").status, 200);
    assert_eq!(stage.database.value(token), before);
    assert_eq!(stage.database.number("SELECT count(*) FROM sessions WHERE adopted_from IS NOT NULL"), 0);
    assert_eq!(stage.database.number("SELECT count(*) FROM sessions WHERE NOT revoked"), 4);
}
