//! How often what staff do goes to Postgres and to Redis. The numbers are promises: ARCHITECTURE.md, "What each operation costs".

use serde_json::json;

use super::{Panel, a_grant, patch};

#[test]
fn each_act_of_staff_costs_what_the_document_says() {
    let panel = Panel::new();
    let admin = panel.staff("admin");
    let client = &admin.client;
    let user = panel.path("user", "");
    let mut session = panel.staff("support").session_id;
    let mut monitor = panel.redis.monitor();
    let mut costs = |what: &str, (postgres, redis): (usize, &[&str]), act: &dyn Fn() -> u16| {
        monitor.commands();
        panel.database.forget_statements();
        let status = act();
        let commands = monitor.commands();
        let names: Vec<&str> = commands.iter().filter_map(|command| command.split(' ').next()).collect();
        assert!(matches!(status, 200 | 201 | 204), "{what}: {status}");
        assert_eq!(names, redis, "{what}");
        let trips = panel.database.trips();
        assert_eq!((trips.others.len(), trips.limiter.len()), (postgres, 0), "{what}: {trips:#?}");
    };
    // The first statements of a connection ask for the numbers of our types.
    for round in 0..3 {
        let mut act = |what: &str, trips: (usize, &[&str]), act: &dyn Fn() -> u16| match round {
            2 => costs(what, trips, act),
            _ => assert!(act() < 300, "{what}"),
        };
        let role = if round % 2 == 0 { "support" } else { "user" };
        act("a look-up", (1, &[]), &|| client.get("/api/me").status);
        act("people", (3, &[]), &|| client.get("/api/users?query=a").status);
        act("one person", (2, &[]), &|| client.get(&user).status);
        act("audit log", (3, &[]), &|| client.get("/api/audit").status);
        act("a role", (8, &[]), &|| patch(client, &user, &json!({ "role": role })).status);
        panel.database.execute(&format!(
            "INSERT INTO sessions (id, user_id, application_context, expires_at)
             SELECT session_digest('{round}'), id, 'web', now() + interval '1 hour' FROM users WHERE email LIKE 'user@%'"
        ));
        act("a block", (10, &["DEL", "DEL"]), &|| patch(client, &user, &json!({"blocked": true})).status);
        act("a block that is lifted", (8, &[]), &|| patch(client, &user, &json!({"blocked": false})).status);
        let grant = a_grant(&format!("reports.{round}"), "web");
        act("a grant", (9, &[]), &|| client.post(&format!("{user}/permissions"), &grant).status);
        let path = panel.path("support", &format!("/sessions/{session}"));
        act("one session", (7, &["DEL", "DEL"]), &|| client.delete(&path).status);
        session = panel.staff("support").session_id;
    }
}
