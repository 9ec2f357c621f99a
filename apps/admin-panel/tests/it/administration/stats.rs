//! Numbers for the dashboard.

use serde_json::{Value, json};

use super::Panel;
use crate::PASSWORD;

fn counts(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|entry| entry["count"].as_i64().unwrap()).collect()
}

#[test]
fn live_sessions_are_counted_by_application_and_ended_ones_are_not_c2() {
    let panel = Panel::new();
    let web = panel.web();
    let support = panel.staff("support");
    let gone = web.log_in("user@example.com", PASSWORD);
    for _ in 0..3 {
        let _ = web.log_in("user@example.com", PASSWORD);
    }
    assert_eq!(gone.log_out().status, 200);
    let stats = || support.client.get("/api/stats").json();
    assert_eq!(stats()["live_sessions"], json!({"web": 3, "admin": 1}));
    assert_eq!(stats()["live_sessions_estimated"], false);
    panel.database.execute("UPDATE sessions SET expires_at = now() WHERE application_context = 'web'");
    assert_eq!(stats()["live_sessions"], json!({"web": 0, "admin": 1}));
}

#[test]
fn a_large_table_is_estimated_c2() {
    let panel = Panel::new();
    panel.database.execute(
        "INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, revoked, user_agent)
         SELECT lpad(n::text, 43, 'A'), (SELECT id FROM users LIMIT 1), 'web', now() + interval '1 hour', now() + interval '2 hours',
                n % 4 = 0, repeat('x', 200)
         FROM generate_series(1, 60000) n",
    );
    let support = panel.staff("support");
    let stats = support.client.get("/api/stats").json();
    assert_eq!(stats["live_sessions_estimated"], true, "{stats}");
    let web = stats["live_sessions"]["web"].as_i64().unwrap();
    assert!((38_000..52_000).contains(&web), "45,000 live ones were taken for {web}");
}

/// What is asked of a panel while the hour (or the day) of Postgres' clock stays the same: each number then stands in one
/// place. Where it ends meanwhile, all of it is done again on another panel.
fn within_one<T>(unit: &str, ask: impl Fn(&Panel) -> T) -> T {
    loop {
        let panel = Panel::new();
        let now = || panel.database.value(&format!("SELECT date_trunc('{unit}', now() AT TIME ZONE 'UTC')"));
        let (before, answer) = (now(), ask(&panel));
        if now() == before {
            return answer;
        }
    }
}

#[test]
fn logins_are_counted_by_the_hour_for_two_days_c2() {
    let (first, later) = within_one("hour", |panel| {
        let support = panel.staff("support");
        panel.database.execute(
            "INSERT INTO audit_log (at, action) SELECT date_trunc('hour', now()) - interval '1 hour' * n, 'session_created'
             FROM (VALUES (1), (1), (47), (48), (49)) v (n);
             INSERT INTO audit_log (action) VALUES ('session_logout')",
        );
        let stats = || support.client.get("/api/stats").json()["logins_per_hour"].clone();
        let first = stats();
        let _ = panel.staff("operator");
        (first, stats())
    });
    let hour = |index: usize| first[index]["hour"].as_str().unwrap().to_owned();
    assert!((0..47).all(|index| hour(index) < hour(index + 1)), "{first}");
    let mut expected = vec![0; 48];
    (expected[0], expected[46], expected[47]) = (1, 2, 1);
    assert_eq!(counts(&first), expected, "{first}");
    expected[47] = 2;
    assert_eq!(counts(&later), expected, "the hour that runs is counted anew: {later}");
}

#[test]
fn uses_of_older_tokens_are_shown_by_the_day_for_two_weeks_a13() {
    let days = within_one("day", |panel| {
        let support = panel.staff("support");
        panel.database.execute(
            "INSERT INTO legacy_uses (day, source, uses)
             SELECT (now() AT TIME ZONE 'UTC')::date - n, source, 10 + n
             FROM (VALUES (0, 'redis'), (0, 'auth_token'), (13, 'redis'), (14, 'redis')) v (n, source)",
        );
        support.client.get("/api/stats").json()["legacy_hits_per_day"].clone()
    });
    let mut expected = vec![0; 14];
    (expected[0], expected[13]) = (23, 20);
    assert_eq!(counts(&days), expected, "{days}");
    assert_eq!(days[13]["by_source"], json!({"redis": 10, "auth_token": 10}));
}
