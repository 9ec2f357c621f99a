//! The audit log as a page.

use super::Panel;
use crate::PASSWORD;

#[test]
fn every_act_of_staff_stands_in_the_log_with_old_and_new_value_c2() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let path = |rest: &str| panel.path("user", rest);
    admin.see(&path("/role")).submit_and_see("#act", &[("role", "support")]);
    admin.see(&path("/block")).submit_and_see("#act", &[]);
    let granted = [("permission", "users.block"), ("expires_at", "2999-12-31T23:30")];
    admin.see(&path("/grant")).submit_and_see("#act", &granted);
    let log = admin.see(&path("")).follow("main a[href^='/audit']");
    assert_eq!(
        log.attributes("#log tbody tr", "data-action"),
        ["permission_granted", "user_blocked", "user_role_changed"]
    );
    assert_eq!(log.texts("#log tbody th > a"), ["Permission granted", "Person blocked", "Role changed"]);
    assert_eq!(log.text("tr[data-action=user_role_changed] .values"), "Role was Customer → is now Support");
    let blocked = log.text("tr[data-action=user_blocked] .values");
    assert!(blocked.contains("Blocked was no → is now yes"), "{blocked}");
    let end = log.text("tr[data-action=permission_granted] .values");
    assert!(
        end.contains("users.block") && end.contains("was not granted → is now 31 December 2999"),
        "{end}"
    );
    for cell in log.texts("#log tbody td:nth-child(2)") {
        assert_eq!(cell, "admin@example.com");
    }
    for cell in log.texts("#log tbody td:nth-child(3)") {
        assert_eq!(cell, "user@example.com");
    }
    assert!(log.texts("#log tbody td:nth-child(4)").iter().all(|cell| cell.contains("127.0.0.1")));
    // The header of a row is what was done, and nothing else is read out with each of its cells.
    assert_eq!(log.texts("#log tbody th"), ["Permission granted", "Person blocked", "Role changed"]);
    assert_eq!(log.page.count("#log tbody td time, #log tbody td dl"), 6);
    // It can be asked for by action and by who acted.
    let found = log.search(&[("action", "user_blocked")]);
    assert_eq!(found.attributes("#log tbody tr", "data-action"), ["user_blocked"]);
    let found = admin.see("/audit").search(&[("actor", &panel.id("root"))]);
    assert!(found.has("#log .empty"));
}

#[test]
fn the_log_has_pages_that_follow_one_another_c2() {
    let panel = Panel::new();
    panel.database.execute(
        "INSERT INTO audit_log (action, detail) SELECT 'user_created', jsonb_build_object('n', n) FROM generate_series(1, 120) n",
    );
    let support = panel.browser("support");
    let mut page = support.see("/audit?action=user_created");
    let mut seen = page.texts("#log .values dd");
    while page.has("#next") {
        page = page.follow("#next");
        seen.extend(page.texts("#log .values dd"));
    }
    let mut numbers: Vec<i64> = seen.iter().map(|text| text.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=120).collect::<Vec<_>>());
}

#[test]
fn what_the_command_line_did_is_told_as_such_c2() {
    let panel = Panel::new();
    let email = "user@example.com";
    let web = panel.web();
    let _customer = web.log_in(email, PASSWORD);
    panel.database.execute("INSERT INTO audit_log (action) VALUES ('something_new')");
    let support = panel.browser("support");
    let line = support.see("/audit?action=something_new").text("#log tbody tr");
    assert!(line.contains("something_new") && line.contains("Command line"), "{line}");
}

#[test]
fn lists_are_tables_also_where_the_style_makes_blocks_of_them() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let granted = [("permission", "users.block"), ("expires_at", "2999-12-31T23:30")];
    admin.see(&panel.path("user", "/grant")).submit_and_see("#act", &granted);
    for path in ["/users".to_owned(), "/audit".to_owned(), panel.path("user", "")] {
        let page = admin.see(&path);
        for (parts, role) in [
            ("table.rows", "table"),
            (".rows thead, .rows tbody", "rowgroup"),
            (".rows tr", "row"),
            (".rows thead th", "columnheader"),
            (".rows tbody th", "rowheader"),
            (".rows td", "cell"),
        ] {
            let roles = page.attributes(parts, "role");
            assert!(page.page.count(parts) > 0, "{path} {parts}");
            assert_eq!(roles, vec![role; page.page.count(parts)], "{path} {parts}");
        }
        assert_eq!(page.page.count(".rows caption"), 1, "{path}");
        let current = page.attributes("#nav [aria-current]", "aria-current");
        assert_eq!(current, [if path.starts_with("/users/") { "true" } else { "page" }], "{path}");
    }
    for path in ["/users", "/audit"] {
        let page = admin.see(path);
        assert_eq!(page.attribute("form[role=search]", "aria-label"), "Find");
        assert_eq!(page.page.count("section:has(form[role=search])"), 0, "one landmark, and not two");
    }
    assert_eq!(admin.see("/").page.count("[role=group] [role=img]"), 0, "a chart is named once");
}
