//! The stream of denials and the lease of one process, step by step.

use crate::guard::Guard as G;
use crate::model::{Protocol, Step};
use crate::state::{KEPT, LEASE, Message, Process, Stage, State, Stream, Tick, Who};
use crate::world::Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamStep {
    /// `LISTEN` is sent and answered.
    Listen,
    /// The same through something that carries no notifications.
    ListenDeaf,
    /// The second statement: Postgres' clock and incarnation.
    ReadStart,
    /// A beat is sent, and Postgres serves it. That it does so at once is the worst case: what is committed
    /// later comes after the reply, and the lease runs from the sending anyway.
    Beat,
    /// A message is taken from the socket: the first, where the order is kept.
    Receive(usize),
    Cut,
    Move,
    /// The loss is noticed, at any time after it.
    Notice,
    /// Denials that are old enough are forgotten.
    Forget,
    Overflow,
}

impl Protocol {
    pub(crate) fn offer_stream(&self, state: &State, who: Who, steps: &mut Vec<Step>) {
        let mut offer = |step| steps.push(Step::Stream(who, step));
        let process = &state.processes[who];
        let stream = &process.stream;
        let listen_first = self.has(G::StartAfterListen);
        match stream.stage {
            _ if stream.cut => offer(StreamStep::Notice),
            Stage::Down | Stage::Half => {
                if stream.stage == Stage::Down && !listen_first || stream.stage == Stage::Half && listen_first
                {
                    offer(StreamStep::ReadStart);
                } else {
                    offer(StreamStep::Listen);
                    if self.may(state, Fault::ListenerDeaf) {
                        offer(StreamStep::ListenDeaf);
                    }
                }
            }
            Stage::Runs => {
                if self.may(state, Fault::ListenerCut) {
                    offer(StreamStep::Cut);
                }
                if self.may(state, Fault::ListenerMoved) && !stream.moved {
                    offer(StreamStep::Move);
                }
            }
        }
        if self.can_beat(state, who) {
            offer(StreamStep::Beat);
        }
        let reach = if self.has(G::SocketOrder) { 1 } else { stream.socket.len() };
        for place in 0..stream.socket.len().min(reach) {
            offer(StreamStep::Receive(place));
        }
        let old = |at: Tick| state.uptime(who) - at >= self.kept();
        if process.denied_session.is_some_and(old) || process.denied_user.is_some_and(|(_, at)| old(at)) {
            offer(StreamStep::Forget);
        }
        let some = process.denied_session.is_some() || process.denied_user.is_some();
        if some && stream.stage == Stage::Runs && self.may(state, Fault::TooManyDenials) {
            offer(StreamStep::Overflow);
        }
    }

    /// One beat at a time, and none that would not prolong the lease.
    fn can_beat(&self, state: &State, who: Who) -> bool {
        let process = &state.processes[who];
        let Stream { stage, cut, deaf, ref socket, .. } = process.stream;
        let reachable = !cut || !self.has(G::BeatOnSameConnection);
        let heard = !deaf || !self.has(G::Probe);
        let waiting = socket.iter().any(|message| matches!(message, Message::Reply(..)));
        let useful = process.lease_until < state.uptime(who) + LEASE;
        stage == Stage::Runs && reachable && heard && !waiting && useful
    }

    fn kept(&self) -> Tick {
        if self.has(G::KeptLongerThanAge) { KEPT } else { 1 }
    }

    pub(crate) fn stream(&self, state: &mut State, who: Who, step: StreamStep) {
        let uptime = state.uptime(who);
        let ahead = state.clock().tick - uptime;
        match step {
            StreamStep::Listen | StreamStep::ListenDeaf => {
                let deaf = step == StreamStep::ListenDeaf;
                state.faults_left -= u8::from(deaf);
                let stream = &mut state.processes[who].stream;
                (stream.listens, stream.deaf) = (true, deaf);
                stream.advance();
            }
            StreamStep::ReadStart => {
                // What is read from here on is told from what was read before.
                state.postgres.order += 1;
                let (start, incarnation) = (state.clock(), state.postgres.incarnation);
                let process = &mut state.processes[who];
                (process.start, process.incarnation) = (Some(start), incarnation);
                process.stream.advance();
            }
            StreamStep::Beat if !self.has(G::BeatOnSameConnection) => {
                let process = &mut state.processes[who];
                (process.lease_until, process.ahead) = (uptime + LEASE, ahead);
            }
            StreamStep::Beat => {
                let stream = &mut state.processes[who].stream;
                stream.socket.push(Message::Reply(uptime, ahead, stream.moved));
            }
            StreamStep::Receive(place) => {
                let message = state.processes[who].stream.socket.remove(place);
                self.receive(state, who, message);
            }
            StreamStep::Cut => {
                state.faults_left -= 1;
                let stream = &mut state.processes[who].stream;
                stream.cut = true;
                stream.socket.clear();
            }
            StreamStep::Move => {
                state.faults_left -= 1;
                state.processes[who].stream.moved = true;
            }
            StreamStep::Notice => state.processes[who].end_stream(),
            StreamStep::Forget => {
                let process = &mut state.processes[who];
                process.denied_session = process.denied_session.filter(|at| uptime - at < self.kept());
                process.denied_user = process.denied_user.filter(|(_, at)| uptime - at < self.kept());
            }
            StreamStep::Overflow => {
                state.faults_left -= 1;
                let process = &mut state.processes[who];
                (process.denied_session, process.denied_user) = (None, None);
                if self.has(G::NoneDropped) {
                    process.end_stream();
                }
            }
        }
    }

    fn receive(&self, state: &mut State, who: Who, message: Message) {
        let uptime = state.uptime(who);
        let process = &mut state.processes[who];
        match message {
            Message::Reply(_, _, true) if self.has(G::SameBackend) => process.end_stream(),
            Message::Reply(sent, ahead, _) => {
                let from = if self.has(G::LeaseFromStartOfBeat) { sent } else { uptime };
                (process.lease_until, process.ahead) = (from + LEASE, ahead);
            }
            denial => self.deny(state, who, denial),
        }
    }

    /// Puts a denial into a process' set.
    pub(crate) fn deny(&self, state: &mut State, who: Who, denial: Message) {
        let uptime = state.uptime(who);
        let process = &mut state.processes[who];
        match denial {
            Message::DenySession if self.has(G::SessionDenial) => process.denied_session = Some(uptime),
            Message::DenyUser(version) if self.has(G::UserDenial) => {
                let newest = process.denied_user.map_or(version, |(newest, _)| newest.max(version));
                process.denied_user = Some((newest, uptime));
            }
            _ => {}
        }
    }

    /// What Postgres does at commit: all who listen are told.
    pub(crate) fn notify(&self, state: &mut State, message: Message) {
        for Process { stream, .. } in &mut state.processes {
            if stream.listens && !stream.deaf && !stream.moved && !stream.cut {
                stream.socket.push(message);
            }
        }
    }
}

impl Stream {
    fn advance(&mut self) {
        self.stage = if self.stage == Stage::Down { Stage::Half } else { Stage::Runs };
    }
}

impl Process {
    /// No lease, and no start that anything could be later than. The denials stay.
    fn end_stream(&mut self) {
        self.stream = Stream::down();
        (self.start, self.incarnation) = (None, 0);
        (self.lease_until, self.ahead) = (Tick::MIN, 0);
    }
}
