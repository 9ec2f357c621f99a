//! The checklist of the clean-up, as staff see it.

use serde_json::{Value, json};
use test_support::{App, sessionctl_with, stack};

use crate::{PASSWORD, person};

fn point<'a>(checklist: &'a Value, id: &str) -> &'a Value {
    let mut points = checklist["points"].as_array().expect("points").iter();
    points.find(|point| point["id"] == id).expect("the point")
}

#[test]
fn staff_see_the_checklist_that_the_command_prints_and_others_see_none_a13() {
    let (database, redis, app) = stack("admin-panel");
    person(&database, "staff@example.com", "support");
    let staff = app.log_in("staff@example.com", PASSWORD);
    redis.command(&["SET", "session:old-token", "x"]);
    let shown = staff.client.get("/api/cleanup");
    assert_eq!(shown.status, 200, "{}", shown.text());
    let (url, owner) = (database.url(), database.owner_url().to_owned());
    let stores =
        [("DATABASE_URL", url.as_str()), ("DATABASE_OWNER_URL", &owner), ("REDIS_URL", &redis.url())];
    let ended = sessionctl_with(&stores, &["--json", "cleanup", "check"], "");
    let mut printed: Value = serde_json::from_str(&ended.output).expect("JSON");
    let mut shown = shown.json();
    assert_eq!(point(&shown, "legacy-keys")["holds"], false);
    for checklist in [&mut printed, &mut shown] {
        checklist["measured_at"].take();
        // It counts keys, of which each login makes one, and tells processes by their connections.
        for id in [0, 5] {
            checklist["points"][id]["measured"].take();
        }
    }
    assert_eq!(shown, printed);
    app.anon().get("/api/cleanup").assert_problem(401, "unauthenticated");
    let web = App::builder("web").database(&database).redis(&redis).start();
    let customer = web.log_in("staff@example.com", PASSWORD);
    customer.client.get("/api/cleanup").assert_problem(404, "not_found");
    app.with_bearer(&customer.token).get("/api/cleanup").assert_problem(401, "unauthenticated");
}

#[test]
fn while_redis_is_away_nothing_is_said_of_its_keys_and_the_page_does_not_wait_a13_f12() {
    let (database, redis, app) = stack("admin-panel");
    person(&database, "staff@example.com", "support");
    let staff = app.log_in("staff@example.com", PASSWORD);
    redis.pause();
    let started = std::time::Instant::now();
    let checklist = staff.client.get("/api/cleanup").json();
    assert!(started.elapsed() < std::time::Duration::from_secs(3));
    redis.resume();
    let keys = point(&checklist, "legacy-keys");
    assert_eq!(
        (&keys["holds"], &keys["complete"], &keys["since"]),
        (&json!(false), &json!(false), &Value::Null)
    );
    assert_eq!(checklist["ready"], false);
}

#[test]
fn the_strict_mode_is_told_as_soon_as_it_is_on_a13() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "staff@example.com", "support");
    let staff = app.log_in("staff@example.com", PASSWORD);
    assert_eq!(staff.client.get("/api/cleanup").json()["strict"], false);
    database.execute("INSERT INTO cleanup (checklist) VALUES ('{}')");
    let checklist = staff.client.get("/api/cleanup").json();
    assert_eq!(checklist["strict"], true);
    assert!(checklist["applied"]["applied_at"].is_string(), "{checklist}");
}
