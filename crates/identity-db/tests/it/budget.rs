//! One request waits for Postgres no longer than one call may, however many calls it makes.

use std::time::{Duration, Instant};

use constants::database::REQUEST_BUDGET;
use diesel::prelude::*;
use identity_db::budget::{of_request, spawn};
use identity_db::{Database, DatabaseConfig};
use test_support::TestDatabase;
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn sleep(pool: &Database, seconds: f64) -> bool {
    pool.run(move |conn| diesel::sql_query(format!("SELECT pg_sleep({seconds})")).execute(conn)).await.is_ok()
}

#[test]
fn the_waits_of_one_request_are_one_budget_a1() {
    let database = TestDatabase::new();
    // Of its one connection somebody always makes use, but never for as long as one call waits.
    let pool = Database::new(&DatabaseConfig { max_connections: 1, ..DatabaseConfig::new(database.url()) });
    let holder = pool.clone();
    let took = runtime().block_on(async {
        assert!(sleep(&pool, 0.0).await);
        tokio::spawn(async move {
            loop {
                sleep(&holder, 0.6).await;
            }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        let last = of_request(async {
            let mut last = true;
            for _ in 0..4 {
                let pool = pool.clone();
                // Parts that outlive the request wait on its account, too.
                last = spawn(async move { sleep(&pool, 0.0).await }).await.unwrap();
            }
            last
        });
        assert!(!last.await);
        began.elapsed()
    });
    // Four budgets would be two seconds at least.
    assert!(took < REQUEST_BUDGET + Duration::from_millis(700), "{took:?}");
}

#[test]
fn what_is_no_request_has_a_budget_for_each_call() {
    let database = TestDatabase::new();
    let pool = Database::new(&DatabaseConfig::new(database.url()));
    runtime().block_on(async {
        assert!(sleep(&pool, 0.0).await);
        for _ in 0..3 {
            assert!(sleep(&pool, 0.42).await);
        }
        let calls = of_request(async { [sleep(&pool, 0.42).await, sleep(&pool, 0.42).await] });
        assert_eq!(calls.await, [true, false]);
        assert!(sleep(&pool, 0.42).await);
    });
}
