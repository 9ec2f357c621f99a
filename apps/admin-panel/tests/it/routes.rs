//! Every route as a stranger: what is public is a short list, and everything else is behind the gate.

use std::collections::BTreeSet;

use test_support::stack;

/// The list may only shrink.
const PUBLIC: &[&str] = &[
    "GET /docs",
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "POST /api/login",
    "POST /api/logout",
];

#[test]
fn every_route_but_the_public_ones_is_refused_to_a_stranger() {
    let (_database, _redis, app) = stack("admin-panel");
    let stranger = app.anon();
    let document = stranger.get("/openapi.json").json();
    let mut routes: BTreeSet<String> = PUBLIC.iter().map(|route| (*route).to_owned()).collect();
    for (path, operations) in document["paths"].as_object().unwrap() {
        routes.extend(
            operations.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    for route in [
        "GET /api/me",
        "GET /api/sessions",
        "DELETE /api/sessions/{id}",
        "POST /api/password",
        "GET /api/verify",
    ] {
        assert!(routes.contains(route), "{route} is not in /openapi.json: {routes:?}");
    }
    assert!(!routes.iter().any(|route| route.contains("register")), "{routes:?}");
    let is_open = |route: &String| {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace(['{', '}'], "");
        stranger.request(method, &path).send().status != 401
    };
    let open: Vec<String> = routes.into_iter().filter(is_open).collect();
    assert_eq!(open, PUBLIC);
}

#[test]
fn a_path_that_does_not_exist_looks_to_a_stranger_like_one_that_does() {
    let (_database, _redis, app) = stack("admin-panel");
    for path in [
        "/nowhere",
        "/api/users",
        "/api/users/x/sessions",
        "/api/audit",
        "/api/stats",
        "/api/cleanup",
        "/.env",
    ] {
        app.anon().get(path).assert_problem(401, "unauthenticated");
        app.anon().delete(path).assert_problem(401, "unauthenticated");
    }
}
