//! The protocol as a model: which steps are possible in a state, and what they lead to.

use std::sync::OnceLock;

use stateright::{Model, Property};

use crate::acts::ActStep;
use crate::guard::{Guard, Guards, Invariant};
use crate::look_up::LookUpStep;
use crate::redis::RedisStep;
use crate::state::{AGE, Act, Entry, KEPT, LEASE, NO_END, Near, Process, State, Stream, Tick, Who};
use crate::stream::StreamStep;
use crate::world::{Fault, World};

/// One step of one party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Tick,
    Act(ActStep),
    LookUp(Who, LookUpStep),
    Stream(Who, StreamStep),
    Redis(RedisStep),
    Restart(Who),
    /// A tick that the clock of the process does not see.
    Sleep(Who),
    FailOver,
}

/// The protocol with the guards that stand, in one world.
#[derive(Debug)]
pub(crate) struct Protocol {
    pub(crate) world: World,
    guards: Guards,
    /// The first state in which an invariant is broken. The checker looks at states in batches and would
    /// show the last one of a batch; the first has the shortest way to it.
    first_broken: OnceLock<State>,
}

impl Protocol {
    pub(crate) fn new(world: World, guards: Guards) -> Self {
        Self { world, guards, first_broken: OnceLock::new() }
    }

    fn keeps(&self, invariant: Invariant, state: &State) -> bool {
        state.broken != Some(invariant) || self.first_broken.get_or_init(|| state.clone()) != state
    }

    pub(crate) fn has(&self, guard: Guard) -> bool {
        self.guards.has(guard)
    }

    /// Whether a fault belongs to this world and may still happen.
    pub(crate) fn may(&self, state: &State, fault: Fault) -> bool {
        state.faults_left > 0 && self.world.faults.contains(&fault)
    }

    fn offer_faults(&self, state: &State, steps: &mut Vec<Step>) {
        let more = state.now < self.world.horizon;
        for who in 0..state.processes.len() {
            if self.may(state, Fault::ProcessRestart) {
                steps.push(Step::Restart(who));
            }
            // To a clock that counts it, sleep is a pause like any other.
            let sleeps = more && !self.has(Guard::UptimeCountsSleep);
            if sleeps && self.may(state, Fault::MachineSleep) {
                steps.push(Step::Sleep(who));
            }
        }
        if self.may(state, Fault::FailOver) {
            steps.push(Step::FailOver);
        }
    }

    fn tick(&self, state: &mut State) {
        state.now += 1;
        self.notice_end(state);
    }

    /// The session has ended by itself where its end has passed and no touch that began before is under way.
    pub(crate) fn notice_end(&self, state: &mut State) {
        if self.world.end != NO_END
            && state.postgres.touching.is_none()
            && state.postgres.end <= state.clock().tick
        {
            state.ended = true;
        }
    }

    /// Its memory is gone. A transaction that it had open is rolled back, and what it had committed is
    /// never acknowledged.
    fn restart(state: &mut State, who: Who) {
        state.faults_left -= 1;
        state.processes[who] = Process::started(state.processes[who].slept);
        match state.act {
            Act::Open { by: Some(by), .. } | Act::Committed { by, .. } if by == who => state.act = Act::Over,
            _ => {}
        }
        Self::login_dies(state);
    }

    /// All that was committed is there, all connections are lost, and the clock is behind the old one's.
    fn fail_over(state: &mut State) {
        state.faults_left -= 1;
        state.postgres.incarnation += 1;
        state.postgres.behind += 2;
        state.postgres.order += 1;
        state.postgres.touching = None;
        if matches!(state.act, Act::Open { .. }) {
            state.act = Act::Over;
        }
        for process in &mut state.processes {
            process.stream = Stream { cut: true, socket: Vec::new(), ..process.stream.clone() };
        }
    }

    /// Makes states equal that nothing can tell apart any more, so that there are fewer of them.
    fn forget_the_past(&self, state: &mut State) {
        let (now, clock) = (state.now, state.clock().tick);
        if let Some((at, _)) = &mut state.acknowledged {
            *at = (*at).max(now - LEASE);
        }
        for process in &mut state.processes {
            let uptime = now - process.slept;
            if process.lease_until <= uptime {
                process.lease_until = Tick::MIN;
            }
            let kept = uptime - KEPT;
            process.denied_session = process.denied_session.map(|at| at.max(kept));
            process.denied_user = process.denied_user.map(|(version, at)| (version, at.max(kept)));
        }
        // What is too old stays too old, unless a clock goes back or something makes it young.
        let ages = [
            Guard::AgeLimit,
            Guard::AgeClockAfterDenials,
            Guard::TouchNeverRestamps,
            Guard::UptimeCountsSleep,
        ];
        if ages.iter().all(|guard| self.has(*guard)) && !self.world.faults.contains(&Fault::FailOver) {
            let counts = |entry: &Entry| clock - entry.read_at.tick < AGE;
            for process in &mut state.processes {
                if matches!(process.near, Near::Live(entry) if !counts(&entry)) {
                    process.near = Near::Empty;
                }
            }
            state.redis.sent.retain(counts);
        }
    }

    fn take(&self, state: &mut State, step: Step) {
        match step {
            Step::Tick => self.tick(state),
            Step::Act(step) => self.act(state, step),
            Step::LookUp(who, step) => self.look_up(state, who, step),
            Step::Stream(who, step) => self.stream(state, who, step),
            Step::Redis(step) => self.redis(state, step),
            Step::Restart(who) => Self::restart(state, who),
            Step::Sleep(who) => {
                state.faults_left -= 1;
                state.processes[who].slept += 1;
                self.tick(state);
            }
            Step::FailOver => Self::fail_over(state),
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.world)]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.broken.is_some() {
            return;
        }
        self.offer_acts(state, steps);
        for who in 0..state.processes.len() {
            self.offer_stream(state, who, steps);
            self.offer_look_ups(state, who, steps);
        }
        self.offer_redis(state, steps);
        self.offer_faults(state, steps);
        if state.now < self.world.horizon {
            steps.push(Step::Tick);
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        self.take(&mut next, step);
        self.forget_the_past(&mut next);
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        use Invariant as I;
        vec![
            Property::always(I::RevokedIsRefused.name(), |model: &Self, state| {
                model.keeps(I::RevokedIsRefused, state)
            }),
            Property::always(I::LoginWorks.name(), |model: &Self, state| model.keeps(I::LoginWorks, state)),
            Property::always(I::ContextsApart.name(), |model: &Self, state| {
                model.keeps(I::ContextsApart, state)
            }),
        ]
    }
}
