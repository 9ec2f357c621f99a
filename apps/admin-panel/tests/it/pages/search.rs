//! Finding people.

use super::Panel;

#[test]
fn people_are_found_by_address_role_and_state_c2() {
    let panel = Panel::new();
    panel.database.execute("UPDATE users SET blocked_at = now() WHERE email LIKE 'root@%'");
    let support = panel.browser("support");
    let all = support.see("/users");
    assert_eq!(all.text("#people .count"), "5");
    for (filters, mut expected) in [
        (vec![("query", "oper")], vec!["operator@example.com"]),
        (vec![("role", "admin")], vec!["admin@example.com", "root@example.com"]),
        (vec![("role", "admin"), ("state", "blocked")], vec!["root@example.com"]),
        (vec![("role", "admin"), ("state", "active")], vec!["admin@example.com"]),
        (vec![("query", "nobody")], vec![]),
    ] {
        let found = all.search(&filters);
        let mut names = found.texts("#people tbody th");
        names.sort();
        expected.sort_unstable();
        assert_eq!(names, expected, "{filters:?}");
        assert_eq!(found.has("#people .empty"), expected.is_empty());
        for (name, value) in filters {
            let shown = match name {
                "query" => found.attribute("#query", "value"),
                select => found.attribute(&format!("#{select} option[selected]"), "value"),
            };
            assert_eq!(shown, value, "what was asked for stays");
        }
    }
}

#[test]
fn pages_follow_one_another_with_their_filters_and_show_everybody_once_c2() {
    let panel = Panel::new();
    panel.database.execute(
        "INSERT INTO users (email) SELECT 'many' || n || '+&=@example.com' FROM generate_series(1, 120) n",
    );
    let support = panel.browser("support");
    let mut page = support.see("/users?role=user&query=many");
    let mut seen = page.texts("#people tbody th");
    assert_eq!((seen.len(), page.text("#people .count").as_str()), (50, "120"));
    while page.has("#next") {
        page = page.follow("#next");
        assert!(page.has(".paging a:not(#next)"), "the way back");
        seen.extend(page.texts("#people tbody th"));
    }
    assert_eq!(seen.len(), 120);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 120);
}

#[test]
fn a_filter_that_can_match_nothing_is_said_on_the_page_c2() {
    let panel = Panel::new();
    let support = panel.browser("support");
    for path in [
        "/users?role=emperor",
        "/users?state=x",
        "/users?next=x",
        "/users?query=%00",
        "/audit?user=x",
        "/audit?next=x",
    ] {
        let page = support.open(path);
        assert_eq!(page.status(), 422, "{path}");
        assert!(page.has("form[role=search] [role=alert]"), "{path}");
    }
}
