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

#[test]
fn what_was_asked_for_goes_along_to_the_other_pages_c2() {
    let panel = Panel::new();
    let support = panel.browser("support");
    let page = support.see("/users?per_page=2");
    assert!(!page.has(".paging a:not(#next)"), "this is the first page");
    let next = page.follow("#next");
    assert_eq!(next.texts("#people tbody th").len(), 2, "as many on each");
    assert_eq!(next.attribute(".paging a:not(#next)", "href"), "/users?per_page=2");
    let second = support.see("/users?role=admin&per_page=1&page=2");
    assert_eq!(second.attribute(".paging a:not(#next)", "href"), "/users?role=admin&per_page=1");
    assert!(!support.see("/users?page=1").has(".paging"), "everybody is on it");
    let lines = support.see("/audit?per_page=1&action=session_created&page=1");
    assert!(!lines.has(".paging a:not(#next)"));
    let _other = panel.browser("admin");
    let lines = support.see("/audit?per_page=1&action=session_created").follow("#next");
    let first = lines.attribute(".paging a:not(#next)", "href");
    assert_eq!(first, "/audit?action=session_created&per_page=1");
}
