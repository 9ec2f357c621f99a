//! A gate that opens once.

use std::sync::{Condvar, Mutex, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

/// Opens a gate when it is dropped, also by a panic: who waits would wait for ever.
pub(crate) struct Opened<'a>(&'a Gate);

impl Gate {
    pub(crate) fn wait(&self) {
        let mut is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_open {
            is_open = self.changed.wait(is_open).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn opened_at_the_end(&self) -> Opened<'_> {
        Opened(self)
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        *self.0.is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}
