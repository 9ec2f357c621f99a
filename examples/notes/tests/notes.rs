//! The example as its users meet it, on real stores and in memory.

use std::path::Path;

use serde_json::json;
use test_support::{App, AppBuilder, TestDatabase, TestRedis, assert_refused_soon, eventually};

const PASSWORD: &str = "correct horse battery";

fn builder() -> AppBuilder {
    App::built_elsewhere("notes", Path::new(env!("CARGO_BIN_EXE_notes")), "WEB_PORT", "sessionId")
}

/// Registers two people; the first writes a note that the second must not see.
fn use_it(app: &App) -> (test_support::Actor, test_support::Actor) {
    app.anon().get("/api/notes").assert_problem(401, "unauthenticated");
    let [alice, bob] = ["alice", "bob"].map(|name| app.register(&format!("{name}@example.com"), PASSWORD));
    let written = alice.client.post("/api/notes", &json!({"text": "milk"}));
    assert_eq!(written.status, 201, "{}", written.text());
    assert_eq!(written.json(), json!({"id": 1, "text": "milk"}));
    alice.client.post("/api/notes", &json!({"text": ""})).assert_problem(422, "validation_failed");
    assert_eq!(alice.client.get("/api/notes").json(), json!({"notes": [{"id": 1, "text": "milk"}]}));
    assert_eq!(alice.bearer().get("/api/notes").json(), json!({"notes": [{"id": 1, "text": "milk"}]}));
    assert_eq!(bob.client.get("/api/notes").json(), json!({"notes": []}));
    bob.client.delete("/api/notes?id=1").assert_problem(403, "forbidden");
    (alice, bob)
}

#[test]
fn somebody_elses_application_has_logins_sessions_and_permissions() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let app = builder().database(&database).redis(&redis).start();
    let (alice, bob) = use_it(&app);
    database.execute(&format!(
        "INSERT INTO user_permissions (user_id, permission, application_context)
         VALUES ('{}', 'notes.moderate', 'web')",
        bob.user_id
    ));
    // A grant is heard of like a block.
    eventually("bob may", std::time::Duration::from_secs(2), || {
        (bob.client.delete("/api/notes?id=1").status == 204).then_some(())
    });
    bob.client.delete("/api/notes?id=1").assert_problem(404, "not_found");
    assert_eq!(alice.client.get("/api/notes").json(), json!({"notes": []}));
    database.execute("UPDATE sessions SET revoked = true");
    assert_refused_soon(&alice.client);
    alice.client.get("/api/notes").assert_problem(401, "unauthenticated");
}

#[test]
fn it_runs_without_any_server() {
    let app = builder().argument("--environment").argument("mock").start();
    let (alice, _) = use_it(&app);
    assert_eq!(alice.log_out().status, 200);
    alice.client.get("/api/notes").assert_problem(401, "unauthenticated");
    let again = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(again.client.get("/api/notes").json()["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn it_names_neither_the_database_nor_the_cache() {
    let manifest = include_str!("../Cargo.toml");
    let dependencies = manifest.split_once("[dependencies]\n").unwrap().1.split("\n\n").next().unwrap();
    let names: Vec<&str> = dependencies.lines().map(|line| line.split('.').next().unwrap()).collect();
    assert_eq!(names, ["http-kit", "session-management", "actix-web", "serde"]);
}
