//! Input that nobody should send: it gets a problem of the 4xx kind and changes nothing.

use serde_json::json;
use test_support::{Request, TestDatabase, raw_exchange, stack};

use crate::PASSWORD;

/// Everything that must not have changed.
fn rows(database: &TestDatabase) -> Vec<test_support::Row> {
    database.query(
        "SELECT 'user', to_jsonb(u)::text FROM users u UNION ALL
         SELECT 'session', to_jsonb(s)::text FROM sessions s UNION ALL
         SELECT 'audit', to_jsonb(a)::text FROM audit_log a ORDER BY 1, 2",
    )
}

#[test]
fn a_broken_body_is_refused_by_every_route_that_takes_one_and_changes_nothing() {
    let (database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let valid = [
        ("/api/register", json!({"email": "new@example.com", "password": PASSWORD})),
        ("/api/login", json!({"email": "alice@example.com", "password": PASSWORD})),
        ("/api/login/sms/request", json!({"phone": "+447400123456"})),
        ("/api/login/sms/verify", json!({"phone": "+447400123456", "code": "123456"})),
        ("/api/password", json!({"current_password": PASSWORD, "new_password": "another password"})),
        ("/api/reauthenticate", json!({"password": PASSWORD})),
    ];
    let before = rows(&database);
    let json_type = ("Content-Type", "application/json");
    for (path, body) in &valid {
        let text = body.to_string();
        let (first, _) = body.as_object().unwrap().iter().next().unwrap();
        let mut unknown = body.clone();
        unknown["is_admin"] = json!(true);
        let mut wrong_type = body.clone();
        wrong_type[first] = json!(["x"]);
        let mut missing = body.clone();
        missing.as_object_mut().unwrap().clear();
        let mut null = body.clone();
        body.as_object().unwrap().keys().for_each(|key| null[key] = json!(null));
        let mut long = body.clone();
        body.as_object().unwrap().keys().for_each(|key| long[key] = json!("a".repeat(300)));
        let request = || alice.client.request("POST", path);
        let typed = |text: &str| request().header(json_type.0, json_type.1).body(text);
        let cases: Vec<(&str, Request<'_>, &[u16])> = vec![
            ("no JSON", typed("{\"email\": "), &[400]),
            ("nothing", typed(""), &[400]),
            (
                "no UTF-8",
                request().header(json_type.0, json_type.1).body([b'{', b'"', 0xff, 0xfe, b'"', b'}']),
                &[400],
            ),
            ("two documents", typed(&format!("{text}{text}")), &[400]),
            ("deep", typed(&"[".repeat(20_000)), &[400, 422]),
            ("an unknown field", request().json(&unknown), &[422]),
            ("a wrong type", request().json(&wrong_type), &[422]),
            ("an array", typed("[]"), &[422]),
            ("missing fields", request().json(&missing), &[422]),
            ("nulls", request().json(&null), &[422]),
            ("300 characters", request().json(&long), &[422]),
            ("a field twice", typed(&text.replacen('{', &format!("{{\"{first}\":\"x\","), 1)), &[400, 422]),
            (
                "a form",
                request().header("Content-Type", "application/x-www-form-urlencoded").body("a=b"),
                &[415],
            ),
            ("plain text", request().header("Content-Type", "text/plain").body(text.clone()), &[415]),
            ("almost JSON", request().header("Content-Type", "application/jsonp").body(text.clone()), &[415]),
            ("no content type", request().body(text.clone()), &[415]),
            ("1 MB", typed(&format!("{{\"{first}\": \"{}\"}}", "a".repeat(1_000_000))), &[413]),
            ("64 KiB and 1", typed(&format!("{}{text}", " ".repeat(65_537 - text.len()))), &[413]),
        ];
        for (what, request, statuses) in cases {
            let answer = request.send();
            assert!(statuses.contains(&answer.status), "{path}, {what}: {} {}", answer.status, answer.text());
            let code = match answer.status {
                400 => "malformed_request",
                413 => "payload_too_large",
                415 => "unsupported_media_type",
                _ => "validation_failed",
            };
            answer.assert_problem(answer.status, code);
            assert!(answer.set_cookies().is_empty(), "{path}, {what}: {answer:?}");
        }
    }
    assert_eq!(rows(&database), before);
    assert_eq!(alice.me().status, 200);
}

#[test]
fn a_body_of_exactly_64_kib_is_read() {
    let (_database, _redis, app) = stack("web");
    let text = json!({"email": "alice@example.com", "password": PASSWORD}).to_string();
    let padded = format!("{}{text}", " ".repeat(65_536 - text.len()));
    let client = app.anon();
    let answer =
        client.request("POST", "/api/register").header("Content-Type", "application/json; charset=utf-8");
    let answer = answer.body(padded).send();
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[test]
fn an_address_that_is_none_is_refused() {
    let (database, _redis, app) = stack("web");
    for email in [
        "",
        "alice",
        "@",
        "alice@",
        "@example.com",
        "a b@example.com",
        "a@b@c",
        "a\u{0}@example.com",
        "a\r\nBcc: b@example.com@example.com",
        &format!("{}@example.com", "a".repeat(255)),
    ] {
        let answer = app.anon().post("/api/register", &json!({"email": email, "password": PASSWORD}));
        answer.assert_problem(422, "validation_failed");
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 0);
}

#[test]
fn a_token_that_is_none_is_unknown_and_reaches_no_store_f8() {
    let (database, redis, app) = stack("web");
    let _alice = app.register("alice@example.com", PASSWORD);
    let mut monitor = redis.monitor();
    database.forget_statements();
    let too_long = "A".repeat(256);
    for token in [
        "admin:x",
        "web:abcdef",
        "abcde",
        &too_long,
        "a b c d e f",
        "..%2f..%2f",
        "abcdef*",
        "абвгде",
        "a=b=c=d",
    ] {
        if token.is_ascii() {
            app.with_bearer(token).get("/api/me").assert_problem(401, "unauthenticated");
            assert_eq!(
                app.with_bearer(token).post_empty("/api/logout").json(),
                json!({"ok": true}),
                "{token}"
            );
        }
        if !token.contains(' ') {
            app.with_cookie(token).get("/api/me").assert_problem(401, "unauthenticated");
            assert_eq!(
                app.with_cookie(token).post_empty("/api/logout").json(),
                json!({"ok": true}),
                "{token}"
            );
        }
    }
    assert_eq!(monitor.commands(), Vec::<String>::new());
    let asked: Vec<_> = database.statements().into_iter().filter(|s| s.text.contains("sessions")).collect();
    assert_eq!(asked, []);
    // The counter-proof: a token that could be one is asked for.
    app.with_bearer("abcdef").get("/api/me").assert_problem(401, "unauthenticated");
    assert!(monitor.commands().iter().any(|command| command.starts_with("GET session:web:")));
}

#[test]
fn requests_that_are_no_http_are_refused_and_the_next_one_is_answered() {
    let (database, _redis, app) = stack("web");
    let _alice = app.register("alice@example.com", PASSWORD);
    let before = rows(&database);
    for bytes in [
        "GET /api/me\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET /api/me HTTP/1.1\r\nHost: a\r\nCookie: sessionId=\0\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(200_000)),
        format!("GET /api/me HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(200_000)),
        "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        "POST /api/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
    ] {
        let answer = raw_exchange(app.port(), bytes.as_bytes());
        let status = answer.split(' ').nth(1).unwrap_or("");
        assert!(answer.is_empty() || status.starts_with('4'), "{:?}: {answer}", &bytes[..bytes.len().min(80)]);
    }
    assert_eq!(app.anon().get("/healthz").status, 200);
    assert_eq!(rows(&database), before);
}

#[test]
fn a_broken_path_is_no_fault_of_ours() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    for path in
        ["/api/%ff", "/api/sessions/%00", "//", "/api//me", "/api/me/", "/api/me?x=%ff", "/%2e%2e/etc/passwd"]
    {
        let status = alice.client.get(path).status;
        assert!((200..500).contains(&status), "{path}: {status}");
    }
}
