//! One cell of the matrix: an operation in the middle of a fault, and what must hold then and afterwards.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use test_support::{App, Response, at_once, send_and_reset};

use crate::fault::{Copies, Fault, copies};
use crate::gate::Gate;
use crate::operation::{Done, Operation};
use crate::people::{NEW_PASSWORD, PASSWORD, Person, made_up};
use crate::stage::{BOUND, GUESSES, Said, Stage, has_died};

/// When operations begin, beside the fault that begins at [`STRIKE`]; one more begins when it is there.
const STARTS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(8), Duration::from_millis(30)];
const STRIKE: Duration = Duration::from_millis(12);
const LATER: usize = 1;

/// How often a code may be compared.
const COMPARISONS: i64 = 5;

/// Those on whom one operation is played.
struct Cast {
    operation: Operation,
    people: Vec<(Person, String)>,
    /// Somebody whom others guess at.
    guessed: (Person, String),
    compared: AtomicUsize,
}

/// One operation of a person, and what became of it.
pub(crate) struct Played<'a> {
    pub(crate) operation: Operation,
    pub(crate) person: &'a Person,
    /// What came to their phone.
    pub(crate) code: &'a str,
    /// When it was acknowledged.
    pub(crate) done: Option<Done>,
}

/// Plays a fault in the middle of some operations, one cell for each; what was wrong is in the stage's book. The answer is
/// how long recovering took.
pub(crate) fn play(stage: &Stage, fault: Fault, operations: &[Operation]) -> Duration {
    let casts: Vec<Cast> = operations.iter().map(|&operation| Cast::gather(stage, operation)).collect();
    let bystander = stage.person();
    let people = || casts.iter().flat_map(|cast| &cast.people).map(|(person, _)| person);
    warm(stage, people().chain([&bystander]));
    let copy = match fault {
        Fault::RedisOlderCopy | Fault::RedisForged => copies(stage, &bystander),
        _ => Copies::default(),
    };
    let (struck, over) = (Gate::default(), AtomicBool::new(false));
    let (played, heal) = std::thread::scope(|scope| {
        let (struck, over, copy) = (&struck, &over, &copy);
        let looking_on = scope.spawn(|| look_on(stage, &bystander, over));
        let _no_longer = SetOnDrop(over);
        let mut acting = Vec::new();
        for cast in &casts {
            for (number, (person, code)) in cast.people.iter().enumerate() {
                acting.push(scope.spawn(move || {
                    match STARTS.get(number) {
                        Some(start) => std::thread::sleep(*start),
                        None => struck.wait(),
                    }
                    act(
                        stage,
                        fault,
                        copy,
                        Played { operation: cast.operation, person, code, done: None },
                        number,
                    )
                }));
            }
        }
        let guessing = |cast| {
            scope.spawn(move || {
                struck.wait();
                guess(stage, cast);
            })
        };
        let guessing: Vec<_> = casts.iter().map(guessing).collect();
        std::thread::sleep(STRIKE);
        let heal = {
            let _open = struck.opened_at_the_end();
            fault.strike(stage, people(), copy)
        };
        let played: Vec<Played<'_>> =
            acting.into_iter().map(|thread| thread.join().expect("an operation")).collect();
        guessing.into_iter().for_each(|thread| thread.join().expect("who guesses"));
        over.store(true, Ordering::Relaxed);
        looking_on.join().expect("a bystander");
        (played, heal)
    });
    during(stage, &played, &bystander);
    heal();
    let recovery = stage.recover();
    at_once(played.len(), |number| judge(stage, &played[number]));
    for cast in &casts {
        guess(stage, cast);
        judge_guesses(stage, cast);
        works_again(stage, cast.operation);
    }
    for app in &stage.web {
        stage.must_live("a bystander afterwards", app, &bystander.own, &bystander, true);
    }
    stage.must_live("a bystander in admin-panel", &stage.admin, &bystander.admin, &bystander, true);
    stage.must_not_cross(&bystander, true);
    recovery
}

impl Cast {
    fn gather(stage: &Stage, operation: Operation) -> Self {
        let person = || {
            let person = stage.person();
            let code = code(stage, operation, &person);
            (person, code)
        };
        let people = (0..STARTS.len() + LATER).map(|_| person()).collect();
        Self { operation, people, guessed: person(), compared: AtomicUsize::new(0) }
    }
}

/// Does it, and looks at once whether what was acknowledged holds.
fn act<'a>(stage: &Stage, fault: Fault, copy: &Copies, mut played: Played<'a>, number: usize) -> Played<'a> {
    let Played { operation, person, code, .. } = played;
    played.done = match fault {
        Fault::ClientReset => reset(stage, operation, person, code, number),
        _ => perform(stage, &stage.web[0], operation, person, code),
    };
    if played.done.is_some() {
        let at = Instant::now();
        fault.follow_up(stage, person, copy);
        follow(stage, &stage.web[0], &played, at);
    }
    played
}

/// Lets those who go on end, also when something panics.
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

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

/// Lets the other process remember some of their sessions, and Redis.
pub(crate) fn warm<'a>(stage: &Stage, people: impl Iterator<Item = &'a Person>) {
    for person in people {
        stage.must_live("before", &stage.web[1], &person.own, person, true);
        stage.must_live("before", &stage.web[1], &person.others[0], person, true);
    }
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

fn note(stage: &Stage, operation: Operation, answer: Option<&Response>) {
    if operation.hashes() { stage.book.note_hashed(answer) } else { stage.book.note(answer) }
}

/// Asks for it and is gone before the answer.
fn reset(stage: &Stage, operation: Operation, person: &Person, code: &str, number: usize) -> Option<Done> {
    let bytes = operation.call(person, code).bytes(&stage.web[0]);
    let after = Duration::from_millis([0, 1, 4, 15, 40, 90][number % 6]);
    send_and_reset(stage.web[0].port(), &bytes, after);
    stage.book.requests.fetch_add(1, Ordering::Relaxed);
    None
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

/// Somebody on whom nobody acts goes on.
fn look_on(stage: &Stage, bystander: &Person, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        for app in &stage.web {
            stage.must_live("a bystander", app, &bystander.own, bystander, false);
        }
        stage.must_live("a bystander in admin-panel", &stage.admin, &bystander.admin, bystander, false);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// While it lasts: what has ended is refused by everybody, and nobody crosses.
fn during(stage: &Stage, played: &[Played<'_>], bystander: &Person) {
    std::thread::scope(|scope| {
        let ended = played.iter().filter_map(|played| played.done.as_ref()).flat_map(|done| &done.ended);
        for token in ended {
            for app in &stage.web {
                scope.spawn(|| stage.must_be_dead("while it lasts", app, token, false));
            }
        }
        for app in &stage.web {
            scope.spawn(|| stage.must_live("unasked until now", app, &bystander.others[1], bystander, false));
            scope.spawn(|| stage.must_be_dead("a token that was never given out", app, &made_up(), false));
        }
        for Played { person, .. } in &played[..2] {
            scope.spawn(|| stage.must_not_cross(person, false));
        }
    });
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

/// Wrong passwords or codes, many at once; counts those that were compared.
fn guess(stage: &Stage, cast: &Cast) {
    let Cast { operation, guessed: (person, code), compared, .. } = cast;
    if !matches!(operation, Operation::Login | Operation::SmsVerify) {
        return;
    }
    at_once(GUESSES + 4, |number| {
        let app = &stage.web[number % 2];
        let client = app.anon().with_header("X-Forwarded-For", &person.address);
        let answer = if *operation == Operation::Login {
            client.log_in(&person.email, "a wrong password")
        } else {
            let wrong = (code.parse::<u32>().expect("a code") + 1) % 1_000_000;
            let body = json!({"phone": person.phone, "code": format!("{wrong:06}")});
            client.post("/api/login/sms/verify", &body)
        };
        note(stage, *operation, Some(&answer));
        match answer.status {
            401 => drop(compared.fetch_add(1, Ordering::Relaxed)),
            429 | 503 => {}
            other => stage.book.broken(format!("I5: a guess got {other}")),
        }
    });
}

/// I5: no more guesses were compared than the limit allows, and the right one is none the wiser.
fn judge_guesses(stage: &Stage, cast: &Cast) {
    let Cast { operation, guessed: (person, code), compared, .. } = cast;
    let client = stage.web[0].anon().with_header("X-Forwarded-For", &person.address);
    if *operation == Operation::Login {
        let next = client.log_in(&person.email, "a wrong password");
        stage.book.note_hashed(Some(&next));
        let compared = compared.load(Ordering::Relaxed);
        if compared > GUESSES || next.status != 429 {
            let status = next.status;
            stage.book.broken(format!("I5: {compared} wrong passwords were compared, the next got {status}"));
        }
    } else if *operation == Operation::SmsVerify {
        let sql = format!("SELECT attempts FROM one_time_codes WHERE phone = '{}'", person.phone);
        let attempts = stage.database.number(&sql);
        let right = client.post("/api/login/sms/verify", &json!({"phone": person.phone, "code": code}));
        stage.book.note(Some(&right));
        if attempts != COMPARISONS || right.status != 401 {
            let status = right.status;
            stage.book.broken(format!("I5: after {attempts} comparisons the right code got {status}"));
        }
    }
}

/// The same by somebody new, first time.
fn works_again(stage: &Stage, operation: Operation) {
    let person = stage.person();
    let code = code(stage, operation, &person);
    match perform(stage, &stage.web[0], operation, &person, &code) {
        Some(done) => {
            judge(stage, &Played { operation, person: &person, code: &code, done: Some(done) });
        }
        None => stage.book.broken(format!("{operation} does not work afterwards")),
    }
}
