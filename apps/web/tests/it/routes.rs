//! Every route as a stranger: what is public is a short list, and everything else is behind the gate.

use std::collections::BTreeSet;

use test_support::{Client, stack};

use crate::PASSWORD;

/// The list may only shrink.
const PUBLIC: &[&str] = &[
    "GET /docs",
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "POST /api/login",
    "POST /api/login/sms/request",
    "POST /api/login/sms/verify",
    "POST /api/login/telegram",
    "POST /api/logout",
    "POST /api/register",
];

/// Pages and forms for strangers. This list may only shrink, too.
const PUBLIC_PAGES: &[&str] = &[
    "GET /",
    "GET /login",
    "GET /login/sms",
    "GET /login/sms/verify",
    "GET /login/telegram",
    "GET /logout",
    "GET /register",
    "POST /login",
    "POST /login/sms",
    "POST /login/sms/verify",
    "POST /login/telegram",
    "POST /logout",
    "POST /register",
];

/// Pages and forms of a person.
const OWN_PAGES: &[&str] = &[
    "GET /account",
    "GET /account/password",
    "GET /account/preferences",
    "GET /account/sessions/end-others",
    "GET /account/sessions/{id}/end",
    "POST /account/password",
    "POST /account/preferences",
    "POST /account/sessions/end-others",
    "POST /account/sessions/{id}/end",
];

/// What the JSON API has beside those.
const BEHIND_THE_GATE: &[&str] = &[
    "DELETE /api/sessions/{id}",
    "GET /api/me",
    "GET /api/sessions",
    "GET /api/verify",
    "POST /api/password",
    "POST /api/reauthenticate",
    "POST /api/sessions/revoke-others",
];

/// The operations of the OpenAPI document.
fn documented(client: &Client) -> BTreeSet<String> {
    let document = client.get("/openapi.json").json();
    let mut all = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            all.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    all
}

fn ask(client: &Client, route: &str) -> u16 {
    let (method, path) = route.split_once(' ').unwrap();
    client.request(method, &path.replace("{id}", "x")).send().status
}

#[test]
fn every_route_but_the_public_ones_is_refused_to_a_stranger() {
    let (_database, _redis, app) = stack("web");
    let stranger = app.anon();
    let documented = documented(&stranger);
    for route in BEHIND_THE_GATE {
        assert!(documented.contains(*route), "{route} is not in /openapi.json: {documented:?}");
    }
    for route in PUBLIC.iter().filter(|route| route.contains("/api/")) {
        assert!(documented.contains(*route), "{route} is not in /openapi.json: {documented:?}");
    }
    let all: BTreeSet<&str> = documented.iter().map(String::as_str).chain(PUBLIC.iter().copied()).collect();
    let open: Vec<&str> = all.into_iter().filter(|route| ask(&stranger, route) != 401).collect();
    assert_eq!(open, PUBLIC);
}

#[test]
fn every_page_but_the_public_ones_sends_a_stranger_to_the_login() {
    let (_database, _redis, app) = stack("web");
    let stranger = app.anon();
    for route in OWN_PAGES {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace("{id}", "x");
        let encoded = path.replace('/', "%2F");
        let login = if method == "GET" { format!("/login?next={encoded}") } else { "/login".to_owned() };
        for accept in ["text/html", "*/*"] {
            let answer = stranger.request(method, &path).header("Accept", accept).send();
            assert_eq!((answer.status, answer.header("location")), (303, Some(login.as_str())), "{route}");
        }
    }
    for route in PUBLIC_PAGES {
        let (method, path) = route.split_once(' ').unwrap();
        let answer = stranger.request(method, path).header("Accept", "text/html").send();
        let to_login = answer.header("location").is_some_and(|place| place.contains("next="));
        assert!(!to_login && matches!(answer.status, 200 | 303 | 415), "{route}: {}", answer.status);
    }
}

/// Every path of web's own pages is in one of the tables above.
#[test]
fn no_page_is_left_out_of_the_tables() {
    let source = include_str!("../../src/pages.rs");
    let paths = source.split(['(', ')']).filter_map(|part| part.strip_prefix('"')?.split('"').next());
    let listed = |path: &str| {
        let routes = PUBLIC_PAGES.iter().chain(OWN_PAGES);
        routes.filter(|route| route.split_once(' ').is_some_and(|(_, known)| known == path)).count() > 0
    };
    let paths: Vec<&str> = paths.filter(|path| path.starts_with('/')).collect();
    assert!(paths.len() >= 10, "{paths:?}");
    for path in paths {
        assert!(listed(path), "{path}");
    }
}

#[test]
fn a_path_that_does_not_exist_looks_to_a_stranger_like_one_that_does() {
    let (_database, _redis, app) = stack("web");
    let stranger = app.anon();
    for path in
        ["/nowhere", "/api", "/api/", "/api/users", "/api/login/x", "/api/sessions/x/y", "/.env", "/admin"]
    {
        stranger.get(path).assert_problem(401, "unauthenticated");
        stranger.post_empty(path).assert_problem(401, "unauthenticated");
    }
    let alice = app.register("alice@example.com", PASSWORD);
    for path in ["/nowhere", "/api", "/api/users", "/.env", "/admin"] {
        alice.client.get(path).assert_problem(404, "not_found");
    }
}

#[test]
fn a_method_that_a_route_does_not_know_changes_nothing() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    for (method, path) in [("GET", "/api/logout"), ("PUT", "/api/me"), ("GET", "/api/sessions/revoke-others")]
    {
        let answer = alice.client.request(method, path).send();
        assert!(matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.status);
        answer.assert_problem(answer.status, &answer.member("/code"));
    }
    assert_eq!(alice.me().status, 200);
}

#[test]
fn every_answer_about_a_person_is_kept_by_no_cache() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    for path in ["/api/me", "/api/sessions", "/api/verify", "/nowhere"] {
        for client in [&alice.client, &app.anon()] {
            let answer = client.get(path);
            let control = answer.header("cache-control").unwrap_or_default();
            assert!(control.contains("no-store"), "{path}: {control:?}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        }
    }
}

#[test]
fn what_every_address_behind_the_gate_may_answer_is_documented_c5() {
    let (_database, _redis, app) = stack("web");
    let document = app.anon().get("/openapi.json").json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap();
            let mut missing = vec![];
            if operation.get("security").is_some() {
                missing.extend(["400", "401", "503"]);
            }
            if operation.get("requestBody").is_some() {
                missing.extend(["400", "403", "413", "415", "422"]);
            }
            missing.retain(|status| !answers.contains_key(*status));
            assert!(missing.is_empty(), "{method} {path}: {missing:?}");
        }
    }
    assert!(document["paths"]["/api/reauthenticate"]["post"]["responses"]["404"].is_object());
}

#[test]
fn an_address_that_does_not_know_a_method_says_which_it_knows_c6() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    for (path, known) in
        [("/api/login", "POST"), ("/api/me", "GET"), ("/healthz", "GET"), ("/api/preferences", "GET, PUT")]
    {
        for method in ["DELETE", "TRACE", "OPTIONS"] {
            let answer = alice.client.request(method, path).send();
            answer.assert_problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some(known), "{method} {path}");
        }
    }
    let page = alice.client.request("DELETE", "/account").send();
    assert_eq!((page.status, page.header("allow")), (405, Some("GET, HEAD")));
    assert!(page.text().contains("<html"), "{}", page.text());
}
