//! The same with no server at all.

use serde_json::json;
use test_support::{Actor, App};

use super::{a_grant, patch};
use crate::PASSWORD;

/// Admin-panel in memory with the one administrator whom it begins with.
fn panel() -> (App, Actor) {
    let builder =
        App::builder("admin-panel").env("APP_ENV", "mock").env("DEMO_ADMIN_EMAIL", "ada@example.com");
    let app = builder.env("DEMO_ADMIN_PASSWORD", PASSWORD).start();
    let admin = app.log_in("ada@example.com", PASSWORD);
    (app, admin)
}

#[test]
fn everything_that_staff_do_works_in_memory_a8_c2() {
    let (app, admin) = panel();
    let (client, path) = (&admin.client, format!("/api/users/{}", admin.user_id));
    let users = client.get("/api/users?query=ADA@&role=admin&state=active").json();
    assert_eq!((&users["total"], &users["users"][0]["id"]), (&json!(1), &json!(admin.user_id)));
    assert_eq!(client.get("/api/users?query=nobody").json()["users"], json!([]));
    assert_eq!(client.get(&path).member("/user/role"), "admin");
    for change in [json!({"role": "user"}), json!({"blocked": true})] {
        patch(client, &path, &change).assert_problem(409, "conflict");
    }
    assert_eq!(patch(client, &path, &json!({"is_verified": false})).json()["user"]["is_verified"], false);

    let grants = format!("{path}/permissions");
    assert_eq!(client.post(&grants, &a_grant("reports.read", "web")).status, 201);
    assert_eq!(client.post(&grants, &a_grant("reports.read", "web")).status, 200);
    assert_eq!(client.get(&grants).json()["permissions"].as_array().unwrap().len(), 1);
    let taken = || client.delete(&format!("{grants}/reports.read?application_context=web"));
    assert_eq!((taken().status, taken().status), (204, 404));

    let other = app.log_in("ada@example.com", PASSWORD);
    assert_eq!(client.get("/api/stats").json()["live_sessions"], json!({"web": 0, "admin": 2}));
    assert_eq!(client.delete(&format!("{path}/sessions/{}", other.session_id)).status, 204);
    other.me().assert_problem(401, "unauthenticated");
    assert_eq!(client.get(&format!("{path}/sessions")).json()["sessions"].as_array().unwrap().len(), 1);

    let log = client.get(&format!("/api/audit?actor={}", admin.user_id)).json();
    let actions: Vec<&str> =
        log["entries"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "session_ended",
            "session_created",
            "permission_taken",
            "permission_granted",
            "permission_granted",
            "user_verification_changed",
            "session_created",
            "user_created",
        ]
    );
    let first = client.get("/api/audit?per_page=3").json();
    let next = client.get(&format!("/api/audit?per_page=3&next={}", first["next"].as_str().unwrap())).json();
    assert_eq!(next["entries"][0]["action"], "permission_granted");
    assert_eq!(client.delete(&format!("{path}/sessions")).json(), json!({"revoked": 1}));
    admin.me().assert_problem(401, "unauthenticated");
}

#[test]
fn nobody_is_there_unless_a_password_was_given_a8() {
    let app = App::builder("admin-panel").env("APP_ENV", "mock").start();
    app.anon().log_in("admin@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
    let short = App::builder("admin-panel").env("APP_ENV", "mock").env("DEMO_ADMIN_PASSWORD", "s3cret!");
    let failed = short.start_and_fail();
    assert!(failed.log.contains("DEMO_ADMIN_PASSWORD=***"), "{}", failed.log);
    assert!(!failed.log.contains("s3cret"), "{}", failed.log);
}
