//! Redis, the processes that are only known by what they write there, and those who have no business to.

use crate::guard::Guard as G;
use crate::look_up::Says;
use crate::model::{Protocol, Step};
use crate::state::{Entry, Near, Origin, State};
use crate::world::{Fault, RedisKind};

/// Values that are under way at once, step by step.
const UNDER_WAY: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RedisStep {
    /// Another process looks up in Postgres and sends what it read.
    Write,
    /// Something that was sent lands, however late.
    Land(usize),
    Lose(usize),
    /// A replica or a backup takes what is there.
    Copy,
    Flush,
    OlderCopy,
    Forge,
    CopyKey,
}

impl Protocol {
    pub(crate) fn offer_redis(&self, state: &State, steps: &mut Vec<Step>) {
        let mut offer = |step| steps.push(Step::Redis(step));
        let redis = &state.redis;
        if self.world.redis == RedisKind::StepByStep {
            for place in 0..redis.sent.len() {
                offer(RedisStep::Land(place));
                offer(RedisStep::Lose(place));
            }
            if redis.value.is_some() {
                offer(RedisStep::Copy);
                if self.may(state, Fault::RedisFlush) {
                    offer(RedisStep::Flush);
                }
            }
            if self.may(state, Fault::RedisOlderCopy) {
                offer(RedisStep::OlderCopy);
            }
        }
        if self.world.writer && self.says(state) == Says::Yes {
            offer(RedisStep::Write);
        }
        if self.may(state, Fault::ForgedValue) {
            offer(RedisStep::Forge);
        }
        if self.may(state, Fault::CopiedValue) {
            offer(RedisStep::CopyKey);
        }
    }

    pub(crate) fn redis(&self, state: &mut State, step: RedisStep) {
        match step {
            RedisStep::Write => self.send(state, self.stamped(state)),
            RedisStep::Land(place) => state.redis.value = Some(state.redis.sent.remove(place)),
            RedisStep::Lose(place) => {
                state.redis.sent.remove(place);
            }
            RedisStep::Copy => state.redis.older = state.redis.value,
            RedisStep::Flush => {
                state.faults_left -= 1;
                state.redis.value = None;
            }
            RedisStep::OlderCopy => {
                state.faults_left -= 1;
                state.redis.value = state.redis.older;
            }
            RedisStep::Forge => {
                state.faults_left -= 1;
                let forged = Entry { version: u8::MAX, origin: Origin::Forged, ..state.read() };
                self.send(state, forged);
            }
            RedisStep::CopyKey => {
                state.faults_left -= 1;
                let copied = Entry { origin: Origin::Copied, ..state.read() };
                self.send(state, copied);
            }
        }
    }

    /// What a look-up reads now, with the time that it gives it.
    pub(crate) fn stamped(&self, state: &State) -> Entry {
        let mut entry = state.read();
        if !self.has(G::ReadAtOnPostgresClock) {
            // The clock of the process that read is ahead.
            entry.read_at.tick += 2;
        }
        entry
    }

    /// Sends a value to Redis.
    pub(crate) fn send(&self, state: &mut State, entry: Entry) {
        let sent = &mut state.redis.sent;
        match self.world.redis {
            RedisKind::Absent => {}
            RedisKind::StepByStep => {
                if sent.len() < UNDER_WAY && !sent.contains(&entry) && state.redis.value != Some(entry) {
                    sent.push(entry);
                }
            }
            RedisKind::AnyOfSent => {
                // Of two that differ only in their times, the later one counts wherever the earlier does.
                let covers = |by: &Entry, old: &Entry| {
                    (by.version, by.incarnation, by.origin) == (old.version, old.incarnation, old.origin)
                        && by.read_at >= old.read_at
                        && by.end >= old.end
                };
                if !sent.iter().any(|other| covers(other, &entry)) {
                    sent.retain(|other| !covers(&entry, other));
                    sent.push(entry);
                    sent.sort_by_key(|entry| (entry.read_at, entry.version, entry.incarnation));
                }
            }
        }
    }

    /// What a look-up may find in Redis, as far as its MAC lets it count.
    pub(crate) fn readable(&self, state: &State) -> impl Iterator<Item = Entry> {
        let redis = &state.redis;
        let found = match self.world.redis {
            RedisKind::Absent => Vec::new(),
            RedisKind::StepByStep => redis.value.into_iter().collect(),
            RedisKind::AnyOfSent => redis.sent.clone(),
        };
        let mac = self.has(G::Mac);
        let told_apart = self.has(G::ValueNamesItsSession) || (mac && self.has(G::MacCoversKey));
        found.into_iter().filter(move |entry| match entry.origin {
            Origin::Genuine => true,
            Origin::Forged => !mac,
            Origin::Copied => !told_apart,
        })
    }

    /// Gives everything that is cached a new time, as a touch must not.
    pub(crate) fn restamp(&self, state: &mut State) {
        let now = state.clock();
        for process in &mut state.processes {
            if let Near::Live(entry) = &mut process.near {
                entry.read_at = now;
            }
        }
        for entry in state.redis.sent.iter_mut().chain(state.redis.value.as_mut()) {
            entry.read_at = now;
        }
    }
}
