//! One cell of the matrix: an operation in the middle of a fault, and what must hold then and afterwards.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use test_support::at_once;

use crate::act::{code, perform, reset};
use crate::fault::{Copies, Fault, copies};
use crate::gate::Gate;
use crate::guesses::{Guessed, guess, judge_guesses};
use crate::operation::Operation;
use crate::people::{Person, made_up};
use crate::stage::Stage;
use crate::verdict::{Played, follow, judge};

/// When operations begin, beside the fault that begins at [`STRIKE`]; one more begins when it is there.
const STARTS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(8), Duration::from_millis(30)];
const STRIKE: Duration = Duration::from_millis(12);
const LATER: usize = 1;

/// Those on whom one operation is played.
struct Cast {
    operation: Operation,
    people: Vec<(Person, String)>,
    guessed: Guessed,
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
        let guessing: Vec<_> = casts
            .iter()
            .map(|cast| {
                scope.spawn(move || {
                    struck.wait();
                    guess(stage, &cast.guessed);
                })
            })
            .collect();
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
        guess(stage, &cast.guessed);
        judge_guesses(stage, &cast.guessed);
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
        let (guessed, code) = person();
        let guessed = Guessed { operation, person: guessed, code, compared: AtomicUsize::new(0) };
        Self { operation, people, guessed }
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

/// Lets the other process remember some of their sessions, and Redis.
pub(crate) fn warm<'a>(stage: &Stage, people: impl Iterator<Item = &'a Person>) {
    for person in people {
        stage.must_live("before", &stage.web[1], &person.own, person, true);
        stage.must_live("before", &stage.web[1], &person.others[0], person, true);
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
