//! A sharded table of sessions, bounded in entries and bytes. When a shard is full it makes room by the
//! second-chance rule: what was not read since the hand last passed goes first.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use identity_db::SessionId;
use identity_db::right::Right;

use crate::principal::Snapshot;

const SHARDS: usize = 64;

/// Bytes that the entries may take on the average, as well as they can be counted; a common one takes 1,700.
const BYTES_EACH: usize = 2048;

/// What the answer takes that is kept with a live session once it has been made.
const RENDERED: usize = 640;

/// What the allocator and the tables add to an entry: rounding, headers, room to grow.
const OVERHEAD: usize = 256;

/// What is known of a session.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// What Postgres said of it when it was live.
    Live(Arc<Snapshot>),
    /// It has ended for good.
    Dead,
}

impl Known {
    fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        let own = match self {
            Self::Dead => 0,
            Self::Live(snapshot) => {
                let Snapshot { session, user, rights, .. } = &**snapshot;
                let right = |right: &Right| size_of::<Right>() + right.permission.capacity();
                size_of::<Snapshot>()
                    + RENDERED
                    + text(&session.user_agent)
                    + session.auth_method.capacity()
                    + text(&user.email)
                    + text(&user.phone)
                    + rights.iter().map(right).sum::<usize>()
            }
        };
        own + 2 * (size_of::<Slot>() + size_of::<SessionId>()) + OVERHEAD
    }
}

#[derive(Debug)]
pub(super) struct Table {
    shards: Vec<RwLock<Shard>>,
    /// Entries of one shard at most.
    most: usize,
    entries: AtomicUsize,
    bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shard {
    /// Where an entry is among the slots.
    places: HashMap<SessionId, usize, BuildHasherDefault<Spread>>,
    slots: Vec<Slot>,
    hand: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    id: SessionId,
    known: Known,
    read: AtomicBool,
}

impl Table {
    pub(super) fn new(entries: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            most: entries.div_ceil(SHARDS),
            entries: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    pub(super) fn get(&self, id: &SessionId) -> Option<Known> {
        let shard = self.shard(id).read().unwrap_or_else(PoisonError::into_inner);
        let slot = &shard.slots[*shard.places.get(id)?];
        slot.read.store(true, Ordering::Relaxed);
        Some(slot.known.clone())
    }

    pub(super) fn insert(&self, id: SessionId, known: Known) {
        if self.most == 0 {
            return;
        }
        let mut shard = self.shard(&id).write().unwrap_or_else(PoisonError::into_inner);
        let (entries, bytes) = (shard.slots.len(), shard.bytes);
        shard.insert(id, known, self.most);
        add(&self.entries, entries, shard.slots.len());
        add(&self.bytes, bytes, shard.bytes);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn shard(&self, id: &SessionId) -> &RwLock<Shard> {
        &self.shards[usize::try_from(id.spread() >> 58).unwrap_or_default() % SHARDS]
    }
}

impl Shard {
    fn insert(&mut self, id: SessionId, known: Known, most: usize) {
        let bytes = known.bytes();
        if let Some(&place) = self.places.get(&id) {
            let slot = &mut self.slots[place];
            self.bytes = self.bytes - slot.known.bytes() + bytes;
            slot.known = known;
            return;
        }
        let before = self.slots.len();
        while !self.slots.is_empty() && (self.slots.len() >= most || self.bytes + bytes > most * BYTES_EACH) {
            self.evict_one();
        }
        let last = self.slots.len();
        self.places.insert(id, last);
        self.slots.push(Slot { id, known, read: AtomicBool::new(false) });
        self.bytes += bytes;
        if last < before {
            // In the place of what went, behind the hand: it has a whole turn to be read in, as all others had.
            self.slots.swap(self.hand, last);
            for place in [last, self.hand] {
                self.places.insert(self.slots[place].id, place);
            }
            self.hand += 1;
        }
    }

    fn evict_one(&mut self) {
        loop {
            self.hand = if self.hand >= self.slots.len() { 0 } else { self.hand };
            if !self.slots[self.hand].read.swap(false, Ordering::Relaxed) {
                break;
            }
            self.hand += 1;
        }
        let gone = self.slots.swap_remove(self.hand);
        self.places.remove(&gone.id);
        self.bytes -= gone.known.bytes();
        if let Some(moved) = self.slots.get(self.hand) {
            self.places.insert(moved.id, self.hand);
        }
    }
}

/// Adds what a shard grew by; what it shrank by is taken away.
fn add(total: &AtomicUsize, before: usize, after: usize) {
    total.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
}

/// Ids are digests already; hashing them again would be for nothing.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::SessionToken;

    fn ids_of_one_shard(count: usize) -> Vec<SessionId> {
        let mut drawn = std::iter::repeat_with(|| SessionToken::generate().id());
        let first = drawn.next().unwrap();
        let rest = drawn.filter(|id| id.spread() >> 58 == first.spread() >> 58);
        std::iter::once(first).chain(rest).take(count).collect()
    }

    #[test]
    fn a_full_shard_keeps_what_came_last_and_what_is_read() {
        let table = Table::new(8 * SHARDS);
        let ids = ids_of_one_shard(40);
        let (in_use, passing) = ids.split_first().unwrap();
        table.insert(*in_use, Known::Dead);
        for (n, id) in passing.iter().enumerate() {
            table.insert(*id, Known::Dead);
            assert!(table.get(in_use).is_some(), "what is read all the time stays");
            let recent = passing[..n].iter().rev().take(4);
            assert!(recent.clone().all(|id| table.shard(id).read().unwrap().places.contains_key(id)), "{n}");
        }
        assert_eq!(table.len(), 8);
    }

    #[test]
    fn a_second_round_over_what_fits_finds_all_of_it_although_others_came_before() {
        let table = Table::new(8 * SHARDS);
        let ids = ids_of_one_shard(16);
        ids.iter().for_each(|id| table.insert(*id, Known::Dead));
        let kept = ids.iter().filter(|id| table.get(id).is_some()).count();
        assert_eq!(kept, 8);
        let newest = &ids[8..];
        assert!(newest.iter().filter(|id| table.get(id).is_some()).count() >= 7, "nearly all of the newest");
    }
}
