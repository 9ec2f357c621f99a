//! Admin-panel asks Postgres each time and believes no cache.

use test_support::stack;

use crate::{PASSWORD, person};

#[test]
fn a_look_up_is_one_statement_and_reads_nothing_of_redis_c4() {
    let (database, redis, app) = stack("admin-panel");
    person(&database, "admin@example.com", "admin");
    let admin = app.log_in("admin@example.com", PASSWORD);
    for _ in 0..3 {
        assert_eq!(admin.me().status, 200);
    }
    let mut monitor = redis.monitor();
    database.forget_statements();
    assert_eq!(admin.me().status, 200);
    let background = [
        "instance_keys",
        "__diesel_schema_migrations",
        "SKIP LOCKED",
        "pg_backend_pid",
        "pg_notify",
        "LISTEN",
    ];
    let statements = database.statements();
    let asked: Vec<_> = statements
        .iter()
        .filter(|s| !s.text.starts_with("SET ") && !background.iter().any(|text| s.text.contains(text)))
        .collect();
    assert_eq!(asked.iter().map(|statement| statement.calls).sum::<u64>(), 1, "{asked:?}");
    assert_eq!(monitor.commands(), Vec::<String>::new());
}

#[test]
fn what_sql_changes_counts_in_the_next_request_c4() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "admin@example.com", "admin");
    for ending in [
        "UPDATE sessions SET revoked = true",
        "UPDATE sessions SET revoked_at = now()",
        "UPDATE sessions SET expires_at = now()",
        "UPDATE sessions SET absolute_expires_at = now()",
        "UPDATE users SET session_epoch = session_epoch + 1",
        "UPDATE users SET blocked_at = now()",
    ] {
        let admin = app.log_in("admin@example.com", PASSWORD);
        assert_eq!(admin.me().status, 200, "before {ending}");
        database.execute(ending);
        admin.me().assert_problem(401, "unauthenticated");
    }
}

#[test]
fn a_value_of_the_admin_context_stands_in_redis_for_operators_a5_a11() {
    let (database, redis, app) = stack("admin-panel");
    person(&database, "admin@example.com", "admin");
    let admin = app.log_in("admin@example.com", PASSWORD);
    assert!(redis.dump().contains_key(&format!("session:admin:{}", admin.session_id)), "{:?}", redis.dump());
    assert_eq!(admin.log_out().status, 200);
    assert!(redis.dump().is_empty(), "{:?}", redis.dump());
}
