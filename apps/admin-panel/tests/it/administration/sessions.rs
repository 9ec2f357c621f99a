//! Staff see and end a person's sessions in every application.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_support::assert_refused_soon;

use super::Panel;
use crate::PASSWORD;

fn ids(answer: &Value) -> BTreeSet<String> {
    let sessions = answer["sessions"].as_array().unwrap();
    sessions.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn sessions_of_every_application_are_listed_without_a_token_c2() {
    let panel = Panel::new();
    let web = panel.web();
    let support = panel.staff("support");
    let own = support.client.get(&panel.path("support", "/sessions")).json();
    assert_eq!(own["sessions"][0]["current"], true);
    let phone = web.log_in("support@example.com", PASSWORD);
    let gone = web.log_in("support@example.com", PASSWORD);
    assert_eq!(gone.log_out().status, 200);
    let listed = support.client.get(&panel.path("support", "/sessions"));
    assert_eq!(ids(&listed.json()), [support.session_id.clone(), phone.session_id.clone()].into());
    let contexts: BTreeSet<String> = listed.json()["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["application_context"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(contexts, ["admin".to_owned(), "web".to_owned()].into());
    for token in [&support.token, &phone.token] {
        assert!(!listed.text().contains(token.as_str()));
    }
    let nobody = support.client.get(&panel.path("user", "/sessions"));
    assert_eq!(nobody.json(), json!({"sessions": []}));
}

#[test]
fn one_session_ends_whatever_application_it_is_in_and_the_others_go_on_c2_c4() {
    let panel = Panel::new();
    let web = panel.web();
    web.wait_for_lease();
    let operator = panel.staff("operator");
    let (phone, pc) =
        (web.log_in("support@example.com", PASSWORD), web.log_in("support@example.com", PASSWORD));
    let staff = panel.staff("support");
    assert_eq!(phone.me().status, 200);
    let path = |id: &str| panel.path("support", &format!("/sessions/{id}"));
    let key = format!("session:web:{}", phone.session_id);
    assert!(panel.redis.dump().contains_key(&key));
    assert_eq!(operator.client.delete(&path(&phone.session_id)).status, 204);
    assert!(!panel.redis.dump().contains_key(&key));
    assert_refused_soon(&phone.client);
    assert_eq!((pc.me().status, staff.me().status), (200, 200));
    assert_eq!(operator.client.delete(&path(&staff.session_id)).status, 204);
    staff.me().assert_problem(401, "unauthenticated");
    // What has ended, what is somebody else's, and what is no id at all.
    for id in [phone.session_id.as_str(), &operator.session_id, &"A".repeat(43), "x", "%00"] {
        operator.client.delete(&path(id)).assert_problem(404, "not_found");
    }
    assert_eq!(operator.me().status, 200);
}

#[test]
fn all_sessions_end_in_every_application_and_a_login_begins_anew_c2_c4() {
    let panel = Panel::new();
    let web = panel.web();
    web.wait_for_lease();
    let operator = panel.staff("operator");
    let staff = panel.staff("support");
    let devices: Vec<_> = (0..3).map(|_| web.log_in("support@example.com", PASSWORD)).collect();
    let path = panel.path("support", "/sessions");
    assert_eq!(operator.client.delete(&path).json(), json!({"revoked": 4}));
    assert_eq!(panel.redis.dump().keys().filter(|key| key.starts_with("session:web:")).count(), 0);
    staff.me().assert_problem(401, "unauthenticated");
    for device in &devices {
        assert_refused_soon(&device.client);
    }
    assert_eq!(operator.client.delete(&path).json(), json!({"revoked": 0}));
    assert_eq!(web.log_in("support@example.com", PASSWORD).me().status, 200);
    // Their own, too.
    assert_eq!(operator.client.delete(&panel.path("operator", "/sessions")).json(), json!({"revoked": 1}));
    operator.me().assert_problem(401, "unauthenticated");
}

#[test]
fn a_legacy_token_ends_with_the_rest_b3_f2() {
    let panel = Panel::new();
    let web = panel.web();
    panel.database.execute("UPDATE users SET auth_token = 'a-legacy-token' WHERE email LIKE 'user@%'");
    let operator = panel.staff("operator");
    assert_eq!(operator.client.delete(&panel.path("user", "/sessions")).status, 200);
    web.with_cookie("a-legacy-token").get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(panel.of("user", "auth_token"), "a-legacy-token", "never cleared");
}
