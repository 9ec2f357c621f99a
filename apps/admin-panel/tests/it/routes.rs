//! What is public is a short list, and everything else is behind the gate, paths that do not exist too.

use std::collections::BTreeSet;

use test_support::authorization::{Route, assert_documented};
use test_support::stack;

/// What a stranger may call; HEAD is as GET. The list may only shrink.
const PUBLIC: &[&str] = &[
    "GET /assets/{version}/{name}",
    "GET /docs",
    "GET /docs/{file:.*}",
    "GET /healthz",
    "GET /login",
    "GET /logout",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "POST /api/login",
    "POST /api/logout",
    "POST /login",
    "POST /logout",
];

#[test]
fn what_a_stranger_may_call_is_a_list_that_may_only_shrink() {
    let routes = Route::all_of("admin-panel");
    let public = routes.iter().filter(|route| route.is_public && route.method != "HEAD");
    let public: BTreeSet<String> = public.map(Route::name).collect();
    assert_eq!(public.iter().map(String::as_str).collect::<Vec<_>>(), PUBLIC);
}

#[test]
fn the_document_has_every_route_for_programs_and_no_other_c5() {
    let (_database, _redis, app) = stack("admin-panel");
    assert_documented("admin-panel", &app.anon().get("/openapi.json").json());
}

#[test]
fn a_path_that_does_not_exist_looks_to_a_stranger_like_one_that_does() {
    let (_database, _redis, app) = stack("admin-panel");
    for path in [
        "/nowhere",
        "/api/users",
        "/api/users/",
        "/api/users/x/sessions",
        "/api/users/x/y/z",
        "/api//users",
        "/API/users",
        "/api/login/../users",
        "/healthz/../api/users",
        "/api/register",
        "/api/preferences",
        "/api/audit",
        "/api/stats",
        "/api/cleanup",
        "/.env",
    ] {
        app.anon().get(path).assert_problem(401, "unauthenticated");
        app.anon().delete(path).assert_problem(401, "unauthenticated");
    }
}
