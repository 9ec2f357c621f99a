//! Redis behind sentinels: its master is killed amid load, and a replica takes over.

use std::time::Duration;

use test_support::{App, RedisGroup, TestDatabase, tally};

use crate::load::{Load, people};
use crate::{part, wait_for_redis};

#[test]
fn a_failover_of_redis_under_load_fails_no_request_c9() {
    let (database, redis) = (TestDatabase::new(), RedisGroup::sentinel());
    let web = || App::builder("web").database(&database).env("REDIS_URL", &redis.url()).start();
    let apps = [web(), web()];
    wait_for_redis(&[&apps[0], &apps[1]], "up");
    let doors = apps.each_ref().map(App::base);
    let load = Load::new(&doors, people(&database, "person", 6, "user"));
    let outcome = load.run(|| {
        std::thread::sleep(Duration::from_secs(2));
        assert!(!redis.dump().is_empty(), "sessions are in Redis");
        let killed = redis.kill_master();
        redis.wait_for_failover(killed);
        wait_for_redis(&[&apps[0], &apps[1]], "up");
        // It comes back empty, and as a master until the sentinels tell it better.
        redis.start_again(killed);
        std::thread::sleep(Duration::from_secs(2));
    });
    tally("Redis, failover by sentinels under load", &outcome);
    outcome.assert_flawless();
    assert!(apps.iter().all(|app| part(app, "redis") == "up"));
    let alice = apps[0].register("alice@example.com", crate::load::PASSWORD);
    assert!(
        redis.dump().contains_key(&format!("session:web:{}", alice.session_id)),
        "what is new is in the new master"
    );
}
