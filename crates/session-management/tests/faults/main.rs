//! What fails, and what must hold all the same: every fault in the middle of every operation, at the built applications.
//!
//! The six invariants: **I1** what was acknowledged as ended is refused, at once where it was ended and in admin-panel,
//! within 500 ms elsewhere. **I2** what was acknowledged as opened is let in, or nobody knows. **I3** no session counts in
//! the other application. **I4** nothing that counts once is used twice. **I5** no more guesses are compared than the
//! limit allows. **I6** every answer is about the token's own person. And an outage is 503, in time, with no cookie
//! touched, and over without a restart when its cause is.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod act;
mod cell;
mod failpoints;
mod fault;
mod gate;
mod guesses;
mod kills;
mod named;
mod operation;
mod people;
mod races;
mod stage;
mod verdict;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fault::Fault;
use operation::Operation;
use stage::Stage;
use test_support::tally;

/// Operations in whose middle a fault is played at the same time: each has its own people.
const TOGETHER: usize = 3;

/// Plays every operation under a fault, on the same processes.
#[track_caller]
#[expect(clippy::print_stdout, reason = "which of them took how long, for when it fails")]
fn matrix(fault: Fault) {
    let began = Instant::now();
    let stage = Stage::start(fault.needs_own_postgres());
    let (mut cells, mut broken, mut recovery) = (0, Vec::new(), Duration::ZERO);
    for operations in Operation::ALL.chunks(TOGETHER) {
        let together = Instant::now();
        recovery = recovery.max(cell::play(&stage, fault, operations));
        cells += operations.len();
        let wrong = stage.book.take_broken();
        println!("{fault} × {operations:?}: {:?}, {} violations", together.elapsed(), wrong.len());
        broken.extend(wrong);
    }
    let count = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::Relaxed);
    let (requests, unavailable) = (count(&stage.book.requests), count(&stage.book.unavailable));
    tally(
        "fault matrix",
        format!(
            "{fault}: {cells} cells, {requests} requests, {} acts acknowledged, {unavailable} answers 503 (slowest {:?}), \
             recovered within {recovery:?}, {} violations, {:?} in all",
            count(&stage.book.acknowledged),
            stage.book.slowest_outage(),
            broken.len(),
            began.elapsed()
        ),
    );
    assert_eq!((broken.as_slice(), cells), ([].as_slice() as &[String], Operation::ALL.len()));
    assert!(unavailable > 0 || !fault.is_felt(), "{fault} was not felt");
    if fault.fails_redis() {
        let metrics = stage.web[0].anon().get("/metrics").text();
        let failed = "session_redis_commands_total{outcome=\"failed\"} ";
        let count = metrics.lines().find_map(|line| line.strip_prefix(failed));
        assert!(count.is_some_and(|count| count != "0"), "{fault} was not felt by Redis' clients");
    }
}

macro_rules! faults {
    ($($test:ident: $fault:ident;)*) => {
        $(#[test] fn $test() {
            matrix(Fault::$fault);
        })*

        const PLAYED: &[Fault] = &[$(Fault::$fault),*];
    };
}

faults! {
    redis_refused_f12: RedisRefused;
    redis_slow_f12: RedisSlow;
    redis_hung_f12: RedisHung;
    redis_flushed_c4: RedisFlushed;
    redis_read_only_f12: RedisReadOnly;
    redis_full_f12: RedisFull;
    redis_failed_over_to_an_older_copy_c4: RedisOlderCopy;
    redis_with_forged_values_c4: RedisForged;
    postgres_stopped_f12: PostgresStopped;
    postgres_hung_f12: PostgresHung;
    pool_exhausted_f12: PoolExhausted;
    backends_killed_c4: BackendsKilled;
    postgres_read_only_f12: PostgresReadOnly;
    postgres_restarted_c4: PostgresRestarted;
    postgres_crashed_c4: PostgresCrashed;
    client_reset_c4: ClientReset;
    redis_applies_and_its_answers_are_lost_c4: RedisAnswersLost;
    redis_cut_in_mid_frame_c4: RedisCut;
    postgres_applies_and_its_answers_are_lost_c4: PostgresAnswersLost;
    postgres_cut_in_mid_frame_c4: PostgresCut;
}

#[test]
fn no_cell_is_missing_f12() {
    for fault in Fault::ALL {
        assert_eq!(PLAYED.iter().filter(|played| *played == fault).count(), 1, "{fault}");
    }
    // The matrix that was asked for, and what a proxy can do besides.
    assert_eq!((Fault::ALL.len(), Operation::ALL.len()), (16 + 4, 6));
}
