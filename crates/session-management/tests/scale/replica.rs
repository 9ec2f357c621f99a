//! A streaming replica: lists and numbers come from it, no decision ever does.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{App, Statement, TestDatabase, TestPostgres, TestRedis, assert_refused_soon, eventually};

use crate::RECOVERY;
use crate::load::{PASSWORD, people};

struct Stage {
    primary: TestPostgres,
    replica: TestPostgres,
    database: TestDatabase,
    _redis: TestRedis,
    web: App,
    admin: App,
}

fn stage() -> Stage {
    let (primary, redis) = (TestPostgres::start(), TestRedis::start());
    let database = primary.database();
    people(&database, "boss", 1, "admin");
    let replica = primary.standby();
    let url = database.url().replace(&primary.address(), &replica.address());
    let start =
        |name| App::builder(name).database(&database).redis(&redis).env("DATABASE_REPLICA_URL", &url).start();
    let (web, admin) = (start("web"), start("admin-panel"));
    [&web, &admin].into_iter().for_each(App::wait_for_lease);
    Stage { primary, replica, database, _redis: redis, web, admin }
}

impl Stage {
    /// What the applications have asked the replica.
    fn asked(&self) -> Vec<Statement> {
        self.database.statements_on(&self.replica)
    }
}

fn emails(list: &Value) -> Vec<String> {
    let users = list["users"].as_array().unwrap();
    users.iter().map(|user| user["email"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn lists_and_numbers_come_from_the_replica_and_no_decision_does_c9() {
    let stage = stage();
    let boss = stage.admin.log_in("boss0@example.com", PASSWORD);
    // The people are in the list at once, whatever way they take.
    for number in 0..10 {
        let email = format!("person{number}@example.com");
        let person = stage.web.register(&email, PASSWORD);
        let list = boss.client.get("/api/users?per_page=50");
        assert!(emails(&list.json()).contains(&email), "{}", list.text());
        let sessions = boss.client.get(&format!("/api/users/{}/sessions", person.user_id)).json();
        assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "{sessions}");
        assert_eq!(person.log_out().status, 200);
    }
    assert_eq!(boss.client.get("/api/stats").status, 200);
    assert_eq!(boss.client.get("/api/audit").status, 200);
    for page in ["/", "/users", "/audit"] {
        assert_eq!(boss.client.get(page).status, 200, "{page}");
    }

    let asked = stage.asked();
    // What decides, and nothing else, from here on.
    stage.database.forget_statements();
    let person = stage.web.register("somebody@example.com", PASSWORD);
    let phone = stage.web.log_in("somebody@example.com", PASSWORD);
    assert_eq!((person.me().status, phone.me().status, boss.me().status), (200, 200, 200));
    assert_eq!(stage.admin.log_in("boss0@example.com", PASSWORD).log_out().status, 200);
    assert_eq!(phone.client.post_empty("/api/sessions/revoke-others").status, 200);
    let patch = boss.client.request("PATCH", &format!("/api/users/{}", person.user_id));
    assert_eq!(patch.json(&json!({"blocked": true})).send().status, 200);
    assert_refused_soon(&phone.client);
    stage.web.with_bearer(&"x".repeat(43)).get("/api/me").assert_problem(401, "unauthenticated");
    for part in ["from \"users\"", "tablesample", "from \"audit_log\""] {
        let is_there = asked.iter().any(|statement| statement.text.to_lowercase().contains(part));
        assert!(is_there, "the replica was never asked {part}: {asked:#?}");
    }
    let decisions = stage.database.statements();
    assert!(decisions.len() > 8, "{decisions:#?}");
    let both = asked.iter().filter(|asked| decisions.iter().any(|decides| decides.text == asked.text));
    let both: Vec<_> = both.filter(|asked| !asked.text.starts_with("SET ")).collect();
    assert!(both.is_empty(), "asked of the replica, too: {both:#?}");
}

#[test]
fn a_replica_that_stands_still_changes_no_decision_and_no_list_c9() {
    let stage = stage();
    let boss = stage.admin.log_in("boss0@example.com", PASSWORD);
    let bob = stage.web.register("bob@example.com", PASSWORD);
    assert_eq!(boss.client.get("/api/users").status, 200);
    stage.replica.execute("SELECT pg_wal_replay_pause()");
    eventually("the replica stands still", RECOVERY, || {
        (stage.replica.value("SELECT pg_get_wal_replay_pause_state()") == "paused").then_some(())
    });

    let carol = stage.web.register("carol@example.com", PASSWORD);
    assert_eq!(carol.me().status, 200, "whom the replica does not know");
    let blocked = boss.client.request("PATCH", &format!("/api/users/{}", bob.user_id));
    assert_eq!(blocked.json(&json!({"blocked": true})).send().status, 200);
    assert_refused_soon(&bob.client);
    stage.web.anon().log_in("bob@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
    let list = boss.client.get("/api/users?per_page=50").json();
    assert!(emails(&list).contains(&"carol@example.com".to_owned()), "{list}");
    let users = list["users"].as_array().unwrap();
    assert!(users.iter().any(|user| user["email"] == "bob@example.com" && user["blocked"] == true), "{list}");

    stage.replica.execute("SELECT pg_wal_replay_resume()");
    assert!(stage.admin.log().contains("lists come from the primary"), "{}", stage.admin.log());
}

#[test]
fn without_the_replica_lists_come_from_the_primary_c9() {
    let stage = stage();
    let boss = stage.admin.log_in("boss0@example.com", PASSWORD);
    assert_eq!(boss.client.get("/api/users").status, 200);
    stage.replica.stop();
    for path in ["/api/users", "/api/stats", "/api/audit", "/api/users"] {
        let answer = boss.client.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    stage.replica.start_again();
    {
        let _paused = stage.replica.pause();
        for path in ["/api/users", "/api/stats"] {
            let answer = boss.client.get(path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert!(answer.took < Duration::from_secs(1), "{path}: {:?}", answer.took);
        }
    }
    // Two servers that are none of each other's replicas.
    let other = TestPostgres::start();
    let foreign = other.database();
    people(&foreign, "foreign", 1, "user");
    let admin = App::builder("admin-panel").database(&stage.database).redis(&stage._redis);
    let admin = admin.env("DATABASE_REPLICA_URL", &foreign.url()).start();
    let boss = admin.log_in("boss0@example.com", PASSWORD);
    let list = boss.client.get("/api/users").json();
    assert_eq!(emails(&list), ["boss0@example.com"], "of the other server nothing is shown");
    assert!(admin.log().contains("DATABASE_REPLICA_URL"), "{}", admin.log());
    drop(stage.primary);
}
