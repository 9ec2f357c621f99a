//! What operators and other programs ask: health, readiness, metrics, documents, forward-auth, the end.

use test_support::{App, TestDatabase, TestRedis, stack};

use crate::PASSWORD;

#[test]
fn readiness_tells_each_store_and_fails_without_migrations_c5() {
    let (_database, redis, app) = stack("web");
    assert_eq!(app.anon().get("/healthz").status, 200);
    let ready = app.anon().get("/readyz");
    assert_eq!(
        (ready.status, ready.json()["postgres"].as_str(), ready.json()["redis"].as_str()),
        (200, Some("up"), Some("up"))
    );
    assert!(ready.json()["lease"].is_string(), "{}", ready.text());
    redis.stop();
    let ready = app.anon().get("/readyz");
    assert_eq!(
        (ready.status, ready.json()["postgres"].as_str(), ready.json()["redis"].as_str()),
        (200, Some("up"), Some("down"))
    );

    let empty = TestDatabase::empty();
    let redis = TestRedis::start();
    let app = App::builder("web").database(&empty).redis(&redis).without_stores().start();
    let ready = app.anon().get("/readyz");
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert_eq!(app.anon().get("/healthz").status, 200);
    assert_eq!(
        empty.number("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        0,
        "apps never migrate"
    );
    app.terminate();
    assert!(app.log().contains("migrat"), "pending migrations are told: {}", app.log());
}

#[test]
fn metrics_count_what_happened_and_name_nobody_c5() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    assert_eq!(alice.me().status, 200);
    let _ = app.anon().get(&format!("/made-up-{}", "x".repeat(20)));
    let answer = app.anon().get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
    let text = answer.text();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(text.contains("/api/me") && text.contains("# TYPE"), "{text}");
    for private in ["alice", &alice.token, &alice.session_id, "made-up"] {
        assert!(!text.contains(private), "{private}");
    }
}

#[test]
fn who_is_refused_leaves_a_line_with_the_address_and_nothing_they_sent() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let limits = [("TRUSTED_PROXIES", "127.0.0.1"), ("LIMIT_LOGINS_PER_ADDRESS", "1")];
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = limits.iter().fold(builder, |builder, (name, value)| builder.env(name, value)).start();
    let alice = app.register("alice@example.com", PASSWORD);
    let stranger = app.anon().with_header("X-Forwarded-For", "192.0.2.7");
    assert_eq!(stranger.log_in("alice@example.com", "never to be read").status, 401);
    assert_eq!(stranger.log_in("alice@example.com", "never to be read").status, 429);
    let foreign = alice.client.request("POST", "/api/sessions/revoke-others");
    assert_eq!(foreign.header("Origin", "https://evil.example").send().status, 403);
    assert_eq!(stranger.get("/api/me").status, 401, "of whom there are many");
    app.terminate();
    let log = app.log();
    let lines: Vec<&str> =
        log.lines().filter_map(|line| line.split_once("[REFUSED] ")).map(|(_, line)| line).collect();
    assert_eq!(
        lines,
        [
            "context=web address=192.0.2.7 POST /api/login 401",
            "context=web address=192.0.2.7 POST /api/login 429",
            "context=web address=127.0.0.1 POST /api/sessions/revoke-others 403",
        ]
    );
    assert!(!log.contains("never to be read") && !log.contains("alice@example.com"), "{log}");
}

#[test]
fn the_openapi_document_describes_every_answer_and_has_a_page_to_try_it_c5() {
    let (_database, _redis, app) = stack("web");
    let document = app.anon().get("/openapi.json").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}: {responses:?}");
        }
    }
    let page = app.anon().get("/docs");
    let page = match page.header("location") {
        Some(location) => app.anon().get(location),
        None => page,
    };
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let text = page.text();
    assert!(
        !text.contains("https://unpkg") && !text.contains("//cdn"),
        "the page needs nothing from elsewhere"
    );
}

#[test]
fn forward_auth_tells_who_it_is_in_headers_c7() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    for client in [alice.client.clone(), alice.bearer()] {
        let answer = client.get("/api/verify");
        assert_eq!((answer.status, answer.body.len()), (200, 0));
        assert_eq!(answer.header("x-user-id"), Some(alice.user_id.as_str()));
        assert_eq!(answer.header("x-user-role"), Some("user"));
        assert_eq!(answer.header("x-session-id"), Some(alice.session_id.as_str()));
    }
    assert_eq!(alice.log_out().status, 200);
    let answer = app.with_cookie(&alice.token).get("/api/verify");
    answer.assert_problem(401, "unauthenticated");
    assert_eq!(answer.header("x-user-id"), None);
}

#[test]
fn a_proxy_asks_in_its_own_way_and_learns_the_way_to_the_login_c7() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let uri = ("X-Forwarded-Uri", "/reports/?a=1&b=2");
    for (method, path) in
        [("HEAD", "/api/verify"), ("GET", "/api/verify/"), ("POST", "/api/verify/reports/x?a=1")]
    {
        let answer = alice.client.request(method, path).send();
        assert_eq!(
            (answer.status, answer.header("x-user-id")),
            (200, Some(&*alice.user_id)),
            "{method} {path}"
        );
        let cross = alice.client.request(method, path).header("Sec-Fetch-Site", "cross-site").send();
        assert_eq!(cross.status, if method == "POST" { 403 } else { 200 }, "{method} {path}");
        let stranger = app.anon().request(method, path).header(uri.0, uri.1).send();
        assert_eq!(stranger.status, 401, "{method} {path}");
        assert!(stranger.header("location").is_some_and(|way| way.starts_with("/login")), "{stranger:?}");
    }
    alice.client.post_empty("/api/verify").assert_problem(405, "method_not_allowed");

    let ask = |path: &str| app.anon().request("GET", path).header(uri.0, uri.1).send();
    let way = Some("/login?next=%2Freports%2F%3Fa%3D1%26b%3D2");
    let answer = ask("/api/verify");
    answer.assert_problem(401, "unauthenticated");
    assert_eq!(answer.header("location"), way);
    let answer = ask("/api/verify?login=redirect");
    assert_eq!((answer.status, answer.header("location")), (303, way));
    for path in ["/api/verify", "/api/verify?login=redirect"] {
        let answer = app.anon().get(path);
        answer.assert_problem(401, "unauthenticated");
        assert_eq!(answer.header("location"), None, "who asks for themselves needs no way");
    }
}

#[test]
fn a_program_that_is_asked_to_end_ends_cleanly() {
    let (_database, _redis, app) = stack("web");
    let _alice = app.register("alice@example.com", PASSWORD);
    assert_eq!(app.terminate(), Some(0), "{}", app.log());
    assert!(!app.log().contains("panicked"), "{}", app.log());
}

#[test]
fn what_happens_to_sessions_is_logged_with_its_tag_b7() {
    let (_database, redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    redis.flush();
    assert_eq!(alice.me().status, 200);
    assert_eq!(alice.log_out().status, 200);
    app.terminate();
    let log = app.log();
    for tag in ["[SESSION_CREATE]", "[SESSION_LOOKUP]", "[SESSION_DELETE]"] {
        assert!(log.contains(tag), "no {tag}: {log}");
    }
    assert!(!log.contains(&alice.session_id), "an id is told by its beginning: {log}");
}

#[test]
fn in_production_look_ups_are_not_logged_b7() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis).env("APP_ENV", "production");
    let app = builder.env("LEGACY_TOKENS", "off").env("PUBLIC_URL", "https://web.example.com").start();
    let alice = app.register("alice@example.com", PASSWORD);
    assert_eq!(alice.me().status, 200);
    assert_eq!(alice.log_out().status, 200);
    app.terminate();
    let log = app.log();
    assert!(!log.contains("[SESSION_LOOKUP]"), "{log}");
    assert!(log.contains("[SESSION_CREATE]") && log.contains("[SESSION_DELETE]"), "{log}");
}

/// What is asked of Prometheus in docs/monitoring.
const ASKED: [(&str, &str); 2] = [
    ("alerts.yml", include_str!("../../../../docs/monitoring/alerts.yml")),
    ("grafana.json", include_str!("../../../../docs/monitoring/grafana.json")),
];

/// Where metrics are given their names and labels.
const TOLD: [&str; 2] = [
    include_str!("../../../../crates/session-management/src/metrics.rs"),
    include_str!("../../../../crates/http-kit/src/metrics.rs"),
];

/// Words of a query with the character after each.
fn words(text: &str) -> impl Iterator<Item = (&str, Option<char>)> {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let starts =
        text.char_indices().filter(move |(at, char)| is_word(*char) && !text[..*at].ends_with(is_word));
    starts.map(move |(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
        (&rest[..end], rest[end..].chars().next())
    })
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_and_labels_that_there_are_c5() {
    let is_told = |name: &str| TOLD.iter().any(|source| source.contains(&format!("\"{name}\"")));
    for (file, text) in ASKED {
        // In JSON the quotes of a query are escaped.
        let text = text.replace("\\\"", "\"");
        let mut metrics = 0;
        for (word, next) in words(&text) {
            if word.starts_with("session_") || word.starts_with("http_re") {
                let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
                let name = name.unwrap_or(word);
                assert!(is_told(name), "{file}: nothing is called {name}");
                metrics += 1;
            }
            let is_matcher = matches!(next, Some('=' | '!')) && !["job", "route"].contains(&word);
            if is_matcher && !word.is_empty() && file == "grafana.json" {
                assert!(is_told(word), "{file}: no metric has the label {word}");
            }
        }
        assert!(metrics > 10, "{file}");
    }
    for (file, text) in ASKED {
        for name in
            TOLD.iter().flat_map(|source| source.split('"')).filter(|part| part.starts_with("session_"))
        {
            assert!(file != "grafana.json" || text.contains(name), "the dashboard does not show {name}");
        }
    }
}

#[test]
fn every_alert_says_what_to_do_c5() {
    let operations = include_str!("../../../../docs/operations.md");
    let alerts: Vec<&str> =
        ASKED[0].1.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10);
    for alert in alerts {
        assert!(operations.contains(&format!("`{alert}`")), "docs/operations.md does not know {alert}");
    }
}
