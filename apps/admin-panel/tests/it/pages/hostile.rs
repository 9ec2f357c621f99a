//! What strangers write of themselves is text on every page of staff.

use super::{Browser, Panel};

const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "</title></textarea><script>x</script>",
    "{{ 7 * 7 }}",
    "&lt;b&gt; &amp;amp;",
    "javascript:alert(1)",
    "\u{202e}gnp.exe --><!--",
];

#[test]
fn hostile_names_and_user_agents_are_text_on_every_page_c2() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let session = panel.database.value("SELECT id FROM sessions");
    let user = panel.id("user");
    for hostile in HOSTILE {
        let quoted = hostile.replace('\'', "''");
        panel.database.execute(&format!("UPDATE users SET email = '{quoted}@x.example' WHERE id = '{user}'"));
        panel
            .database
            .execute(&format!("UPDATE sessions SET user_agent = '{quoted}' WHERE id = '{session}'"));
        panel.database.execute(&format!(
            "INSERT INTO audit_log (action, actor_id, subject_id, user_agent, detail)
             VALUES ('{quoted}', '{user}', '{user}', '{quoted}', jsonb_build_object('{quoted}', '{quoted}', 'role', '{quoted}'))"
        ));
        panel.database.execute(&format!(
            "INSERT INTO user_permissions (user_id, permission, application_context) VALUES ('{user}', '{quoted}', 'web')"
        ));
        let own = panel.id("admin");
        let encoded: String = form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
        for path in [
            format!("/users?query={encoded}"),
            format!("/users?role={encoded}&state={encoded}&next={encoded}"),
            format!("/users/{user}"),
            format!("/users/{own}"),
            format!("/users/{user}/block"),
            format!("/users/{user}/role?role={encoded}"),
            format!(
                "/users/{user}/grant?permission={encoded}&application_context={encoded}&expires_at={encoded}"
            ),
            format!("/users/{user}/take?permission={encoded}&application_context=web"),
            format!("/users/{own}/end-session?session={session}"),
            format!("/audit?action={encoded}"),
            format!("/audit?user={encoded}&actor={encoded}"),
            format!("/audit?user={user}"),
            format!("/nowhere/{encoded}"),
        ] {
            assert_is_plain(&admin, &path, hostile);
        }
        let name = format!("{hostile}@x.example").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(admin.see(&format!("/users/{user}")).text("h1"), name);
        let log = admin.see(&format!("/audit?user={user}"));
        assert!(
            log.texts("#log .values dd").iter().any(|text| *text == name.replace("@x.example", "")),
            "{hostile}"
        );
    }
}

/// Whatever stands on the page, it has no element and no attribute but ours.
#[track_caller]
fn assert_is_plain(browser: &Browser, path: &str, hostile: &str) {
    let page = browser.open(path);
    assert!(matches!(page.status(), 200 | 404 | 422), "{path}: {}", page.status());
    let scripts = page.attributes("script", "src");
    assert!(scripts.len() == 1 && scripts[0].starts_with("/assets/"), "{path}, {hostile}: {scripts:?}");
    assert_eq!(page.texts("script"), [""], "{path}, {hostile}");
    for odd in
        ["[onerror]", "[onload]", "img[src=x]", "svg", "[href^='javascript']", "main b", "main textarea"]
    {
        assert!(!page.has(odd), "{path}, {hostile}: {odd}");
    }
    assert!(page.has("html > body > main#main"), "{path}, {hostile}: the page is whole");
}
