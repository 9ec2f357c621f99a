//! What must hold of an operation right after it was acknowledged, and afterwards, whether it was or not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;
use test_support::App;

use crate::operation::{Done, Operation};
use crate::people::{NEW_PASSWORD, PASSWORD, Person};
use crate::stage::{BOUND, Said, Stage};

/// One operation of a person, and what became of it.
pub(crate) struct Played<'a> {
    pub(crate) operation: Operation,
    pub(crate) person: &'a Person,
    /// What came to their phone.
    pub(crate) code: &'a str,
    /// When it was acknowledged.
    pub(crate) done: Option<Done>,
}

/// What must hold right after something was acknowledged by this process, whatever fails.
pub(crate) fn follow(stage: &Stage, here: &App, played: &Played<'_>, acknowledged: Instant) {
    let Played { operation, person, done, .. } = played;
    let Some(done) = done else { return };
    let at_once = format!("{operation}: at once where it was ended");
    let in_admin = format!("{operation}: at once in admin-panel");
    let given = format!("{operation}: a token just given out");
    let elsewhere = || stage.web.iter().filter(|app| app.port() != here.port());
    std::thread::scope(|scope| {
        for token in &done.ended {
            scope.spawn(|| stage.must_be_dead(&at_once, here, token, false));
            for app in elsewhere() {
                scope.spawn(|| refused_elsewhere(stage, app, token, acknowledged));
            }
        }
        for token in &done.ended_in_admin {
            scope.spawn(|| stage.must_be_dead(&in_admin, &stage.admin, token, false));
        }
        if let Some(token) = &done.opened {
            for app in elsewhere().chain([here]) {
                scope.spawn(|| stage.must_live(&given, app, token, person, false));
            }
        }
    });
}

/// Asks another process until it refuses, which it does in time.
pub(crate) fn refused_elsewhere(stage: &Stage, app: &App, token: &str, acknowledged: Instant) {
    loop {
        let asked = acknowledged.elapsed();
        match stage.ask(app, token) {
            Said::LetIn(_) if asked <= BOUND => {}
            Said::Refused | Said::Unavailable => return,
            said => return stage.book.broken(format!("I1: elsewhere, {asked:?} after its end: {said:?}")),
        }
    }
}

/// A process hears in time of an end that somebody else has committed.
pub(crate) fn refused_within_the_bound(stage: &Stage, app: &App, token: &str) {
    let ended = Instant::now();
    loop {
        let asked = ended.elapsed();
        match stage.ask(app, token) {
            Said::LetIn(_) if asked <= BOUND => {}
            Said::Refused => return,
            said => return stage.book.broken(format!("I1: {asked:?} after its end: {said:?}")),
        }
    }
}

/// Afterwards: what was acknowledged holds, and what was not has happened whole or not at all.
pub(crate) fn judge(stage: &Stage, played: &Played<'_>) {
    let Played { operation, person, code, done } = played;
    let (afterwards, given) = (format!("{operation}: afterwards"), format!("{operation}: a token given out"));
    if let Some(done) = done {
        for app in &stage.web {
            for token in &done.ended {
                stage.must_be_dead(&afterwards, app, token, true);
            }
            if let Some(token) = &done.opened {
                stage.must_live(&given, app, token, person, true);
            }
        }
        for token in &done.ended_in_admin {
            stage.must_be_dead(&afterwards, &stage.admin, token, true);
        }
    } else {
        undecided(stage, *operation, person);
    }
    stage.must_not_cross(person, true);
    if *operation == Operation::SmsVerify {
        counts_once(stage, person, code, done.is_some());
    }
}

/// An operation whose outcome nobody was told is done or not, for everybody and in all its parts.
fn undecided(stage: &Stage, operation: Operation, person: &Person) {
    // It may still be under way: then the answer changes while we ask. What is half done stays so.
    let began = Instant::now();
    let parts = loop {
        let asked = began.elapsed();
        let parts = parts(stage, operation, person);
        if parts.iter().all(|(_, live)| *live == parts[0].1) {
            break parts;
        }
        if asked > 2 * BOUND {
            let words: Vec<String> = parts.iter().map(|(part, live)| format!("{part}: {live}")).collect();
            return stage.book.broken(format!("{operation}, not acknowledged, is half done: {words:?}"));
        }
    };
    let live = parts[0].1;
    if matches!(operation, Operation::LookUp) && !live {
        stage.book.broken("I2: a look-up has ended the session".to_owned());
    }
}

/// The parts of what an operation changes, and whether each is still as it was.
fn parts(stage: &Stage, operation: Operation, person: &Person) -> Vec<(String, bool)> {
    let mut parts = Vec::new();
    let mut ask = |name: &str, app: &App, token: &str| {
        let said = stage.ask(app, token);
        if !matches!(said, Said::LetIn(_) | Said::Refused) {
            stage.book.broken(format!("I2: {name}, after an operation that was not acknowledged: {said:?}"));
        }
        parts.push((name.to_owned(), matches!(said, Said::LetIn(_))));
    };
    for (number, app) in stage.web.iter().enumerate() {
        ask(&format!("own at process {number}"), app, &person.own);
        if matches!(operation, Operation::EndOthers | Operation::NewPassword) {
            ask(&format!("another at process {number}"), app, &person.others[0]);
            ask(&format!("one more at process {number}"), app, &person.others[1]);
        }
    }
    if matches!(operation, Operation::EndOthers | Operation::NewPassword) {
        ask("admin-panel", &stage.admin, &person.admin);
    }
    if operation == Operation::NewPassword {
        let statuses = [PASSWORD, NEW_PASSWORD].map(|password| {
            // From elsewhere each time: a wrong one of the two counts as a guess.
            let address = format!("172.16.{}.{}", rand_byte(), rand_byte());
            let client = stage.web[0].anon().with_header("X-Forwarded-For", &address);
            let body = json!({"email": person.email, "password": password, "transport": "bearer"});
            let answer = client.post("/api/login", &body);
            stage.book.note(Some(&answer));
            answer.status
        });
        parts.push(("the old password".to_owned(), statuses[0] == 200));
        parts.push(("the new password".to_owned(), statuses[1] != 200));
    }
    parts
}

fn rand_byte() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) % 250 + 1
}

/// I4: a code opens one session, however often nobody was told.
fn counts_once(stage: &Stage, person: &Person, code: &str, was_used: bool) {
    let mut used = usize::from(was_used);
    for _ in 0..2 {
        let answer = Operation::SmsVerify.call(person, code).send(&stage.web[1]);
        stage.book.note(answer.as_ref());
        match answer.map(|answer| answer.status) {
            Some(200) => used += 1,
            Some(401) => {}
            other => stage.book.broken(format!("I4: a code, tried again: {other:?}")),
        }
    }
    if used > 1 {
        stage.book.broken(format!("I4: a code was used {used} times"));
    }
}
