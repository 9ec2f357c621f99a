//! What is public is a short list, and everything else is behind the gate, paths that do not exist too.

use std::collections::BTreeSet;

use test_support::authorization::{Route, assert_documented};
use test_support::stack;

use crate::PASSWORD;

/// What a stranger may call; HEAD is as GET. The list may only shrink.
const PUBLIC: &[&str] = &[
    "GET /",
    "GET /assets/{version}/{name}",
    "GET /docs",
    "GET /docs/{file:.*}",
    "GET /healthz",
    "GET /login",
    "GET /login/sms",
    "GET /login/sms/verify",
    "GET /login/telegram",
    "GET /logout",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "GET /register",
    "POST /api/login",
    "POST /api/login/sms/request",
    "POST /api/login/sms/verify",
    "POST /api/login/telegram",
    "POST /api/logout",
    "POST /api/register",
    "POST /login",
    "POST /login/sms",
    "POST /login/sms/verify",
    "POST /login/telegram",
    "POST /logout",
    "POST /register",
];

/// Spellings of what is behind the gate, and of what is not there at all.
const UNKNOWN: &[&str] = &[
    "/nowhere",
    "/api",
    "/api/",
    "/api/users",
    "/api/login/x",
    "/api/login/",
    "/api/sessions/x/y",
    "/api/me/",
    "/api/me/.",
    "/api//me",
    "//api/me",
    "/API/me",
    "/api/me;x=1",
    "/api/me%00",
    "/api/me%2f",
    "/api%2fme",
    "/api/login/../me",
    "/healthz/../api/me",
    "/healthz/",
    "/assets/../api/me",
    "/assets/x",
    "/.env",
    "/.git/config",
    "/admin",
    "/logout/x",
    "/registerx",
    "/actuator/health",
];

#[test]
fn what_a_stranger_may_call_is_a_list_that_may_only_shrink() {
    let routes = Route::all_of("web");
    let public = routes.iter().filter(|route| route.is_public && route.method != "HEAD");
    let public: BTreeSet<String> = public.map(Route::name).collect();
    assert_eq!(public.iter().map(String::as_str).collect::<Vec<_>>(), PUBLIC);
    let heads = routes.iter().filter(|route| route.is_public && route.method == "HEAD");
    for head in heads {
        assert!(public.contains(&format!("GET {}", head.path)), "{head:?}");
    }
}

#[test]
fn the_document_has_every_route_for_programs_and_no_other_c5() {
    let (_database, _redis, app) = stack("web");
    assert_documented("web", &app.anon().get("/openapi.json").json());
}

#[test]
fn a_path_that_does_not_exist_looks_to_a_stranger_like_one_that_does() {
    let (_database, _redis, app) = stack("web");
    let stranger = app.anon();
    for path in UNKNOWN {
        stranger.get(path).assert_problem(401, "unauthenticated");
        stranger.post_empty(path).assert_problem(401, "unauthenticated");
        if !path.starts_with("/api") && !path.starts_with("/healthz") {
            let answer = stranger.request("GET", path).header("Accept", "text/html").send();
            let place = answer.header("location").unwrap_or_default();
            assert!(answer.status == 303 && place.starts_with("/login"), "{path}: {answer:?}");
        }
    }
    let alice = app.register("alice@example.com", PASSWORD);
    for path in UNKNOWN {
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
