//! What staff do with their own sessions: the same as customers, under admin-panel's own cookie.

use serde_json::json;
use test_support::{App, BOT_TOKEN, TestDatabase, TestOutbox, TestRedis, stack, telegram_payload};

use crate::{PASSWORD, person};

#[test]
fn the_cookie_is_admin_panels_own_and_no_older_name_counts_f11_b3() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "admin@example.com", "admin");
    let answer = app.anon().log_in("admin@example.com", PASSWORD);
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert_eq!(cookies[0].name, "adminSessionId");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(cookies[0].has(attribute), "no {attribute} in {cookies:?}");
    }
    assert!(!cookies[0].has("Secure"));
    assert_eq!(database.value("SELECT auth_token FROM users"), "", "never written by an admin login");
    for name in ["sessionId", "auth_token"] {
        let client = app.anon();
        client.add_cookie(name, &cookies[0].value);
        client.get("/api/me").assert_problem(401, "unauthenticated");
    }
}

#[test]
fn in_production_the_cookie_carries_the_prefix_f11() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    person(&database, "admin@example.com", "admin");
    let builder = App::builder("admin-panel").database(&database).redis(&redis).env("APP_ENV", "production");
    let app =
        builder.env("LEGACY_TOKENS", "dual-write").env("PUBLIC_URL", "https://admin.example.com").start();
    let answer = app.anon().log_in("admin@example.com", PASSWORD);
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert_eq!(cookies[0].name, "__Host-adminSessionId");
    assert!(cookies[0].has("Secure") && cookies[0].has("Path=/"), "{cookies:?}");
    let client = app.anon();
    client.add_cookie("adminSessionId", &cookies[0].value);
    client.get("/api/me").assert_problem(401, "unauthenticated");
}

#[test]
fn two_devices_of_one_member_of_staff_are_two_sessions_b1() {
    let (database, redis, app) = stack("admin-panel");
    person(&database, "admin@example.com", "admin");
    let pc = app.log_in("admin@example.com", PASSWORD);
    let phone = app.log_in("admin@example.com", PASSWORD);
    assert_eq!(pc.client.get("/api/sessions").json()["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(pc.log_out().json(), json!({"ok": true}));
    for _ in 0..2 {
        app.with_cookie(&pc.token).get("/api/me").assert_problem(401, "unauthenticated");
        app.with_bearer(&pc.token).get("/api/me").assert_problem(401, "unauthenticated");
        assert_eq!(phone.me().status, 200);
        redis.flush();
    }
    let tablet = app.log_in("admin@example.com", PASSWORD);
    assert_eq!(tablet.client.delete(&format!("/api/sessions/{}", phone.session_id)).status, 204);
    phone.me().assert_problem(401, "unauthenticated");
    assert_eq!(tablet.client.post_empty("/api/sessions/revoke-others").json()["revoked"], 0);
    assert_eq!(tablet.me().status, 200);
}

#[test]
fn failed_logins_are_counted_over_both_applications() {
    let (database, redis, app) = stack("admin-panel");
    person(&database, "admin@example.com", "admin");
    let web = App::builder("web").database(&database).redis(&redis).start();
    for attempt in 0..10 {
        let app = if attempt % 2 == 0 { &app } else { &web };
        app.anon().log_in("admin@example.com", "wrong password").assert_problem(401, "invalid_credentials");
    }
    app.anon().log_in("admin@example.com", PASSWORD).assert_problem(429, "rate_limited");
    web.anon().log_in("admin@example.com", PASSWORD).assert_problem(429, "rate_limited");
}

#[test]
fn admin_panel_runs_with_no_server_at_all_a8() {
    let app = App::builder("admin-panel").argument("--environment=mock").start();
    app.anon().get("/api/me").assert_problem(401, "unauthenticated");
    app.anon().log_in("nobody@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
    assert_eq!(app.anon().post_empty("/api/logout").json(), json!({"ok": true}));
}

#[test]
fn a_wrong_port_names_the_variable_of_this_application() {
    let failed =
        App::builder("admin-panel").env("ADMIN_PORT", "70000").env("APP_ENV", "mock").start_and_fail();
    assert!(failed.code.is_some_and(|code| code != 0), "{failed:?}");
    assert!(failed.log.contains("ADMIN_PORT=70000"), "{}", failed.log);
    assert_eq!(failed.log.trim_end().lines().count(), 1, "{}", failed.log);
}

#[test]
fn neither_a_code_nor_telegram_opens_or_proves_anything_here_b4() {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    person(&database, "admin@example.com", "admin");
    database.execute("UPDATE users SET phone = '+447400123456', telegram_id = 42");
    let app = |name| {
        let builder = App::builder(name).database(&database).redis(&redis);
        builder.env("OUTBOX_DIR", &outbox.directory()).env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).start()
    };
    let (web, panel) = (app("web"), app("admin-panel"));
    let phone = json!({"phone": "+447400123456"});
    assert_eq!(web.anon().post("/api/login/sms/request", &phone).status, 202);
    let code = json!({"phone": "+447400123456", "code": outbox.code_for("+447400123456")});
    let now = database.number("SELECT extract(epoch FROM now())::bigint");
    let payload = telegram_payload(42, now);
    let admin = panel.log_in("admin@example.com", PASSWORD);
    for (path, body) in [
        ("/api/login/sms/request", &phone),
        ("/api/login/sms/verify", &code),
        ("/api/login/telegram", &payload),
    ] {
        panel.anon().post(path, body).assert_problem(401, "unauthenticated");
        admin.client.post(path, body).assert_problem(404, "not_found");
    }
    for proof in [&code, &payload] {
        admin.client.post("/api/reauthenticate", proof).assert_problem(401, "invalid_credentials");
    }
    // None of that has used them up.
    assert_eq!(web.anon().post("/api/login/sms/verify", &code).status, 200);
    assert_eq!(web.anon().post("/api/login/telegram", &payload).status, 200);
}
