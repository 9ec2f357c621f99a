//! A session opened in one application never opens a door in another.

use test_support::{App, Client, TestDatabase, TestRedis};

use crate::{PASSWORD, person};

struct Both {
    web: App,
    admin: App,
    redis: TestRedis,
    database: TestDatabase,
}

fn both(legacy: &str) -> Both {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let start =
        |name| App::builder(name).database(&database).redis(&redis).env("LEGACY_TOKENS", legacy).start();
    let (web, admin) = (start("web"), start("admin-panel"));
    person(&database, "admin@example.com", "admin");
    Both { web, admin, redis, database }
}

/// Every way in which a token can be presented to an application.
fn ways(app: &App, token: &str) -> Vec<(&'static str, Client)> {
    let mut ways = vec![("bearer", app.with_bearer(token))];
    for name in ["sessionId", "adminSessionId", "__Host-sessionId", "__Host-adminSessionId", "auth_token"] {
        let client = app.anon();
        client.add_cookie(name, token);
        ways.push((name, client));
    }
    ways
}

fn assert_closed(app: &App, token: &str, what: &str) {
    for (way, client) in ways(app, token) {
        for path in ["/api/me", "/api/sessions", "/api/verify"] {
            let answer = client.get(path);
            assert_eq!(answer.status, 401, "{what}, {way}, {path}: {}", answer.text());
        }
    }
}

/// Each token in its own application, and neither in the other one.
fn assert_apart(both: &Both, web_token: &str, admin_token: &str, when: &str) {
    assert_eq!(both.web.with_cookie(web_token).get("/api/me").status, 200, "{when}");
    assert_eq!(both.admin.with_cookie(admin_token).get("/api/me").status, 200, "{when}");
    assert_closed(&both.admin, web_token, &format!("a web token in admin, {when}"));
    assert_closed(&both.web, admin_token, &format!("an admin token in web, {when}"));
}

#[test]
fn a_web_token_never_opens_admin_nor_an_admin_token_web_whatever_redis_holds_f3() {
    for legacy in ["dual-write", "off"] {
        let both = both(legacy);
        let web = both.web.log_in("admin@example.com", PASSWORD);
        let admin = both.admin.log_in("admin@example.com", PASSWORD);
        assert_apart(&both, &web.token, &admin.token, "with Redis full");
        both.redis.flush();
        assert_apart(&both, &web.token, &admin.token, "with Redis flushed");
        assert_apart(&both, &web.token, &admin.token, "with Redis filled anew");

        // As an attacker with a hand in Redis would: each value under the other application's key.
        let values = both.redis.dump();
        for (key, value) in &values {
            let other = match key.strip_prefix("session:web:") {
                Some(id) => format!("session:admin:{id}"),
                None => key.replace("session:admin:", "session:web:"),
            };
            both.redis.command(&["SET", &other, value]);
            let changed = value.replace("\"web\"", "\"other\"").replace("\"admin\"", "\"web\"");
            both.redis.command(&["SET", key, &changed.replace("\"other\"", "\"admin\"")]);
        }
        assert_apart(&both, &web.token, &admin.token, "with the values swapped");

        both.redis.pause();
        assert_apart(&both, &web.token, &admin.token, "with Redis hanging");
        both.redis.resume();
        both.redis.stop();
        assert_apart(&both, &web.token, &admin.token, "with Redis stopped");
    }
}

#[test]
fn a_token_in_a_legacy_column_opens_web_alone_f3_a12() {
    let both = both("dual-write");
    let web = both.web.log_in("admin@example.com", PASSWORD);
    assert_eq!(both.database.value("SELECT auth_token FROM users"), web.token);
    assert_closed(&both.admin, &web.token, "what stands in users.auth_token");
    // Also when an admin token is written there, by whatever fault.
    let admin = both.admin.log_in("admin@example.com", PASSWORD);
    assert_eq!(both.database.value("SELECT auth_token FROM users"), web.token, "no admin login writes it");
    both.database.execute(&format!("UPDATE users SET auth_token = '{}', session_id = '{0}'", admin.token));
    both.redis.flush();
    assert_closed(&both.web, &admin.token, "an admin token in the legacy columns");
    assert_eq!(admin.me().status, 200);
}

#[test]
fn a_key_of_the_older_software_never_opens_admin_f3_f8() {
    let both = both("dual-write");
    let admin = both.admin.log_in("admin@example.com", PASSWORD);
    let value = format!(
        "{{\"user_id\": \"{}\", \"created_at\": 1700000000000, \"expires_at\": 4102444800000}}",
        admin.user_id
    );
    let digest = both.database.value("SELECT session_digest('legacytoken')");
    for key in [
        "session:legacytoken",
        "session:admin:legacytoken",
        &format!("session:admin:{digest}"),
        &format!("session:{digest}"),
    ] {
        both.redis.command(&["SET", key, &value]);
    }
    assert_closed(&both.admin, "legacytoken", "a legacy value");
    for token in ["admin:legacytoken", &format!("admin:{digest}"), &format!("admin:{}", admin.session_id)] {
        assert_closed(&both.web, token, "a token with a prefix");
        assert_closed(&both.admin, token, "a token with a prefix");
    }
}

#[test]
fn an_id_is_no_token_f9() {
    let both = both("dual-write");
    let web = both.web.log_in("admin@example.com", PASSWORD);
    let admin = both.admin.log_in("admin@example.com", PASSWORD);
    for id in [&web.session_id, &admin.session_id] {
        assert_closed(&both.web, id, "an id");
        assert_closed(&both.admin, id, "an id");
    }
}

#[test]
fn one_browser_holds_both_sessions_side_by_side_f11() {
    let both = both("dual-write");
    let web = both.web.log_in("admin@example.com", PASSWORD);
    let admin = both.admin.log_in("admin@example.com", PASSWORD);
    // Cookies ignore the port: the browser sends every one of them to both.
    let cookies: Vec<(String, String)> =
        web.client.cookies().into_iter().chain(admin.client.cookies()).collect();
    let browser = |app: &App| {
        let client = app.anon();
        cookies.iter().for_each(|(name, value)| client.add_cookie(name, value));
        client
    };
    assert_eq!(browser(&both.web).get("/api/me").member("/session/id"), web.session_id);
    assert_eq!(browser(&both.admin).get("/api/me").member("/session/id"), admin.session_id);
    assert_eq!(browser(&both.admin).post_empty("/api/logout").status, 200);
    assert_eq!((web.me().status, admin.me().status), (200, 401));
    let again = both.admin.log_in("admin@example.com", PASSWORD);
    assert_eq!(browser(&both.web).post_empty("/api/logout").status, 200);
    assert_eq!((web.me().status, again.me().status), (401, 200));
}

#[test]
fn a_foreign_token_is_neither_ended_nor_listed_nor_revoked_f3() {
    let both = both("dual-write");
    let web = both.web.log_in("admin@example.com", PASSWORD);
    let admin = both.admin.log_in("admin@example.com", PASSWORD);
    for (_, client) in ways(&both.admin, &web.token) {
        assert_eq!(client.post_empty("/api/logout").status, 200);
    }
    for (_, client) in ways(&both.web, &admin.token) {
        assert_eq!(client.post_empty("/api/logout").status, 200);
    }
    assert_eq!((web.me().status, admin.me().status), (200, 200));
    for (own, other) in [(&web, &admin), (&admin, &web)] {
        let listed = own.client.get("/api/sessions").json();
        assert_eq!(listed["sessions"].as_array().unwrap().len(), 1, "{listed}");
        assert_eq!(listed["sessions"][0]["id"], own.session_id.as_str());
        let path = format!("/api/sessions/{}", other.session_id);
        own.client.delete(&path).assert_problem(404, "not_found");
    }
    assert_eq!((web.me().status, admin.me().status), (200, 200));
}

#[test]
fn ending_all_others_and_a_new_password_end_the_sessions_of_every_application_c1() {
    let both = both("dual-write");
    let web = both.web.log_in("admin@example.com", PASSWORD);
    let admin = both.admin.log_in("admin@example.com", PASSWORD);
    assert_eq!((web.me().status, admin.me().status), (200, 200));
    let body = serde_json::json!({"current_password": PASSWORD, "new_password": "another password"});
    assert_eq!(admin.client.post("/api/password", &body).status, 204);
    assert_eq!(admin.me().status, 200);
    // Web has answered from its cache; it hears of the end from Postgres.
    test_support::assert_refused_soon(&web.client);
    both.redis.flush();
    web.me().assert_problem(401, "unauthenticated");
    let web = both.web.log_in("admin@example.com", "another password");
    assert_eq!(web.client.post_empty("/api/sessions/revoke-others").status, 200);
    admin.me().assert_problem(401, "unauthenticated");
    assert_eq!(web.me().status, 200);
}
