//! The same-origin rule: what another site makes a browser send changes nothing.

use serde_json::json;
use test_support::{App, TestDatabase, TestRedis, stack};

use crate::PASSWORD;

/// `Sec-Fetch-Site`, `Origin` (with `{own}` for the application's own), and whether it may pass.
const TABLE: &[(Option<&str>, Option<&str>, bool)] = &[
    (None, None, true),
    (Some("same-origin"), None, true),
    (Some("none"), None, true),
    (Some("same-origin"), Some("{own}"), true),
    (Some("same-origin"), Some("https://evil.example"), true), // a browser's own word stands above
    (Some("cross-site"), None, false),
    (Some("cross-site"), Some("{own}"), false),
    (Some("same-site"), None, false),
    (Some("same-site"), Some("{own}"), false),
    (Some(""), None, false),
    (Some("Same-Origin"), None, false),
    (Some("rubbish"), Some("{own}"), false),
    (None, Some("{own}"), true),
    (None, Some("https://evil.example"), false),
    (None, Some("null"), false),
    (None, Some(""), false),
    (None, Some("{own}/"), false),
    (None, Some("{own}.evil.example"), false),
    (None, Some("http://127.0.0.1:1"), false),
];

fn send(
    app: &App,
    client: &test_support::Client,
    method: &str,
    path: &str,
    row: (Option<&str>, Option<&str>),
) -> u16 {
    let mut request = client.request(method, path);
    if let Some(site) = row.0 {
        request = request.header("Sec-Fetch-Site", site);
    }
    if let Some(origin) = row.1 {
        request = request.header("Origin", &origin.replace("{own}", &app.base()));
    }
    let answer = request.send();
    if answer.status == 403 {
        answer.assert_problem(403, "forbidden");
        assert!(answer.set_cookies().is_empty(), "{answer:?}");
    }
    answer.status
}

#[test]
fn a_request_that_changes_something_must_come_from_the_same_origin() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let unknown = format!("/api/sessions/{}", "A".repeat(43));
    for (site, origin, allowed) in TABLE {
        for (client, who) in [(alice.client.clone(), "with a cookie"), (app.anon(), "without")] {
            for (method, path) in [
                ("POST", "/api/login"),
                ("POST", "/api/register"),
                ("POST", "/api/reauthenticate"),
                ("DELETE", unknown.as_str()),
                ("PUT", "/nowhere"),
                ("PATCH", "/nowhere"),
            ] {
                // What passes meets a refusal of another kind: no body, no such session, no session at all.
                let status = send(&app, &client, method, path, (*site, *origin));
                assert_eq!(status != 403, *allowed, "{method} {path} {who}, {site:?} {origin:?}: {status}");
            }
            for path in ["/api/me", "/healthz"] {
                let status = send(&app, &client, "GET", path, (*site, *origin));
                assert_ne!(status, 403, "GET {path} changes nothing: {site:?} {origin:?}");
            }
        }
        let bearer = alice.bearer();
        let status = send(&app, &bearer, "DELETE", &unknown, (*site, *origin));
        assert_eq!(status, 404, "no browser adds a Bearer header by itself: {site:?} {origin:?}");
    }
    assert_eq!(alice.me().status, 200);
}

#[test]
fn a_logout_from_a_foreign_origin_is_refused_and_ends_nothing_b6() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    for (site, origin, allowed) in TABLE.iter().filter(|(_, _, allowed)| !allowed) {
        assert!(!allowed);
        assert_eq!(
            send(&app, &alice.client, "POST", "/api/logout", (*site, *origin)),
            403,
            "{site:?} {origin:?}"
        );
    }
    assert_eq!(alice.me().status, 200);
    assert_eq!(alice.client.cookies().len(), 2, "the cookies are kept");
}

#[test]
fn the_origin_is_that_of_public_url_where_it_is_set() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("PUBLIC_URL", "https://web.example.com").start();
    let login = |origin: &str| {
        let body = json!({"email": "a@example.com", "password": "wrong password"});
        app.anon().request("POST", "/api/login").header("Origin", origin).json(&body).send().status
    };
    assert_eq!(login("https://web.example.com"), 401);
    for foreign in
        ["http://web.example.com", "https://web.example.com:8443", "https://admin.example.com", &app.base()]
    {
        assert_eq!(login(foreign), 403, "{foreign}");
    }
}
