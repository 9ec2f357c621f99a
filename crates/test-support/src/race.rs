//! Doing things at the same moment, and waiting for what another process does.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::Client;

/// Runs `act` in `n` threads that start at the same moment; the answers come in the order of the threads.
pub fn at_once<T: Send>(n: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(n);
    std::thread::scope(|scope| {
        let run = |index| {
            let (barrier, act) = (&barrier, &act);
            scope.spawn(move || {
                barrier.wait();
                act(index)
            })
        };
        let threads: Vec<_> = (0..n).map(run).collect();
        let answer = |thread: std::thread::ScopedJoinHandle<'_, T>| match thread.join() {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().map(answer).collect()
    })
}

/// Asks again and again until the answer is `Some`, for what another process must do first; panics when the
/// time is up. Never for what must hold at once.
pub fn eventually<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Fails unless the session of `client` is refused within half a second, as C4 of docs/requirements.md promises of an end
/// that another process, or somebody at a psql prompt, has committed, and stays refused.
#[track_caller]
pub fn assert_refused_soon(client: &Client) {
    let me = || client.get("/api/me");
    eventually("the session is refused", Duration::from_millis(500), || (me().status == 401).then_some(()));
    me().assert_problem(401, "unauthenticated");
}
