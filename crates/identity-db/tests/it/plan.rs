//! The look-up of a session is one statement that goes by the primary key, however many sessions there are.

use identity_db::session;
use test_support::TestDatabase;

use crate::fixture::{connection, session_id, user};

#[test]
fn a_session_is_looked_up_by_its_primary_key_in_one_statement_b2() {
    let database = TestDatabase::new();
    user(&database, "alice@example.com");
    database.execute(
        "INSERT INTO users (email) SELECT n || '@example.com' FROM generate_series(1, 20000) n;
         INSERT INTO sessions (id, user_id, expires_at)
         SELECT session_digest(u.id::text || n), u.id, now() + interval '1 hour' FROM users u, generate_series(1, 5) n;
         INSERT INTO user_permissions (user_id, permission) SELECT id, 'reports.read' FROM users;
         ANALYZE",
    );
    let conn = &mut connection(&database);
    database.forget_statements();
    assert!(session::find(conn, &session_id("unknown")).unwrap().is_none());
    let statements = database.statements();
    assert_eq!(statements.len(), 1, "{statements:?}");
    assert_eq!(statements[0].calls, 1);

    let mut client = database.connect();
    client.batch_execute(&format!("PREPARE look_up AS {}", statements[0].text)).unwrap();
    client.batch_execute("SET plan_cache_mode = force_generic_plan").unwrap();
    let plan: Vec<String> =
        client.query("EXPLAIN EXECUTE look_up('{x}')", &[]).unwrap().iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("sessions_pkey") && plan.contains("users_pkey"), "{plan}");
    assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{plan}");
}
