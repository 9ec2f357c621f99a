//! Redis as a cluster: keys on three masters, one of which is killed amid load.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{App, RedisGroup, TestDatabase, sessionctl_with, tally};

use crate::load::{Load, PASSWORD, people};
use crate::wait_for_redis;

fn web(database: &TestDatabase, redis: &RedisGroup) -> App {
    App::builder("web").database(database).env("REDIS_URL", &redis.url()).start()
}

#[test]
fn a_master_of_the_cluster_that_is_killed_fails_no_request_c9() {
    let (database, redis) = (TestDatabase::new(), RedisGroup::cluster());
    let apps = [web(&database, &redis), web(&database, &redis)];
    wait_for_redis(&[&apps[0], &apps[1]], "up");
    let doors = apps.each_ref().map(App::base);
    let load = Load::new(&doors, people(&database, "person", 6, "user"));
    let outcome = load.run(|| {
        std::thread::sleep(Duration::from_secs(2));
        let killed = redis.kill_master();
        wait_for_redis(&[&apps[0], &apps[1]], "down");
        std::thread::sleep(Duration::from_secs(2));
        redis.start_again(killed);
        wait_for_redis(&[&apps[0], &apps[1]], "up");
        std::thread::sleep(Duration::from_secs(1));
    });
    tally("Redis Cluster, a master killed under load", &outcome);
    outcome.assert_flawless();
}

#[test]
fn keys_are_on_every_master_and_found_on_every_master_c9() {
    let (database, redis) = (TestDatabase::new(), RedisGroup::cluster());
    let app = web(&database, &redis);
    wait_for_redis(&[&app], "up");
    let alice = app.register("alice@example.com", PASSWORD);
    let devices: Vec<_> = (0..15).map(|_| app.log_in("alice@example.com", PASSWORD)).collect();
    assert_eq!(redis.dump().len(), 16, "a value for each session");
    assert!(redis.sizes().iter().all(|size| *size > 0), "{:?}", redis.sizes());

    // Sixteen keys in as many slots go at once.
    let ended = alice.client.post_empty("/api/sessions/revoke-others");
    assert_eq!(ended.json()["revoked"], devices.len(), "{}", ended.text());
    let left = redis.dump();
    assert_eq!(left.len(), 1, "{:?}", left.keys());
    for device in &devices {
        assert_eq!(device.me().status, 401);
    }

    for number in 0..30 {
        redis.command(&["SET", &format!("session:older-software-{number}"), "{}"]);
    }
    let (url, owner, redis_url) = (database.url(), database.owner_url(), redis.url());
    let stores = [("DATABASE_URL", url.as_str()), ("DATABASE_OWNER_URL", owner), ("REDIS_URL", &redis_url)];
    let checked = sessionctl_with(&stores, &["--json", "cleanup", "check"], "");
    let checklist: Value = serde_json::from_str(&checked.output).unwrap_or_else(|_| panic!("{checked:?}"));
    let points = checklist["points"].as_array().unwrap();
    let keys = points.iter().find(|point| point["id"] == "legacy-keys").unwrap();
    assert_eq!(keys["measured"], json!("30 found among 31 keys"), "{keys}");
}
