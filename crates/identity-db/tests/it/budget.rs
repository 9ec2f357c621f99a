//! One request waits for Postgres no longer than one call may, however many calls it makes.

use std::time::{Duration, Instant};

use constants::database::REQUEST_BUDGET;
use diesel::prelude::*;
use identity_db::budget::{of_request, spawn};
use identity_db::{Database, DatabaseConfig};
use test_support::TestDatabase;

/// A pool of one connection, which somebody holds for longer than a request waits.
fn exhausted(database: &TestDatabase) -> Database {
    let pool = Database::new(&DatabaseConfig { max_connections: 1, ..DatabaseConfig::new(database.url()) });
    let holder = pool.clone();
    tokio::spawn(async move {
        loop {
            let _ = holder.run(|conn| diesel::sql_query("SELECT pg_sleep(0.6)").execute(conn)).await;
        }
    });
    pool
}

#[tokio::test(flavor = "multi_thread")]
async fn the_waits_of_one_request_are_one_budget_a1() {
    let database = TestDatabase::new();
    let pool = exhausted(&database);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let began = Instant::now();
    let answers = of_request(async {
        let mut answers = Vec::new();
        for _ in 0..4 {
            let pool = pool.clone();
            // Parts that outlive the request wait on its account, too.
            let ask = async move { pool.run(|conn| diesel::sql_query("SELECT 1").execute(conn)).await };
            answers.push(spawn(ask).await.unwrap().is_ok());
        }
        answers
    });
    let answers = answers.await;
    let took = began.elapsed();
    assert!(!answers[3], "{answers:?}");
    // Four budgets would be three seconds.
    assert!(took < REQUEST_BUDGET + Duration::from_millis(700), "{took:?}: {answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_has_a_budget_for_each_call() {
    let database = TestDatabase::new();
    let pool = Database::new(&DatabaseConfig::new(database.url()));
    pool.run(|conn| diesel::sql_query("SELECT 1").execute(conn)).await.unwrap();
    let sleep = || pool.run(|conn| diesel::sql_query("SELECT pg_sleep(0.42)").execute(conn));
    for _ in 0..3 {
        assert!(sleep().await.is_ok());
    }
    let answers = of_request(async { [sleep().await.is_ok(), sleep().await.is_ok()] });
    assert_eq!(answers.await, [true, false]);
    assert!(sleep().await.is_ok());
}
