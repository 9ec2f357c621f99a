//! People are found by what names them, by role and state, page by page.

use serde_json::{Value, json};
use test_support::Client;

use super::Panel;

fn list(client: &Client, query: &str) -> Value {
    let answer = client.get(&format!("/api/users?{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()
}

fn emails(page: &Value) -> Vec<&str> {
    page["users"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap_or("-")).collect()
}

#[test]
fn a_person_is_found_by_the_beginning_of_what_names_them_c2() {
    let panel = Panel::new();
    panel.database.execute(
        "INSERT INTO users (id, email, phone, telegram_id) VALUES
         ('6a2f41a3-c54c-4ce8-b2d2-0324e1c32e22', 'ann@example.com', '+447946000001', 4711),
         ('6a2f41a3-0000-4ce8-b2d2-0324e1c32e22', NULL, '+447946000002', NULL),
         (gen_random_uuid(), '4479@example.com', '+74951234567', 447946),
         (gen_random_uuid(), 'a%b_c@example.com', NULL, NULL),
         (gen_random_uuid(), 'ünal@example.com', NULL, NULL)",
    );
    let client = panel.staff("support").client;
    for (query, found) in [
        ("ann", &["ann@example.com"][..]),
        ("%20ANN@Example.com%20", &["ann@example.com"]),
        ("nn@", &[]),
        ("6a2f41a3", &["-", "ann@example.com"]),
        ("6A2F41A3-C54C", &["ann@example.com"]),
        ("6a2f41a3-c54c-4ce8-b2d2-0324e1c32e22", &["ann@example.com"]),
        ("%2B447946", &["ann@example.com", "-"]),
        ("%2B44%20(7946)%20000-002", &["-"]),
        ("00447946000001", &["ann@example.com"]),
        ("4711", &["ann@example.com"]),
        // By address, by Telegram id, by phone; each once.
        ("4479", &["4479@example.com", "ann@example.com", "-"]),
        ("447946", &["4479@example.com", "ann@example.com", "-"]),
        ("a%25b_", &["a%b_c@example.com"]),
        ("a%25", &["a%b_c@example.com"]),
        ("%25", &[]),
        ("_", &[]),
        ("%C3%9Cnal", &["ünal@example.com"]),
        ("a", &["a%b_c@example.com", "admin@example.com", "ann@example.com"]),
    ] {
        let page = list(&client, &format!("query={query}"));
        assert_eq!(emails(&page), found, "{query}");
        assert_eq!(page["total"], found.len(), "{query}");
        let cut = list(&client, &format!("query={query}&per_page=1&page=2"));
        assert_eq!(emails(&cut), found.get(1).map_or(&[][..], std::slice::from_ref), "{query}");
    }
}

#[test]
fn people_are_listed_the_newest_first_by_role_and_state_c2() {
    let panel = Panel::new();
    panel
        .database
        .execute("UPDATE users SET blocked_at = now() WHERE email LIKE 'operator@%' OR email LIKE 'user@%'");
    let client = panel.staff("support").client;
    for (query, found) in [
        ("", &["root", "admin", "operator", "support", "user"][..]),
        ("query=&role=&state=&page=&per_page=&next=", &["root", "admin", "operator", "support", "user"]),
        ("role=admin", &["root", "admin"]),
        ("state=blocked", &["operator", "user"]),
        ("state=active", &["root", "admin", "support"]),
        ("state=blocked&role=user", &["user"]),
        ("state=blocked&role=admin", &[]),
        ("query=root&role=admin", &["root"]),
        ("query=root&role=user", &[]),
        ("query=user&state=blocked", &["user"]),
        ("query=user&state=active", &[]),
    ] {
        let found: Vec<String> = found.iter().map(|name| format!("{name}@example.com")).collect();
        let page = list(&client, query);
        assert_eq!(emails(&page), found, "{query}");
        assert_eq!(
            (&page["total"], &page["total_capped"], &page["next"]),
            (&json!(found.len()), &json!(false), &Value::Null)
        );
    }
    let first = list(&client, "per_page=2");
    assert_eq!(first["page"], 1);
    let members: Vec<&String> = first["users"][0].as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "blocked",
            "created_at",
            "email",
            "id",
            "is_verified",
            "last_login_at",
            "phone",
            "role",
            "telegram_id"
        ]
    );
}

/// All pages from the first one on.
fn walk(client: &Client, query: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = list(client, &format!("{query}&next={next}"));
        let ids = page["users"].as_array().unwrap().iter();
        found.extend(ids.map(|user| user["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(cursor) => cursor.clone_into(&mut next),
            None => return found,
        }
    }
}

#[test]
fn pages_reach_ten_thousand_and_the_cursor_everybody_c2() {
    let panel = Panel::new();
    panel.database.execute(
        "INSERT INTO users (email, phone, created_at) SELECT 'many' || n || '@example.com', '+1555' || n, now() - interval '1 day'
         FROM generate_series(1, 10500) n",
    );
    let client = panel.staff("support").client;
    let exactly = "INSERT INTO users (email, role) SELECT 'exact' || n || '@example.com', 'operator' FROM generate_series(1, 9999) n";
    panel.database.execute(exactly);
    let page = list(&client, "role=operator");
    assert_eq!((&page["total"], &page["total_capped"]), (&json!(10000), &json!(false)));
    for (query, total) in [
        ("per_page=1000", "SELECT count(*) FROM users"),
        ("per_page=999&query=many", "SELECT 10500"),
        ("per_page=1000&query=%2B1555", "SELECT 10500"),
        ("per_page=1000&role=user", "SELECT 10501"),
    ] {
        let first = list(&client, query);
        assert_eq!((&first["total"], &first["total_capped"]), (&json!(10000), &json!(true)), "{query}");
        let found = walk(&client, query);
        let distinct: std::collections::BTreeSet<&String> = found.iter().collect();
        // Many of them were made at the same moment.
        assert_eq!(i64::try_from(found.len()).unwrap(), panel.database.number(total), "{query}");
        assert_eq!(distinct.len(), found.len(), "{query}: somebody twice");
    }
    let tenth = list(&client, "per_page=1000&page=10");
    assert_eq!(tenth["users"].as_array().unwrap().len(), 1000);
    let beyond = list(&client, &format!("per_page=1000&next={}", tenth["next"].as_str().unwrap()));
    assert_eq!(beyond["users"].as_array().unwrap().len(), 1000);
    for wrong in [
        "per_page=1000&page=11",
        "per_page=50&page=201",
        "page=0",
        "page=-1",
        "page=x",
        "per_page=0",
        "per_page=1001",
        "per_page=9223372036854775807&page=2",
        "next=x",
        "next=AAAA",
        "role=king",
        "state=dead",
        "query=%00",
        "role=user&role=admin",
    ] {
        client.get(&format!("/api/users?{wrong}")).assert_problem(422, "validation_failed");
    }
    let audit = client.get("/api/audit?per_page=1").json();
    if let Some(cursor) = audit["next"].as_str() {
        client.get(&format!("/api/users?next={cursor}")).assert_problem(422, "validation_failed");
    }
}

#[test]
fn hostile_texts_find_nobody_and_break_nothing_c2() {
    let panel = Panel::new();
    let client = panel.staff("support").client;
    let admin = panel.staff("admin");
    let hostile = [
        "' OR 1=1 --",
        "'; DROP TABLE users; --",
        "\\",
        "\\'",
        "%",
        "_",
        "%%%",
        "$1",
        "${jndi:ldap://x}",
        "<script>",
        "\u{202e}",
        "\u{feff}",
        "\u{10ffff}",
        "🦀",
        "a\u{301}",
        "\"",
        "`id`",
        "../../etc/passwd",
        "{{7*7}}",
        "(?=a)",
        "*",
        "\u{0}",
        "a\u{0}b",
        "\r\n",
        "\u{1b}[31m",
        "NULL",
        "0x41",
        "-1",
        "99999999999999999999999",
        "1e309",
        "NaN",
        "00000000-0000-0000-0000-000000000000-",
        "+",
        "++",
        "+0",
        "@",
        " @ ",
    ];
    let long = "x".repeat(300);
    for text in hostile.into_iter().chain([long.as_str()]) {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for parameter in ["query", "role", "state", "page", "per_page", "next"] {
            let answer = client.get(&format!("/api/users?{parameter}={encoded}"));
            assert!(matches!(answer.status, 200 | 422), "{parameter}={text:?}: {}", answer.text());
            if answer.status == 200 && parameter == "query" && !text.trim().is_empty() {
                assert_eq!(answer.json()["users"], json!([]), "{text:?}");
            }
        }
        for parameter in ["user", "actor", "action", "page", "next"] {
            let answer = client.get(&format!("/api/audit?{parameter}={encoded}"));
            assert!(matches!(answer.status, 200 | 422), "{parameter}={text:?}: {}", answer.text());
        }
        let path = panel.path("user", &format!("/permissions/{encoded}?application_context=web"));
        let answer = admin.client.delete(&path);
        assert!(matches!(answer.status, 404 | 400), "{text:?}: {} {}", answer.status, answer.text());
    }
    assert_eq!(panel.database.number("SELECT count(*) FROM users"), 5);
}
