//! What staff do to a person by forms.

use test_support::assert_refused_soon;

use super::Panel;
use crate::PASSWORD;

#[test]
fn staff_find_a_person_and_end_their_sessions_by_forms_c2_c4() {
    let panel = Panel::new();
    let web = panel.web();
    let (phone, pc) = (web.log_in("user@example.com", PASSWORD), web.log_in("user@example.com", PASSWORD));
    let operator = panel.browser("operator");
    let found = operator.see("/users").search(&[("query", "user@")]);
    assert_eq!(found.texts("#people tbody th"), ["user@example.com"]);
    let person = found.follow("#people tbody th a");
    assert_eq!(person.text("h1"), "user@example.com");
    assert_eq!(person.attributes("#sessions li", "data-application"), ["web", "web"]);
    // One.
    let asked = person.follow(&format!("li[data-session-id='{}'] a[data-act=end-session]", phone.session_id));
    let person = asked.submit_and_see("#act", &[]);
    assert_eq!(person.text("#notice"), "The device is logged out.");
    assert_eq!(person.attributes("#sessions li", "data-session-id"), [pc.session_id.as_str()]);
    assert_refused_soon(&phone.client);
    assert_eq!(pc.me().status, 200);
    // All.
    let person = person.follow("a[data-act=end-sessions]").submit_and_see("#act", &[]);
    assert_eq!(person.text("#notice"), "All sessions of this person are ended.");
    assert_eq!(person.text("#sessions .empty"), "Not logged in anywhere.");
    assert_refused_soon(&pc.client);
    // Said once.
    assert_eq!(operator.see(&panel.path("user", "")).text("#notice"), "");
    // A question about a session that has ended is about nothing.
    let gone = panel.path("user", &format!("/end-session?session={}", pc.session_id));
    assert_eq!(operator.open(&gone).status(), 404);
}

#[test]
fn a_person_who_is_blocked_is_logged_out_and_can_be_let_in_again_c2() {
    let panel = Panel::new();
    let web = panel.web();
    let customer = web.log_in("user@example.com", PASSWORD);
    let operator = panel.browser("operator");
    let person = operator.see(&panel.path("user", "")).follow("a[data-act=block]");
    assert_eq!(panel.of("user", "blocked_at IS NULL"), "t", "a question blocks nobody");
    let person = person.submit_and_see("#act", &[]);
    assert_eq!(
        (person.text("#notice"), person.text("#state")),
        ("The person is blocked.".into(), "Blocked".into())
    );
    assert_refused_soon(&customer.client);
    assert_eq!(web.anon().log_in("user@example.com", PASSWORD).status, 401);
    let person = person.follow("a[data-act=unblock]").submit_and_see("#act", &[]);
    assert_eq!(
        (person.text("#notice"), person.text("#state")),
        ("The person can log in again.".into(), "Active".into())
    );
    assert_eq!(web.anon().log_in("user@example.com", PASSWORD).status, 200);
}

#[test]
fn an_address_is_confirmed_and_the_confirmation_taken_back_c2() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let person = admin.see(&panel.path("user", "")).follow("a[data-act=verify]").submit_and_see("#act", &[]);
    assert_eq!(person.text("#email"), "user@example.com confirmed");
    let person = person.follow("a[data-act=unverify]").submit_and_see("#act", &[]);
    assert_eq!(person.text("#email"), "user@example.com not confirmed");
}

#[test]
fn a_change_of_role_asks_for_the_password_when_the_proof_is_old_c2() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let path = panel.path("user", "/role");
    assert!(!admin.see(&path).has("#act input[name=password]"), "the login was a proof");
    let early = admin.see(&path);
    panel.let_proofs_grow_old();
    // A form that was opened in time and is sent too late asks, and keeps what was chosen.
    let late = early.submit("#act", &[("role", "support")]);
    assert_eq!(late.status(), 403, "{}", late.answer.text());
    assert!(late.text("#act [role=alert]").contains("Please confirm first that it is you"));
    assert_eq!(late.attribute("#act-role option[selected]", "value"), "support");
    let asked = admin.see(&path);
    let wrong = asked.submit("#act", &[("role", "support"), ("password", "something else")]);
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.text("#act-password-error"), "The credentials are not right.");
    assert_eq!(panel.of("user", "role"), "user");
    let person = wrong.submit_and_see("#act", &[("password", PASSWORD)]);
    assert_eq!(
        (person.text("#notice"), person.text("#role")),
        ("The role is changed.".into(), "Support".into())
    );
    assert_eq!(panel.of("user", "role"), "support");
    assert!(!admin.see(&path).has("#act input[name=password]"), "that was a proof");
}

#[test]
fn permissions_are_granted_with_an_end_and_taken_and_need_a_proof_c2() {
    let panel = Panel::new();
    let (admin, support) = (panel.browser("admin"), panel.browser("support"));
    let block = panel.path("user", "/block");
    assert_eq!(support.open(&block).status(), 403);
    panel.let_proofs_grow_old();
    let asked = admin.see(&panel.path("support", "")).follow("a[data-act=grant]");
    let granted = [("permission", "users.block"), ("expires_at", "2999-12-31T23:30"), ("password", PASSWORD)];
    let person = asked.submit_and_see("#act", &granted);
    assert_eq!(person.text("#notice"), "The permission is granted.");
    let row = person.text("#grants tbody tr");
    assert!(row.contains("users.block") && row.contains("31 December 2999, 23:30 UTC"), "{row}");
    assert_eq!(support.open(&block).status(), 200, "it counts");
    panel.let_proofs_grow_old();
    let asked = person.follow("tr[data-permission='users.block'] a[data-act=take]");
    assert!(asked.has("#act input[name=password]"));
    let person = asked.submit_and_see("#act", &[("password", PASSWORD)]);
    assert_eq!(person.text("#notice"), "The permission is taken.");
    assert_eq!(person.text("#grants .empty"), "Nothing was granted.");
    assert_eq!(support.open(&block).status(), 403);
}

#[test]
fn what_is_wrong_in_a_form_is_said_there_and_what_was_typed_is_kept_c2() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let asked = admin.see(&panel.path("support", "/grant"));
    for (permission, end, field) in [
        ("a b", "", "#act-permission-error"),
        ("a.b", "2001-01-01T00:00", "#act-expires-hint.error"),
        ("a.b", "tomorrow", "#act-expires-hint.error"),
    ] {
        let answer = asked.submit("#act", &[("permission", permission), ("expires_at", end)]);
        assert_eq!(answer.status(), 422);
        assert!(answer.has(field), "{}", answer.answer.text());
        assert_eq!(answer.attribute("#act-permission", "value"), permission);
    }
    // Nobody makes anybody the last administrator's successor by accident.
    panel.database.execute("UPDATE users SET blocked_at = now() WHERE email LIKE 'root@%'");
    let answer = admin.see(&panel.path("admin", "/role")).submit("#act", &[("role", "user")]);
    assert_eq!(answer.status(), 409);
    assert!(answer.text("#act [role=alert]").contains("last administrator"));
    let answer = admin.see(&panel.path("admin", "/role")).submit("#act", &[("role", "emperor")]);
    assert_eq!(answer.status(), 422);
}

#[test]
fn whoever_ends_their_own_session_goes_to_the_login_c2() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let own = panel.path("admin", "");
    let answer = admin.see(&own).follow("a[data-act=end-sessions]").submit("#act", &[]);
    assert_eq!((answer.status(), answer.location()), (303, Some(own.as_str())));
    let next = format!("/login?next={}", own.replace('/', "%2F"));
    assert_eq!(admin.open(&own).location(), Some(next.as_str()));
}
