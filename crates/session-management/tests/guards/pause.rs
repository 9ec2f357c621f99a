//! A place in the code where a thread waits until the test has done something.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use identity_db::fail;

const SOON: Duration = Duration::from_secs(20);

/// Holds the first thread that comes by. Whoever is held goes on when this is dropped.
pub(crate) struct Pause {
    name: &'static str,
    reached: Receiver<()>,
    go: Option<Sender<()>>,
}

impl Pause {
    pub(crate) fn at(name: &'static str) -> Self {
        let (tell, reached) = channel();
        let (go, wait) = channel::<()>();
        let (wait, first) = (Mutex::new(wait), AtomicBool::new(true));
        let hold = move || {
            if first.swap(false, Ordering::SeqCst) {
                let _ = tell.send(());
                let _ = wait.lock().unwrap().recv();
            }
        };
        fail::cfg_callback(name, hold).unwrap();
        Self { name, reached, go: Some(go) }
    }

    /// Waits until somebody is held.
    pub(crate) fn wait(&self) {
        self.reached.recv_timeout(SOON).unwrap();
    }

    /// Waits until somebody is held, or has ended without coming by.
    pub(crate) fn wait_unless(&self, ended: impl Fn() -> bool) {
        test_support::eventually("somebody is held, or has ended", SOON, || {
            (self.reached.try_recv().is_ok() || ended()).then_some(())
        });
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.go.take();
        fail::remove(self.name);
    }
}
