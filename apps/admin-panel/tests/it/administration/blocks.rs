//! Who is blocked is out everywhere.

use serde_json::json;
use test_support::assert_refused_soon;

use super::{Panel, patch};
use crate::PASSWORD;

#[test]
fn a_block_ends_everything_everywhere_and_lifting_it_brings_nothing_back_c2_c4() {
    let panel = Panel::new();
    let web = panel.web();
    web.wait_for_lease();
    let operator = panel.staff("operator");
    let (phone, pc) =
        (web.log_in("support@example.com", PASSWORD), web.log_in("support@example.com", PASSWORD));
    let staff = panel.staff("support");
    for device in [&phone, &pc, &staff] {
        assert_eq!(device.me().status, 200);
    }
    let path = panel.path("support", "");
    let blocked = patch(&operator.client, &path, &json!({"blocked": true}));
    assert_eq!((blocked.status, &blocked.json()["user"]["blocked"]), (200, &json!(true)));
    staff.me().assert_problem(401, "unauthenticated");
    for device in [&phone, &pc] {
        assert_refused_soon(&device.client);
    }
    for app in [&web, &panel.app] {
        app.anon().log_in("support@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
    }
    assert_eq!(patch(&operator.client, &path, &json!({"blocked": false})).json()["user"]["blocked"], false);
    for device in [&phone, &pc, &staff] {
        device.me().assert_problem(401, "unauthenticated");
    }
    assert_eq!(web.log_in("support@example.com", PASSWORD).me().status, 200);
}

#[test]
fn who_is_blocked_already_stays_so_since_then_and_leaves_no_further_line_c2() {
    let panel = Panel::new();
    let operator = panel.staff("operator");
    let path = panel.path("user", "");
    assert_eq!(patch(&operator.client, &path, &json!({"blocked": true})).status, 200);
    let (since, lines) = (panel.of("user", "blocked_at"), panel.lines());
    assert_eq!(patch(&operator.client, &path, &json!({"blocked": true})).status, 200);
    assert_eq!((panel.of("user", "blocked_at"), panel.lines()), (since, lines));
    assert_eq!(patch(&operator.client, &path, &json!({})).status, 200);
    assert_eq!(panel.lines(), lines);
}

#[test]
fn staff_may_block_themselves_and_are_out_then_c2() {
    let panel = Panel::new();
    let operator = panel.staff("operator");
    let own = panel.path("operator", "");
    assert_eq!(patch(&operator.client, &own, &json!({"blocked": true})).status, 200);
    operator.me().assert_problem(401, "unauthenticated");
}
