//! Who sees and reaches what.

use test_support::PageForm;

use super::{Panel, send};

/// Each act with those roles that may do it.
const ACTS: [(&str, &[&str]); 8] = [
    ("end-sessions", &["operator", "admin"]),
    ("end-session", &["operator", "admin"]),
    ("block", &["operator", "admin"]),
    ("verify", &["admin"]),
    ("role", &["admin"]),
    ("grant", &["admin"]),
    ("take", &["admin"]),
    ("unblock", &["operator", "admin"]),
];

#[test]
fn each_role_sees_the_buttons_of_its_permissions_and_is_refused_the_rest_c2() {
    let panel = Panel::new();
    let web = panel.web();
    let session = web.log_in("user@example.com", crate::PASSWORD).session_id;
    panel.database.execute(
        "INSERT INTO user_permissions (user_id, permission, application_context)
         SELECT id, 'reports.read', 'web' FROM users WHERE email LIKE 'user@%'",
    );
    for role in ["support", "operator", "admin"] {
        let staff = panel.browser(role);
        let shown = staff.see(&panel.path("user", "")).attributes("[data-act]", "data-act");
        let token = staff.see("/").attribute("#logout input[name=form_token]", "value");
        for page in ["/", "/users", "/audit", "/cleanup"] {
            assert_eq!(staff.open(page).status(), 200, "{role} {page}");
        }
        for (act, roles) in ACTS {
            let may = roles.contains(&role);
            if act != "unblock" {
                assert_eq!(shown.iter().any(|known| known == act), may, "{role} sees {act}: {shown:?}");
            }
            let query = format!("/{act}?session={session}&permission=reports.read&application_context=web");
            let asked = staff.open(&panel.path("user", &query));
            assert_eq!(asked.status(), if may { 200 } else { 403 }, "{role} is asked {act}");
            if !may {
                assert_eq!(asked.text("h1"), "Not allowed");
                assert_eq!(asked.text("main .muted"), "Ask somebody who may.");
                let fields = [("form_token", token.as_str()), ("role", "admin"), ("session", &session)]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()));
                let form = PageForm { action: panel.path("user", &format!("/{act}")), fields: fields.into() };
                let sent = send(&staff.0, &form);
                assert_eq!(sent.status(), 403, "{role} sends {act}");
            }
        }
    }
    assert_eq!(panel.of("user", "role = 'user' AND blocked_at IS NULL AND NOT is_verified"), "t");
    assert_eq!(panel.database.number("SELECT count(*) FROM audit_log WHERE action <> 'session_created'"), 0);
}

#[test]
fn nobody_is_offered_acts_on_a_person_of_a_higher_role_nor_can_do_them_c2() {
    let panel = Panel::new();
    let operator = panel.browser("operator");
    let page = operator.see(&panel.path("admin", ""));
    assert!(page.has("#above") && !page.has("[data-act]"), "{}", page.answer.text());
    let answer = operator.see(&panel.path("admin", "/block")).submit("#act", &[]);
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.text(".lead"), "This person has a higher role than you.");
    assert_eq!(panel.of("admin", "blocked_at IS NULL"), "t");
}
