//! Who may do what: every route as everybody who could ask for it.

use serde_json::json;
use test_support::authorization::{Call, Identity, PASSWORD, Play, Stage, assert_complete};
use test_support::stack;

const TABLE: &str = include_str!("authorization.txt");

fn call(stage: &Stage<'_>, identity: Identity, route: &str, case: &str) -> Call {
    let victim = &stage.victim;
    match route {
        "GET /docs/{file:.*}" => Call::plain().to("/docs/index.html"),
        "GET /assets/{version}/{name}" => Call::plain().to(stage.asset()),
        "POST /api/login" => Call::json(match case {
            "wrong" => json!({"email": format!("nobody{}@example.com", stage.fresh()), "password": PASSWORD}),
            "not-staff" => json!({"email": "victim@example.com", "password": PASSWORD}),
            _ => json!({"email": "support@example.com", "password": PASSWORD}),
        }),
        "POST /login" => Call::form(&[("email", "support@example.com"), ("password", PASSWORD)]),
        "POST /logout" => Call::form(&[]),
        "DELETE /api/sessions/{id}" if case == "own" => {
            Call::plain().to(format!("/api/sessions/{}", stage.own_session(identity)))
        }
        "DELETE /api/sessions/{id}" => {
            Call::plain().to(format!("/api/sessions/{}", stage.session_of("bystander")))
        }
        "POST /api/password" => Call::json(json!({"current_password": PASSWORD, "new_password": PASSWORD})),
        "POST /api/reauthenticate" => Call::json(json!({"password": PASSWORD})),
        "PATCH /api/users/{id}" => Call::json(match case {
            "blocked" => json!({"blocked": true}),
            "is_verified" => json!({"is_verified": true}),
            "role" => json!({"role": "user"}),
            _ => json!({}),
        })
        .to(format!("/api/users/{victim}")),
        "DELETE /api/users/{id}/sessions/{sid}" => {
            let whose = if case.is_empty() { "victim" } else { "bystander" };
            Call::plain().to(format!("/api/users/{victim}/sessions/{}", stage.session_of(whose)))
        }
        "POST /api/users/{id}/permissions" => {
            let permission = format!("reports.read{}", stage.fresh());
            Call::json(json!({"permission": permission, "application_context": "web"}))
                .to(format!("/api/users/{victim}/permissions"))
        }
        "DELETE /api/users/{id}/permissions/{permission}" => {
            let permission = granted(stage, if case.is_empty() { "victim" } else { "bystander" });
            let path = format!("/api/users/{victim}/permissions/{permission}?application_context=web");
            Call::plain().to(path)
        }
        "GET /users/{id}/{act}" => act(stage, case, false),
        "POST /users/{id}/{act}" => act(stage, case, true),
        _ => {
            let path = route.split(' ').nth(1).unwrap_or_default();
            Call::plain().to(path.replace("{id}", victim).replace(['{', '}'], ""))
        }
    }
}

/// A permission that somebody has been granted.
fn granted(stage: &Stage<'_>, name: &str) -> String {
    let permission = format!("reports.write{}", stage.fresh());
    stage.database.execute(&format!(
        "INSERT INTO user_permissions (user_id, permission, application_context)
         SELECT id, '{permission}', 'web' FROM users WHERE email = '{name}@example.com'"
    ));
    permission
}

fn act(stage: &Stage<'_>, act: &str, is_sent: bool) -> Call {
    let path = format!("/users/{}/{}", stage.victim, act.trim_end_matches("-of-another"));
    let fields = match act {
        "end-session" => vec![("session", stage.session_of("victim"))],
        "end-session-of-another" => vec![("session", stage.session_of("bystander"))],
        "role" => vec![("role", "user".to_owned())],
        "grant" => vec![
            ("permission", format!("reports.read{}", stage.fresh())),
            ("application_context", "web".to_owned()),
            ("expires_at", String::new()),
        ],
        "take-of-another" => {
            vec![("permission", granted(stage, "bystander")), ("application_context", "web".to_owned())]
        }
        "take" => {
            vec![("permission", granted(stage, "victim")), ("application_context", "web".to_owned())]
        }
        _ => Vec::new(),
    };
    if is_sent {
        return Call { form: Some(fields), ..Call::default() }.to(path);
    }
    let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Call::plain().to(format!("{path}?{}", query.join("&")))
}

fn play(test: impl FnOnce(&Play<'_>)) {
    let (database, _redis, app) = stack("admin-panel");
    let stage = Stage::new(&app, &database, "admin");
    let secrets = vec![
        stage.session_of("bystander"),
        database.value("SELECT encode(key, 'hex') FROM instance_keys LIMIT 1"),
    ];
    test(&Play { stage: &stage, table: TABLE, call: &call, secrets });
}

#[test]
fn every_route_answers_everybody_as_the_table_says_and_what_is_refused_changes_nothing() {
    play(|play| play.run("admin-panel"));
}

#[test]
fn no_method_that_a_path_has_not_does_anything_and_none_stands_for_another() {
    play(|play| {
        play.run_wrong_methods("admin-panel");
        play.run_overrides();
    });
}

#[test]
fn every_route_has_its_line_in_the_table() {
    assert_complete("admin-panel", TABLE);
}

#[test]
#[should_panic(expected = "not in the table: [\"DELETE /api/sessions/{id}\"]")]
fn a_route_without_a_line_fails_the_test_of_the_table() {
    let lines = TABLE.lines().filter(|line| !line.starts_with("DELETE /api/sessions/{id} "));
    assert_complete("admin-panel", &lines.collect::<Vec<_>>().join("\n"));
}
