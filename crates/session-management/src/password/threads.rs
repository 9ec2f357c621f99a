//! The threads on which passwords are hashed: as many as there are cores, for as long as the process lives.
//!
//! Each has its memory for a hash and uses it again. On the runtime's blocking threads, of which there may be
//! hundreds, the allocator would keep some 60 MiB for each thread that ever hashed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::argon2id::Memory;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Cloning shares the threads; they end with the last clone.
#[derive(Clone)]
pub(super) struct Threads(Sender<Job>);

impl Threads {
    pub(super) fn start(count: usize) -> std::io::Result<Self> {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..count {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new().name(format!("hasher-{number}")).spawn(move || work(&receiver))?;
        }
        Ok(Self(sender))
    }

    /// Runs `job` on one of the threads; `None` when it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        // Who asked may be gone by then; the work was done all the same.
        let job: Job = Box::new(move |memory| drop(answer.send(job(memory))));
        self.0.send(job).ok()?;
        answered.await.ok()
    }
}

fn work(receiver: &Mutex<Receiver<Job>>) {
    let mut memory = Memory::default();
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A job that panics answers nothing; the thread goes on.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
    }
}
