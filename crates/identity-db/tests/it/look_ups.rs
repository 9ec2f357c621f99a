//! Look-ups that come together share statements, and each gets its own answer.

use std::time::{Duration, Instant};

use identity_db::session::LookUps;
use identity_db::{Database, DatabaseConfig, SessionId};
use test_support::{Statement, TestDatabase};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::fixture::{pool, session, session_id, user};

/// Everything that is spawned on it runs only when the one thread waits.
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn sessions(database: &TestDatabase, count: usize) -> Vec<SessionId> {
    let alice = user(database, "alice@example.com");
    (0..count).map(|n| session(database, alice, &format!("s{n}-"))).collect()
}

#[test]
fn each_of_many_look_ups_gets_its_own_answer_out_of_a_few_statements() {
    let database = TestDatabase::new();
    let known = sessions(&database, 150);
    let (pool, _runtime) = pool(&database);
    let look_ups = LookUps::new(pool);
    let runtime = one_thread();
    let asked: Vec<SessionId> = (0..200).map(|n| session_id(&format!("s{n}-"))).collect();
    runtime.block_on(look_ups.find(asked[0])).unwrap();
    database.forget_statements();
    let answers = runtime.block_on(async {
        let mut asking = JoinSet::new();
        for id in asked.clone() {
            let look_ups = look_ups.clone();
            asking.spawn(async move { (id, look_ups.find(id).await.unwrap().0) });
        }
        asking.join_all().await
    });
    assert_eq!(answers.len(), 200);
    for (id, found) in answers {
        assert_eq!(found.map(|found| found.session.id), known.contains(&id).then_some(id));
    }
    let counted =
        |statement: &Statement| statement.text.contains("FROM (\"sessions\"").then_some(statement.calls);
    let calls: u64 = database.statements().iter().filter_map(counted).sum();
    assert!((1..=20).contains(&calls), "{calls} statements for 200 look-ups");
}

#[test]
fn one_session_that_many_ask_for_is_found_by_all() {
    let database = TestDatabase::new();
    let id = sessions(&database, 1)[0];
    let (pool, runtime) = pool(&database);
    let look_ups = LookUps::new(pool);
    runtime.block_on(async {
        let mut asking = JoinSet::new();
        for _ in 0..500 {
            let look_ups = look_ups.clone();
            asking.spawn(async move { look_ups.find(id).await.unwrap().0.unwrap().session.id });
        }
        assert!(asking.join_all().await.iter().all(|found| *found == id));
    });
}

#[test]
fn whoever_waits_for_a_hung_statement_is_told_in_time_and_the_next_is_answered_f12() {
    let database = TestDatabase::new();
    let id = sessions(&database, 1)[0];
    let budget = Duration::from_millis(800);
    let look_ups =
        LookUps::new(Database::new(&DatabaseConfig { budget, ..DatabaseConfig::new(database.url()) }));
    let runtime = one_thread();
    runtime.block_on(look_ups.find(id)).unwrap();
    let mut owner = database.connect();
    owner.batch_execute("BEGIN; LOCK TABLE sessions").unwrap();
    let started = Instant::now();
    runtime.block_on(async {
        let mut asking = JoinSet::new();
        for _ in 0..200 {
            let look_ups = look_ups.clone();
            asking.spawn(async move { look_ups.find(id).await.is_err() });
        }
        assert!(asking.join_all().await.into_iter().all(|failed| failed));
    });
    // Also those who had to wait until the first statements had failed.
    assert!(started.elapsed() < budget + Duration::from_millis(700), "{:?}", started.elapsed());
    owner.batch_execute("ROLLBACK").unwrap();
    assert!(runtime.block_on(look_ups.find(id)).unwrap().0.is_some());
}

#[test]
fn a_runtime_that_ends_under_a_statement_takes_no_later_look_up_with_it() {
    let database = TestDatabase::new();
    let id = sessions(&database, 1)[0];
    let (pool, _runtime) = pool(&database);
    let look_ups = LookUps::new(pool);
    let mut owner = database.connect();
    owner.batch_execute("BEGIN; LOCK TABLE sessions").unwrap();
    let first = one_thread();
    first.block_on(async {
        for _ in 0..32 {
            let look_ups = look_ups.clone();
            tokio::spawn(async move { look_ups.find(id).await });
        }
        tokio::task::yield_now().await;
    });
    first.shutdown_background();
    owner.batch_execute("ROLLBACK").unwrap();
    assert!(one_thread().block_on(look_ups.find(id)).unwrap().0.is_some());
}
