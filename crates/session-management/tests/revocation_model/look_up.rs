//! The look-up of a token in one process, step by step: caches, Postgres, the legacy step.

use crate::guard::{Guard as G, Invariant};
use crate::model::{Protocol, Step};
use crate::state::{AGE, Context, Entry, Fill, LookUp, Near, Origin, Row, State, Tick, Who};
use crate::world::{Fault, RedisKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookUpStep {
    /// A look-up starts and finds this in the near cache or in Redis.
    Finds(Entry),
    /// A look-up starts and finds a remembered no.
    FindsDead,
    /// The first and the second half of the checks; the process may pause before each.
    ChecksFirst,
    ChecksSecond,
    /// Postgres is asked. That a look-up which starts earlier asks later would make nothing worse: it owes
    /// less, and reads the same.
    Asks,
    /// Postgres gives an error.
    AsksInVain,
    /// Postgres answers, Redis does not.
    AsksWithoutRedis,
    /// What Postgres said is written into the caches, however late.
    Remembers,
    /// A token that was found in a legacy column is adopted.
    Adopts,
}

/// What Postgres says of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Yes,
    NoRow,
    OtherContext,
    Revoked,
    Idle,
    Blocked,
}

impl Protocol {
    pub(crate) fn offer_look_ups(&self, state: &State, who: Who, steps: &mut Vec<Step>) {
        let mut offer = |step| steps.push(Step::LookUp(who, step));
        let process = &state.processes[who];
        if process.fill.is_some() {
            offer(LookUpStep::Remembers);
        }
        match process.look_up {
            LookUp::None => {}
            LookUp::Holds(..) => return offer(LookUpStep::ChecksFirst),
            LookUp::Passed(..) => return offer(LookUpStep::ChecksSecond),
            LookUp::LegacyHit { .. } => return offer(LookUpStep::Adopts),
        }
        let caches = self.world.context == Context::Web || !self.has(G::AdminReadsNoCache);
        // A yes from a cache breaks nothing while a yes is allowed, and writes nothing that the reader of
        // Postgres who wrote the entry could not have written.
        if caches && self.owes_no(state, who) {
            if let Near::Live(entry) = process.near {
                offer(LookUpStep::Finds(entry));
            }
            self.readable(state).for_each(|entry| offer(LookUpStep::Finds(entry)));
        }
        if caches && process.near == Near::Dead {
            offer(LookUpStep::FindsDead);
        }
        offer(LookUpStep::Asks);
        if self.world.faults.contains(&Fault::PostgresError) {
            offer(LookUpStep::AsksInVain);
        }
        if self.world.faults.contains(&Fault::RedisError) {
            offer(LookUpStep::AsksWithoutRedis);
        }
    }

    pub(crate) fn look_up(&self, state: &mut State, who: Who, step: LookUpStep) {
        match step {
            LookUpStep::Finds(entry) => state.processes[who].look_up = LookUp::Holds(entry),
            LookUpStep::FindsDead => self.answer_no(state),
            LookUpStep::ChecksFirst => self.check_first(state, who),
            LookUpStep::ChecksSecond => self.check_second(state, who),
            LookUpStep::Asks => self.ask(state, who, true),
            LookUpStep::AsksWithoutRedis => self.ask(state, who, false),
            LookUpStep::AsksInVain => {
                if !self.has(G::LegacyOnlyAfterNoRow) {
                    self.legacy_step(state, who, true);
                } else if !self.has(G::ErrorIsNeither) {
                    self.answer_no(state);
                }
            }
            LookUpStep::Remembers => self.remember(state, who),
            LookUpStep::Adopts => self.adopt(state, who),
        }
    }

    fn check_first(&self, state: &mut State, who: Who) {
        let LookUp::Holds(entry) = state.processes[who].look_up else { return };
        let passes = if self.has(G::LeaseBeforeDenials) {
            self.has_lease(state, who)
        } else {
            is_not_denied(state, who, &entry)
        };
        let uptime = if self.has(G::AgeClockAfterDenials) { 0 } else { state.uptime(who) };
        state.processes[who].look_up = if passes { LookUp::Passed(entry, uptime) } else { LookUp::None };
    }

    /// A look-up that is refused here asks Postgres, which is a step of its own. The checks of start, age
    /// and ends are done with the denials at once: later they could only refuse more.
    fn check_second(&self, state: &mut State, who: Who) {
        let LookUp::Passed(entry, uptime) = state.processes[who].look_up else { return };
        state.processes[who].look_up = LookUp::None;
        let uptime = if self.has(G::AgeClockAfterDenials) { state.uptime(who) } else { uptime };
        let passes = if self.has(G::LeaseBeforeDenials) {
            is_not_denied(state, who, &entry)
        } else {
            self.has_lease(state, who)
        };
        if passes && self.is_covered(state, who, &entry) && self.is_young(state, who, &entry, uptime) {
            self.answer_yes(state, true);
        }
    }

    fn has_lease(&self, state: &State, who: Who) -> bool {
        !self.has(G::Lease) || state.uptime(who) < state.processes[who].lease_until
    }

    fn is_covered(&self, state: &State, who: Who, entry: &Entry) -> bool {
        let process = &state.processes[who];
        let later = process.start.is_some_and(|start| entry.read_at >= start);
        (later || !self.has(G::StreamStart))
            && (entry.incarnation == process.incarnation || !self.has(G::Incarnation))
    }

    fn is_young(&self, state: &State, who: Who, entry: &Entry, uptime: Tick) -> bool {
        let now = uptime + state.processes[who].ahead;
        let age = now - entry.read_at.tick;
        (age >= 0 || !self.has(G::NotFromTheFuture))
            && (age < AGE || !self.has(G::AgeLimit))
            && (now < entry.end || !self.has(G::EndOfEntry))
    }

    /// What Postgres says in the context of this world's processes.
    pub(crate) fn says(&self, state: &State) -> Says {
        let other = self.world.context != self.world.token && self.has(G::ContextInLookUp);
        if other && state.postgres.row != Row::Missing {
            return Says::OtherContext;
        }
        says_in_its_context(state)
    }

    fn ask(&self, state: &mut State, who: Who, redis: bool) {
        let says = self.says(state);
        let remembered = match says {
            Says::Yes => {
                let owes_no = self.owes_no(state, who);
                self.answer_yes(state, owes_no);
                let entry = self.stamped(state);
                let stamped_late = !self.has(G::OneStatement);
                state.processes[who].fill.get_or_insert(Fill { entry, stamped_late });
                // What lands late near is explored without Redis. With it, a late value comes from there.
                if self.world.redis != RedisKind::Absent {
                    self.remember(state, who);
                }
                return;
            }
            Says::NoRow => return self.legacy_step(state, who, redis),
            _ if !self.has(G::NoStateFilter) => return self.legacy_step(state, who, redis),
            Says::Revoked => true,
            Says::OtherContext => false,
            Says::Idle => !self.has(G::IdleIsNotRemembered),
            Says::Blocked => !self.has(G::BlockIsNotRemembered),
        };
        if remembered {
            state.processes[who].near = Near::Dead;
        }
        self.answer_no(state);
    }

    fn legacy_step(&self, state: &mut State, who: Who, redis: bool) {
        let has_step = self.world.context == Context::Web || !self.has(G::LegacyOnlyInWeb);
        if has_step && (state.postgres.legacy_column || (redis && state.redis.legacy)) {
            let owes_no = self.owes_no(state, who);
            state.processes[who].look_up = LookUp::LegacyHit { owes_no };
        } else if redis || !self.has(G::LegacyRedisErrorIsNoAnswer) {
            if !self.has(G::MissIsNotRemembered) {
                state.processes[who].near = Near::Dead;
            }
            self.answer_no(state);
        }
    }

    /// Under the user's lock: a row is made where there is none, and what stands then decides.
    fn adopt(&self, state: &mut State, who: Who) {
        let LookUp::LegacyHit { owes_no } = state.processes[who].look_up else { return };
        state.processes[who].look_up = LookUp::None;
        let voided = state.redis.legacy && state.postgres.valid_after && self.has(G::ValidAfter);
        let db = &mut state.postgres;
        let mut made = false;
        if voided && db.row == Row::Missing {
            db.row = Row::Revoked;
        } else if db.row == Row::Missing || !self.has(G::RevocationIsFinal) {
            // An older token names no context, so that the row is of the one that adopts it.
            made = true;
            (db.row, db.row_epoch) = (Row::Live, db.epoch);
        }
        let says = if made { says_in_its_context(state) } else { self.says(state) };
        let yes = says == Says::Yes || !self.has(G::AdoptionDecidesFromRow);
        if yes {
            self.answer_yes(state, owes_no);
        } else {
            self.answer_no(state);
        }
    }

    fn remember(&self, state: &mut State, who: Who) {
        let Some(Fill { mut entry, stamped_late }) = state.processes[who].fill.take() else { return };
        if stamped_late {
            entry.read_at = state.clock();
        }
        state.processes[who].near = Near::Live(entry);
        self.send(state, entry);
    }

    /// An act keeps what it knows for the caches, to be written under the time at which it gets to it.
    pub(crate) fn keep_late(&self, state: &mut State, who: Who) {
        let entry = self.stamped(state);
        state.processes[who].fill.get_or_insert(Fill { entry, stamped_late: true });
    }

    fn answer_yes(&self, state: &mut State, owes_no: bool) {
        if self.world.context != self.world.token {
            state.broken = Some(Invariant::ContextsApart);
        } else if owes_no {
            state.broken = Some(Invariant::RevokedIsRefused);
        }
    }

    fn answer_no(&self, state: &mut State) {
        if self.owes_yes(state) {
            state.broken = Some(Invariant::LoginWorks);
        }
    }
}

fn says_in_its_context(state: &State) -> Says {
    let db = &state.postgres;
    if db.row == Row::Missing {
        Says::NoRow
    } else if db.row == Row::Revoked || db.row_epoch < db.epoch {
        Says::Revoked
    } else if db.end <= state.clock().tick {
        Says::Idle
    } else if db.blocked {
        Says::Blocked
    } else {
        Says::Yes
    }
}

/// Denials name a session, or a user below a version. A copied value names another session of another user.
fn is_not_denied(state: &State, who: Who, entry: &Entry) -> bool {
    let process = &state.processes[who];
    let denied = process.denied_session.is_some()
        || process.denied_user.is_some_and(|(newest, _)| newest > entry.version);
    entry.origin == Origin::Copied || !denied
}
