//! A root key is added while processes run: what the key before it has signed goes on counting, and nobody is restarted.

use std::time::Duration;

use test_support::sessionctl;

use crate::stage::{Process, Session, Stage};

/// Longer than a process goes by the keys that it has read.
const A_MINUTE: Duration = Duration::from_secs(61);

/// Reads the keys again, as a process does once a minute.
fn refresh(process: &Process<'_>) {
    process.pass(A_MINUTE);
    process.maintain();
}

/// Whether a session is let in without a question to Postgres. Nothing of it is near.
fn redis_suffices(stage: &Stage, process: &Process<'_>, session: &Session) -> bool {
    stage.database.forget_statements();
    assert!(process.lets_in(session));
    let asked = stage.database.statements();
    !asked.iter().any(|statement| statement.text.contains("FROM (\"sessions\""))
}

fn rotate(stage: &Stage) {
    sessionctl(&stage.database, &["key", "rotate"]);
}

fn settle(stage: &Stage) {
    stage.database.execute("UPDATE instance_keys SET created_at = created_at - interval '121 seconds'");
}

#[test]
fn running_processes_take_up_a_new_key_and_what_the_last_one_signed_counts() {
    let stage = Stage::new();
    // An entry counts for those who listened when it was read.
    let (writer, reader, idle) = (stage.process(), stage.process(), stage.process());
    let (old, new) = (stage.session(), stage.session());
    assert!(!redis_suffices(&stage, &writer, &old), "Postgres was asked, and the answer written to Redis");
    rotate(&stage);
    refresh(&reader);
    assert!(redis_suffices(&stage, &reader, &old), "the first key verifies");

    settle(&stage);
    refresh(&writer);
    assert!(!redis_suffices(&stage, &writer, &new));
    assert!(redis_suffices(&stage, &reader, &new), "who has read it before it signed can verify it");
    assert!(!redis_suffices(&stage, &idle, &new), "who has not asks Postgres, and nobody is refused");

    rotate(&stage);
    settle(&stage);
    let late = stage.process();
    assert!(late.lets_in(&old) && late.lets_in(&new));
}
