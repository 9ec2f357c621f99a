//! Processes of web that are killed (SIGKILL) in the middle of what they do, again and again: what was acknowledged holds,
//! and what was not has happened whole or not at all.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use test_support::{App, at_once, ordinary_or_long, tally};

use crate::act::{code, perform};
use crate::operation::{Done, Operation};
use crate::people::Person;
use crate::stage::Stage;
use crate::verdict::{Played, follow, judge};

/// Who goes on doing things while processes die.
const CLIENTS: usize = 6;

/// A process that is replaced by another when it has been killed.
type Slot = RwLock<Arc<App>>;

/// What somebody did, and whether it was acknowledged.
struct Deed {
    operation: Operation,
    person: Person,
    code: String,
    done: Option<Done>,
}

fn now(slot: &Slot) -> Arc<App> {
    Arc::clone(&slot.read().unwrap_or_else(PoisonError::into_inner))
}

#[test]
fn whoever_is_killed_leaves_nothing_half_done_and_nothing_undone_c4() {
    let began = Instant::now();
    let stage = Stage::start(false);
    let kills = ordinary_or_long(8, 60);
    let slots: [Slot; 2] = [0, 1].map(|_| RwLock::new(Arc::new(stage.web_builder().start())));
    let (over, next, deeds) = (AtomicBool::new(false), AtomicUsize::new(0), Mutex::new(Vec::new()));
    // A bad generator of chance is good enough, and its seed is told.
    let mut chance = u64::from(std::process::id());
    tally("kills", format!("seed {chance}"));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let deed = do_something(&stage, &slots[number % 2], number);
                    deeds.lock().unwrap_or_else(PoisonError::into_inner).push(deed);
                }
            });
        }
        // Also when a start fails, those who do things end.
        let _end = crate::cell::SetOnDrop(&over);
        for kill in 0..kills {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_millis(20 + (chance >> 33) % 250));
            // Those who are in the middle of something go on; whoever comes next waits for the next process.
            let mut slot = slots[kill % 2].write().unwrap_or_else(PoisonError::into_inner);
            slot.kill();
            *slot = Arc::new(stage.web_builder().start());
        }
    });
    let deeds = deeds.into_inner().unwrap_or_else(PoisonError::into_inner);
    let judging = AtomicUsize::new(0);
    at_once(4, |_| {
        while let Some(deed) = deeds.get(judging.fetch_add(1, Ordering::Relaxed)) {
            let Deed { operation, person, code, done } = deed;
            judge(&stage, &Played { operation: *operation, person, code, done: done.clone() });
        }
    });
    let broken = stage.book.take_broken();
    let unknown = deeds.iter().filter(|deed| deed.done.is_none()).count();
    tally(
        "kills",
        format!(
            "{kills} SIGKILLs amid {} operations, {} acknowledged, {unknown} whose outcome nobody was told; {} requests, \
             {} violations, {:?}",
            deeds.len(),
            deeds.len() - unknown,
            stage.book.requests.load(Ordering::Relaxed),
            broken.len(),
            began.elapsed()
        ),
    );
    assert_eq!(broken, [""; 0]);
    // Of a few kills every one may have met people between two operations.
    assert!(unknown > 0 || kills < 60, "nobody was in the middle of anything");
}

/// One operation of somebody new, at a process that may die meanwhile.
fn do_something(stage: &Stage, slot: &Slot, number: usize) -> Deed {
    let operation = Operation::ALL[number % Operation::ALL.len()];
    let person = stage.person();
    let code = code(stage, operation, &person);
    let app = now(slot);
    let mut played = Played { operation, person: &person, code: &code, done: None };
    played.done = perform(stage, &app, operation, &person, &code);
    if played.done.is_some() {
        follow(stage, &app, &played, Instant::now());
    }
    let done = played.done;
    Deed { operation, person, code, done }
}
