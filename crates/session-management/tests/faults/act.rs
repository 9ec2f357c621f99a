//! Doing an operation at a process.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use test_support::{App, Response, send_and_reset};

use crate::operation::{Done, Operation};
use crate::people::Person;
use crate::stage::{Stage, has_died};

/// A code on the person's phone, where the operation needs one.
pub(crate) fn code(stage: &Stage, operation: Operation, person: &Person) -> String {
    if operation != Operation::SmsVerify {
        return String::new();
    }
    let client = stage.web[0].anon().with_header("X-Forwarded-For", &person.address);
    let answer = client.post("/api/login/sms/request", &json!({"phone": person.phone}));
    stage.book.note(Some(&answer));
    assert_eq!(answer.status, 202, "{}", answer.text());
    stage.outbox.code_for(&person.phone)
}

/// Does it at a process; `None` when it was not acknowledged.
pub(crate) fn perform(
    stage: &Stage,
    app: &App,
    operation: Operation,
    person: &Person,
    code: &str,
) -> Option<Done> {
    let answer = operation.call(person, code).send(app);
    note(stage, operation, answer.as_ref());
    let answer = match answer {
        Some(answer) => answer,
        None if has_died(app) => return None,
        None => {
            stage.book.broken(format!("{operation}: no answer"));
            return None;
        }
    };
    if !operation.is_success(answer.status) {
        if answer.status != 503 {
            let text = answer.text();
            stage.book.broken(format!("{operation}: neither done nor an outage: {} {text}", answer.status));
        }
        return None;
    }
    stage.book.acknowledged.fetch_add(1, Ordering::Relaxed);
    let done = operation.done(app, person, &answer);
    if operation.opens() && done.opened.is_none() {
        stage.book.broken(format!("{operation}: acknowledged without a token"));
    }
    Some(done)
}

pub(crate) fn note(stage: &Stage, operation: Operation, answer: Option<&Response>) {
    if operation.hashes() { stage.book.note_hashed(answer) } else { stage.book.note(answer) }
}

/// Asks for it and is gone before the answer.
pub(crate) fn reset(
    stage: &Stage,
    operation: Operation,
    person: &Person,
    code: &str,
    number: usize,
) -> Option<Done> {
    let bytes = operation.call(person, code).bytes(&stage.web[0]);
    let after = Duration::from_millis([0, 1, 4, 15, 40, 90][number % 6]);
    send_and_reset(stage.web[0].port(), &bytes, after);
    stage.book.requests.fetch_add(1, Ordering::Relaxed);
    None
}
