//! Roles decide who may enter admin-panel.

use serde_json::json;
use test_support::{Row, TestDatabase, stack};

use crate::{PASSWORD, person};

fn sessions(database: &TestDatabase) -> Vec<Row> {
    database.query("SELECT to_jsonb(s) FROM sessions s")
}

#[test]
fn staff_of_every_role_may_log_in_and_customers_may_not() {
    let (database, _redis, app) = stack("admin-panel");
    for role in ["admin", "operator", "support"] {
        let email = format!("{role}@example.com");
        person(&database, &email, role);
        let staff = app.log_in(&email, PASSWORD);
        let me = staff.me();
        assert_eq!((me.status, me.member("/user/role").as_str()), (200, role));
        assert_eq!(me.member("/session/application_context"), "admin");
    }
    person(&database, "user@example.com", "user");
    let before = sessions(&database);
    for body in [
        json!({"email": "user@example.com", "password": PASSWORD}),
        json!({"email": "user@example.com", "password": PASSWORD, "transport": "bearer"}),
    ] {
        let client = app.anon();
        let answer = client.post("/api/login", &body);
        answer.assert_problem(403, "forbidden");
        assert!(answer.set_cookies().is_empty() && client.cookies().is_empty());
    }
    assert_eq!(sessions(&database), before, "no session was made");
    assert_eq!(database.value("SELECT last_login_at IS NULL FROM users WHERE role = 'user'"), "t");
}

#[test]
fn a_customer_with_a_wrong_password_learns_nothing() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "user@example.com", "user");
    let known = app.anon().log_in("user@example.com", "wrong password");
    let unknown = app.anon().log_in("nobody@example.com", "wrong password");
    let problem = known.assert_problem(401, "invalid_credentials");
    assert_eq!(unknown.assert_problem(401, "invalid_credentials"), problem);
}

#[test]
fn a_grant_does_not_let_a_customer_in_a4() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "user@example.com", "user");
    database.execute(
        "INSERT INTO user_permissions (user_id, permission, application_context)
         SELECT id, 'users.read', 'admin' FROM users",
    );
    app.anon().log_in("user@example.com", PASSWORD).assert_problem(403, "forbidden");
}

#[test]
fn staff_who_are_staff_no_more_are_refused_at_once() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "operator@example.com", "operator");
    let staff = app.log_in("operator@example.com", PASSWORD);
    assert_eq!(staff.me().status, 200);
    database.execute("UPDATE users SET role = 'user'");
    staff.me().assert_problem(403, "forbidden");
    database.execute("UPDATE users SET role = 'support'");
    assert_eq!(staff.me().member("/user/role"), "support");
    database.execute("UPDATE users SET blocked_at = now()");
    staff.me().assert_problem(401, "unauthenticated");
    app.anon().log_in("operator@example.com", PASSWORD).assert_problem(401, "invalid_credentials");
}

#[test]
fn a_right_password_of_a_customer_is_no_failed_attempt() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "user@example.com", "user");
    for _ in 0..12 {
        app.anon().log_in("user@example.com", PASSWORD).assert_problem(403, "forbidden");
    }
}

#[test]
fn nobody_registers_in_admin_panel() {
    let (database, _redis, app) = stack("admin-panel");
    let body = json!({"email": "alice@example.com", "password": PASSWORD});
    app.anon().post("/api/register", &body).assert_problem(401, "unauthenticated");
    person(&database, "admin@example.com", "admin");
    let admin = app.log_in("admin@example.com", PASSWORD);
    admin.client.post("/api/register", &body).assert_problem(404, "not_found");
    assert_eq!(database.number("SELECT count(*) FROM users"), 1);
}
