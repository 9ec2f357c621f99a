//! Each route asks for its permission, and each role brings its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::{Client, Response};

use super::{Panel, a_grant, patch};

/// What each route needs, as the document says; a route that is added must be added here.
const ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "/api/audit", "audit.read"),
    ("GET", "/api/stats", "users.read"),
    ("GET", "/api/cleanup", "users.read"),
    ("GET", "/api/users", "users.read"),
    ("GET", "/api/users/{id}", "users.read"),
    ("PATCH", "/api/users/{id}", "users.read"),
    ("GET", "/api/users/{id}/permissions", "users.read"),
    ("POST", "/api/users/{id}/permissions", "permissions.change"),
    ("DELETE", "/api/users/{id}/permissions/{permission}", "permissions.change"),
    ("GET", "/api/users/{id}/sessions", "users.read"),
    ("DELETE", "/api/users/{id}/sessions", "sessions.end"),
    ("DELETE", "/api/users/{id}/sessions/{sid}", "sessions.end"),
];

/// What each member of a PATCH needs.
const CHANGES: &[(&str, &str)] =
    &[("role", "roles.change"), ("blocked", "users.block"), ("is_verified", "users.verify")];

const OPERATOR: &[&str] = &["users.read", "audit.read", "sessions.end", "users.block"];

fn brings(role: &str, permission: &str) -> bool {
    match role {
        "support" => OPERATOR[..2].contains(&permission),
        "operator" => OPERATOR.contains(&permission),
        _ => role == "admin",
    }
}

fn call(client: &Client, method: &str, path: &str, id: &str) -> Response {
    let path = path.replace("{id}", id).replace("{sid}", &"A".repeat(43));
    let path = path.replace("{permission}", "reports.read?application_context=web");
    let request = client.request(method, &path);
    match method {
        "POST" => request.json(&a_grant("reports.read", "web")).send(),
        "PATCH" => request.json(&json!({})).send(),
        _ => request.send(),
    }
}

/// What `{member: value}` would not change.
fn change(member: &str) -> Value {
    match member {
        "role" => json!({"role": "user"}),
        member => json!({ member: false }),
    }
}

#[test]
fn every_route_of_the_panel_is_in_the_table_with_the_permission_that_it_asks_for_a4() {
    let panel = Panel::new();
    let document = panel.app.anon().get("/openapi.json").json();
    let shared = panel.web().anon().get("/openapi.json").json();
    let mut found = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if shared["paths"][path].get(method).is_some() {
                continue;
            }
            let permission = operation["x-permission"].as_str();
            let permission = permission.unwrap_or_else(|| panic!("{method} {path} names no permission"));
            found.insert((method.to_uppercase(), path.clone(), permission.to_owned()));
        }
    }
    let table: BTreeSet<_> = ROUTES.iter().map(|(m, p, n)| ((*m).into(), (*p).into(), (*n).into())).collect();
    assert_eq!(found, table);
}

#[test]
fn each_role_may_do_what_its_permissions_say_and_nothing_else_a4() {
    let panel = Panel::new();
    let id = panel.id("user");
    for role in ["support", "operator", "admin"] {
        let client = panel.staff(role).client;
        for (method, path, permission) in ROUTES {
            let answer = call(&client, method, path, &id);
            let what = format!("{role}: {method} {path}: {} {}", answer.status, answer.text());
            if brings(role, permission) {
                assert!(matches!(answer.status, 200 | 201 | 204 | 404), "{what}");
                assert!(answer.status != 404 || path.ends_with("{sid}"), "{what}");
            } else {
                assert_eq!(answer.assert_problem(403, "forbidden")["status"], 403, "{what}");
            }
        }
        for (member, permission) in CHANGES {
            let answer = patch(&client, &panel.path("user", ""), &change(member));
            if brings(role, permission) {
                assert_eq!(answer.status, 200, "{role}: {member}: {}", answer.text());
            } else {
                answer.assert_problem(403, "forbidden");
            }
        }
    }
}

#[test]
fn who_is_blocked_expired_logged_out_or_staff_no_more_reaches_no_route_a4() {
    let panel = Panel::new();
    let id = panel.id("user");
    let root = panel.id("root");
    for (ending, allowed) in [
        (format!("UPDATE users SET blocked_at = now() WHERE id = '{root}'"), &[401][..]),
        (format!("UPDATE sessions SET expires_at = now() WHERE user_id = '{root}'"), &[401]),
        (format!("UPDATE sessions SET revoked = true WHERE user_id = '{root}'"), &[401]),
        (format!("UPDATE users SET role = 'user' WHERE id = '{root}'"), &[401, 403]),
    ] {
        let staff = panel.staff("root");
        panel.database.execute(&ending);
        for (method, path, _) in ROUTES {
            let answer = call(&staff.client, method, path, &id);
            assert!(allowed.contains(&answer.status), "{ending}: {method} {path}: {}", answer.status);
        }
        panel.database.execute("UPDATE users SET blocked_at = NULL");
    }
    assert_eq!(panel.database.number("SELECT count(*) FROM user_permissions"), 0);
}

#[test]
fn a_change_of_several_values_needs_each_permission_and_happens_whole_or_not_at_all_c2() {
    let panel = Panel::new();
    let operator = panel.staff("operator");
    let path = panel.path("user", "");
    let both = json!({"blocked": true, "role": "support"});
    patch(&operator.client, &path, &both).assert_problem(403, "forbidden");
    assert_eq!(panel.of("user", "role::text || (blocked_at IS NULL)"), "usertrue");
    let admin = panel.staff("admin");
    let answer =
        patch(&admin.client, &path, &json!({"blocked": true, "role": "support", "is_verified": true}));
    let user = &answer.json()["user"];
    assert_eq!(
        (answer.status, &user["blocked"], &user["role"], &user["is_verified"]),
        (200, &json!(true), &json!("support"), &json!(true))
    );
}

#[test]
fn a_body_that_is_none_is_refused_as_everywhere_else_c6() {
    let panel = Panel::new();
    let client = panel.staff("admin").client;
    let path = panel.path("user", "");
    for body in [
        json!({"rolle": "admin"}),
        json!({"role": "king"}),
        json!({"role": null}),
        json!({"blocked": "yes"}),
        json!({"email": "other@example.com"}),
        json!([]),
    ] {
        patch(&client, &path, &body).assert_problem(422, "validation_failed");
    }
    let grants = panel.path("user", "/permissions");
    for body in [
        json!({}),
        json!({"permission": "reports.read"}),
        a_grant("reports.read", "telegram-bot"),
        a_grant("", "web"),
        a_grant("a b", "web"),
        a_grant("a\u{0}", "web"),
        a_grant(&"a".repeat(101), "web"),
        json!({"permission": "a", "application_context": "web", "expires_at": "tomorrow"}),
        json!({"permission": "a", "application_context": "web", "expires_at": "2020-01-01T00:00:00Z"}),
    ] {
        client.post(&grants, &body).assert_problem(422, "validation_failed");
    }
    let broken = client.request("PATCH", &path).header("Content-Type", "application/json").body("{").send();
    broken.assert_problem(400, "malformed_request");
    let text = client.request("PATCH", &path).header("Content-Type", "text/plain").body("{}").send();
    text.assert_problem(415, "unsupported_media_type");
    let foreign = client.request("PATCH", &path).header("Origin", "http://elsewhere.example");
    foreign.json(&json!({"blocked": true})).send().assert_problem(403, "forbidden");
    client.delete(&format!("{grants}/reports.read")).assert_problem(422, "validation_failed");
    for path in ["/api/users/no-uuid", "/api/users/no-uuid/sessions", "/api/users/no-uuid/permissions"] {
        client.get(path).assert_problem(404, "not_found");
    }
    let nobody = "/api/users/6a2f41a3-c54c-4ce8-b2d2-0324e1c32e22";
    for rest in ["", "/sessions", "/permissions"] {
        client.get(&format!("{nobody}{rest}")).assert_problem(404, "not_found");
    }
    patch(&client, nobody, &json!({"blocked": true})).assert_problem(404, "not_found");
    client.delete(&format!("{nobody}/sessions")).assert_problem(404, "not_found");
    client.post(&format!("{nobody}/permissions"), &a_grant("a", "web")).assert_problem(404, "not_found");
    assert_eq!(panel.database.number("SELECT count(*) FROM audit_log WHERE action <> 'session_created'"), 0);
}

#[test]
fn the_answers_of_the_panel_say_whether_a_person_is_blocked_and_web_s_do_not() {
    let panel = Panel::new();
    let staff = panel.staff("admin");
    assert_eq!(staff.me().json()["user"]["blocked"], false);
    let log_in = panel.app.anon().log_in("admin@example.com", crate::PASSWORD);
    assert_eq!(log_in.json()["user"]["blocked"], false);
    assert_eq!(staff.client.get(&panel.path("user", "")).json()["user"]["blocked"], false);
    let web = panel.web();
    let user = web.log_in("user@example.com", crate::PASSWORD);
    assert!(user.me().json()["user"].get("blocked").is_none());
}
