//! What people have written, in memory.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use session_management::UserId;

#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<(UserId, Note)>>);

#[derive(Clone, Serialize)]
pub(crate) struct Note {
    id: u64,
    text: String,
}

impl Notes {
    pub(crate) fn of(&self, owner: UserId) -> Vec<Note> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().filter(|(by, _)| *by == owner).map(|(_, note)| note.clone()).collect()
    }

    pub(crate) fn add(&self, owner: UserId, text: String) -> Note {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = notes.last().map_or(1, |(_, last)| last.id + 1);
        let note = Note { id, text };
        notes.push((owner, note.clone()));
        note
    }

    /// Whether there was one of this id.
    pub(crate) fn delete(&self, id: u64) -> bool {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = notes.len();
        notes.retain(|(_, note)| note.id != id);
        notes.len() < before
    }
}
