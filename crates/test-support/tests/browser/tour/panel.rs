//! The pages of admin-panel.

use serde_json::json;
use test_support::Actor;

use super::{ADA, MANY, OLIVIA, Tour};
use crate::PASSWORD;

const DESK: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

#[test]
fn pages_of_admin_panel_keep_nobody_out() {
    let tour = Tour::new();
    let (panel, browser, database) = (&tour.stage.panel, &tour.browser, &tour.stage.database);
    let id = |email: &str| database.value(&format!("SELECT id FROM users WHERE email = '{email}'"));
    let (olivia, many, nobody) = (id(OLIVIA), id(MANY), id("nobody.yet@example.com"));
    let desk = panel.anon().with_header("User-Agent", DESK);
    let logged_in = desk.log_in(ADA, PASSWORD);
    let ada = panel.actor(desk, &logged_in);
    tour.stage.panel.wait_for_lease();

    tour.visit(panel, "/login", "panel-login");
    tour.log_in(panel, ADA);
    tour.visit(panel, "/audit?action=nothing", "panel-audit-empty");
    acts(&ada, &olivia, &id("isla.bennett@example.com"));
    tour.visit(panel, "/", "panel-dashboard");
    browser.click("#legacy summary");
    tour.glance();
    tour.visit(panel, "/users", "panel-users");
    tour.pass(panel, "/users?query=%D0%B0%D0%BD%D0%B0&role=user");
    tour.visit(panel, "/users?query=nobody.of.this.name", "panel-users-empty");
    tour.pass(panel, "/users?next=broken");
    tour.visit(panel, &format!("/users/{olivia}"), "panel-person");
    tour.visit(panel, &format!("/users/{many}"), "panel-person-200-sessions");
    tour.visit(panel, &format!("/users/{nobody}"), "panel-person-empty");
    for act in ["block", "verify", "unverify", "role"] {
        tour.pass(panel, &format!("/users/{olivia}/{act}"));
    }
    tour.visit(panel, &format!("/users/{olivia}/end-sessions"), "panel-act-end-sessions");
    tour.visit(panel, &format!("/users/{olivia}/grant"), "panel-act-grant");
    browser.submit("#act", &[("permission", "no such thing")]);
    browser.see("#act [aria-invalid]");
    tour.glance();
    let session = database.value(&format!("SELECT id FROM sessions WHERE user_id = '{olivia}' LIMIT 1"));
    tour.pass(panel, &format!("/users/{olivia}/end-session?session={session}"));
    let take = format!("/users/{olivia}/take?permission=reports.read&application_context=web");
    tour.pass(panel, &take);
    database.execute("UPDATE sessions SET authenticated_at = now() - interval '301 seconds'");
    tour.visit(panel, &format!("/users/{olivia}/role"), "panel-act-role");
    tour.visit(panel, "/audit", "panel-audit");
    tour.visit(panel, "/cleanup", "panel-cleanup");
    tour.pass(panel, "/users/nobody");
    database.execute(&format!("UPDATE users SET role = 'support' WHERE email = '{ADA}'"));
    tour.visit(panel, &format!("/users/{olivia}/role"), "panel-problem-403");
    tour.end();
}

/// What the log has to tell.
fn acts(ada: &Actor, olivia: &str, isla: &str) {
    let patch =
        |id: &str, what| ada.client.request("PATCH", &format!("/api/users/{id}")).json(&what).send().status;
    assert_eq!(patch(isla, json!({"role": "support"})), 200);
    assert_eq!(patch(isla, json!({"blocked": true})), 200);
    assert_eq!(patch(isla, json!({"blocked": false, "is_verified": true})), 200);
    let grant = json!({"permission": "refunds.approve", "application_context": "web", "expires_at": "2031-01-01T00:00:00Z"});
    assert_eq!(ada.client.post(&format!("/api/users/{olivia}/permissions"), &grant).status, 201);
    assert_eq!(ada.client.delete(&format!("/api/users/{isla}/sessions")).status, 200);
}
