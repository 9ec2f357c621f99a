//! The cookies that web sets, attribute by attribute.

use serde_json::json;
use test_support::{App, AppBuilder, Response, SetCookie, TestDatabase, TestRedis, stack};

use crate::PASSWORD;

const NINETY_DAYS: &str = "Max-Age=7776000";

fn production(database: &TestDatabase, redis: &TestRedis, legacy: &str) -> AppBuilder {
    let builder = App::builder("web").database(database).redis(redis).env("APP_ENV", "production");
    builder.env("LEGACY_TOKENS", legacy).env("PUBLIC_URL", "https://web.example.com")
}

fn assert_attributes(cookie: &SetCookie, secure: bool, max_age: &str) {
    let mut expected = vec!["HttpOnly", "SameSite=Lax", "Path=/", max_age];
    if secure {
        expected.push("Secure");
    }
    for attribute in &expected {
        assert!(cookie.has(attribute), "no {attribute} in {cookie:?}");
    }
    // Nothing else but Expires, which says the same as Max-Age to old clients; above all no Domain.
    let others = cookie.attributes.iter().filter(|attribute| !expected.contains(&attribute.as_str()));
    assert!(others.clone().all(|attribute| attribute.starts_with("Expires=")), "{cookie:?}");
}

fn names(answer: &Response) -> Vec<String> {
    answer.set_cookies().into_iter().map(|cookie| cookie.name).collect()
}

#[test]
fn in_development_the_cookie_works_without_tls_f11() {
    let (_database, _redis, app) = stack("web");
    let answer = app.anon().post("/api/register", &json!({"email": "a@example.com", "password": PASSWORD}));
    assert_eq!(names(&answer), ["sessionId", "auth_token"]);
    answer.set_cookies().iter().for_each(|cookie| assert_attributes(cookie, false, NINETY_DAYS));
    let answer = app.anon().log_in("a@example.com", PASSWORD);
    assert_eq!(names(&answer), ["sessionId", "auth_token"]);
    answer.set_cookies().iter().for_each(|cookie| assert_attributes(cookie, false, NINETY_DAYS));
    let values: Vec<String> = answer.set_cookies().into_iter().map(|cookie| cookie.value).collect();
    assert_eq!(values[0], values[1], "the same token");
}

#[test]
fn in_production_the_cookie_is_bound_to_host_and_tls_f11() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let app = production(&database, &redis, "dual-write").start();
    let answer = app.anon().post("/api/register", &json!({"email": "a@example.com", "password": PASSWORD}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(names(&answer), ["__Host-sessionId", "auth_token"]);
    answer.set_cookies().iter().for_each(|cookie| assert_attributes(cookie, true, NINETY_DAYS));

    let alice = app.log_in("a@example.com", PASSWORD);
    assert_eq!(alice.me().status, 200);
    // The names of the older software count as well, and are exchanged for our own.
    for legacy in ["sessionId", "auth_token"] {
        let client = app.anon();
        client.add_cookie(legacy, &alice.token);
        let answer = client.get("/api/me");
        assert_eq!((answer.status, names(&answer)), (200, vec!["__Host-sessionId".to_owned()]), "{legacy}");
        answer.set_cookies().iter().for_each(|cookie| assert_attributes(cookie, true, NINETY_DAYS));
    }
    let answer = alice.log_out();
    let mut cleared = names(&answer);
    cleared.sort();
    assert_eq!(cleared, ["__Host-sessionId", "auth_token", "sessionId"]);
    // A browser takes a clearing cookie with the prefix only when it has what the prefix demands.
    answer.set_cookies().iter().for_each(|cookie| assert_attributes(cookie, true, "Max-Age=0"));
}

#[test]
fn in_production_without_legacy_tokens_there_is_one_name_a13() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let app = production(&database, &redis, "off").start();
    let alice = app.register("a@example.com", PASSWORD);
    assert_eq!(alice.client.cookies().len(), 1);
    for legacy in ["sessionId", "auth_token"] {
        let client = app.anon();
        client.add_cookie(legacy, &alice.token);
        client.get("/api/me").assert_problem(401, "unauthenticated");
    }
    assert_eq!(names(&alice.log_out()), ["__Host-sessionId"]);
}

#[test]
fn the_cookie_lives_as_long_as_the_session_may_at_most_c3() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("SESSION_IDLE_SECONDS", "60").env("SESSION_ABSOLUTE_SECONDS", "7200").start();
    let answer = app.anon().post("/api/register", &json!({"email": "a@example.com", "password": PASSWORD}));
    assert_attributes(&answer.set_cookie("sessionId").unwrap(), false, "Max-Age=7200");
}
