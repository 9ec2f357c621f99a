//! How often what staff do goes to Postgres. The numbers stand in ARCHITECTURE.md.

use serde_json::json;

use super::{Panel, a_grant, patch};

/// Statements that the request is answerable for; what runs in the background is nobody's.
fn statements(panel: &Panel) -> Vec<String> {
    let background = [
        "instance_keys",
        "__diesel_schema_migrations",
        "SKIP LOCKED",
        "pg_backend_pid",
        "pg_notify",
        "LISTEN",
        // A process says every few seconds which strategy it runs.
        "strategy_processes",
    ];
    let counted =
        |text: &String| !text.starts_with("SET ") && !background.iter().any(|text_of| text.contains(text_of));
    let each = |statement: test_support::Statement| {
        std::iter::repeat_n(statement.text, usize::try_from(statement.calls).unwrap())
    };
    panel.database.statements().into_iter().flat_map(each).filter(counted).collect()
}

#[test]
fn each_act_of_staff_costs_what_the_document_says() {
    let panel = Panel::new();
    let admin = panel.staff("admin");
    let client = &admin.client;
    let user = panel.path("user", "");
    let mut session = panel.staff("support").session_id;
    let costs = |what: &str, trips: usize, act: &dyn Fn() -> u16| {
        panel.database.forget_statements();
        let status = act();
        let statements = statements(&panel);
        assert!(matches!(status, 200 | 201 | 204), "{what}: {status}");
        assert_eq!(statements.len(), trips, "{what}: {statements:#?}");
    };
    // The first statements of a connection ask for the numbers of our types.
    for round in 0..3 {
        let act = |what: &str, trips: usize, act: &dyn Fn() -> u16| match round {
            2 => costs(what, trips, act),
            _ => assert!(act() < 300, "{what}"),
        };
        let role = if round % 2 == 0 { "support" } else { "user" };
        act("people", 3, &|| client.get("/api/users?query=a").status);
        act("one person", 2, &|| client.get(&user).status);
        act("audit log", 3, &|| client.get("/api/audit").status);
        act("a role", 8, &|| patch(client, &user, &json!({ "role": role })).status);
        act("a block", 10, &|| patch(client, &user, &json!({"blocked": true})).status);
        act("a block that is lifted", 8, &|| patch(client, &user, &json!({"blocked": false})).status);
        let grant = a_grant(&format!("reports.{round}"), "web");
        act("a grant", 9, &|| client.post(&format!("{user}/permissions"), &grant).status);
        let path = panel.path("support", &format!("/sessions/{session}"));
        act("one session", 7, &|| client.delete(&path).status);
        session = panel.staff("support").session_id;
    }
}
