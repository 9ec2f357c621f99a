//! What a process says that has been told to end, until it ends: that it is not ready, and that connections close.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the process has been told to end. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
