//! A session of staff lives for thirty unused minutes and twelve hours in all.

use test_support::{TestDatabase, stack};

use crate::{PASSWORD, person};

fn pass(database: &TestDatabase, time: &str) {
    database.execute(&format!(
        "UPDATE sessions SET created_at = created_at - interval '{time}',
             last_activity = last_activity - interval '{time}', expires_at = expires_at - interval '{time}',
             absolute_expires_at = absolute_expires_at - interval '{time}'"
    ));
}

#[test]
fn an_unused_session_ends_after_thirty_minutes_c3() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "admin@example.com", "admin");
    let admin = app.log_in("admin@example.com", PASSWORD);
    pass(&database, "29 minutes 30 seconds");
    assert_eq!(admin.me().status, 200);
    let unused = app.log_in("admin@example.com", PASSWORD);
    pass(&database, "30 minutes 1 second");
    unused.me().assert_problem(401, "unauthenticated");
}

#[test]
fn a_used_session_ends_after_twelve_hours_c3() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "admin@example.com", "admin");
    let admin = app.log_in("admin@example.com", PASSWORD);
    let in_use = "UPDATE sessions SET expires_at = now() + interval '30 minutes', last_activity = now()";
    pass(&database, "11 hours 59 minutes");
    database.execute(in_use);
    assert_eq!(admin.me().status, 200);
    pass(&database, "61 seconds");
    database.execute(in_use);
    admin.me().assert_problem(401, "unauthenticated");
}
