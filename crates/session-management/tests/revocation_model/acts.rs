//! Acts: logins, revocations, touches and the purge, as transactions that begin and commit.

use crate::guard::Guard as G;
use crate::model::{Protocol, Step};
use crate::state::{Act, LEASE, Login, Message, NO_END, Row, State, Who};
use crate::world::{Revocation, World};

/// What the idle end is moved by.
const IDLE: i8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActStep {
    /// A revocation's transaction begins: a process' or somebody's in psql.
    Begin(Revocation, Option<Who>),
    Commit,
    /// The process that revokes answers.
    Answer,
    Unblock,
    LoginChecks,
    LoginCommits,
    LoginAnswers,
    /// The statement of a touch runs.
    TouchRuns,
    TouchCommits,
    /// A touch also writes to the caches.
    TouchRestamps,
    Purge,
}

impl Protocol {
    pub(crate) fn offer_acts(&self, state: &State, steps: &mut Vec<Step>) {
        let mut offer = |step| steps.push(Step::Act(step));
        let World { revocations, process_revokes, unblocks, .. } = self.world;
        let db = &state.postgres;
        match state.act {
            Act::None => {
                for &what in revocations.iter().filter(|what| self.can_begin(state, **what)) {
                    offer(ActStep::Begin(what, None));
                    if process_revokes {
                        offer(ActStep::Begin(what, Some(0)));
                    }
                }
            }
            Act::Open { by, .. } => {
                offer(ActStep::Commit);
                if by.is_some() && !self.has(G::CommitBeforeAnswer) && state.acknowledged.is_none() {
                    offer(ActStep::Answer);
                }
            }
            Act::Committed { .. } => offer(ActStep::Answer),
            Act::Over => {}
        }
        if unblocks && db.blocked && state.acknowledged.is_some() {
            offer(ActStep::Unblock);
        }
        match state.login {
            Login::None if matches!(state.act, Act::None) => offer(ActStep::LoginChecks),
            Login::Checked { .. } => {
                offer(ActStep::LoginCommits);
                if !self.has(G::CommitBeforeCookie) {
                    offer(ActStep::LoginAnswers);
                }
            }
            Login::AnsweredFirst { .. } => offer(ActStep::LoginCommits),
            Login::Committed => offer(ActStep::LoginAnswers),
            _ => {}
        }
        if self.world.end != NO_END && db.row == Row::Live {
            let live = db.end > state.clock().tick;
            if db.touching.is_none() && (live || !self.has(G::TouchOnlyLive)) {
                offer(ActStep::TouchRuns);
            }
            if db.touching.is_some() {
                offer(ActStep::TouchCommits);
            }
        }
        if !self.has(G::TouchNeverRestamps) {
            offer(ActStep::TouchRestamps);
        }
        if self.world.legacy && db.row == Row::Revoked && !self.has(G::PurgeKeepsTombstones) {
            offer(ActStep::Purge);
        }
    }

    fn can_begin(&self, state: &State, what: Revocation) -> bool {
        match what {
            Revocation::LogOut => state.postgres.row == Row::Live || self.world.legacy,
            _ => state.login != Login::None,
        }
    }

    pub(crate) fn act(&self, state: &mut State, step: ActStep) {
        match step {
            ActStep::Begin(what, by) => {
                state.act = Act::Open { what, by, saw_row: state.postgres.row != Row::Missing };
            }
            ActStep::Commit => self.commit(state),
            ActStep::Answer => self.answer(state),
            ActStep::Unblock => {
                state.postgres.blocked = false;
                state.postgres.version += 1;
                self.notify(state, Message::DenyUser(state.postgres.version));
                state.dead = false;
                state.acknowledged = None;
            }
            ActStep::LoginChecks => {
                let (credential, epoch) = (state.postgres.credential, state.postgres.epoch);
                state.login = Login::Checked { credential, epoch };
            }
            ActStep::LoginCommits => self.login_commits(state),
            ActStep::LoginAnswers => self.login_answers(state),
            ActStep::TouchRuns => state.postgres.touching = Some(state.clock().tick),
            ActStep::TouchCommits => {
                let ran = state.postgres.touching.take().unwrap_or_default();
                state.postgres.end = state.postgres.end.max(ran + IDLE);
                self.notice_end(state);
            }
            ActStep::TouchRestamps => self.restamp(state),
            ActStep::Purge => state.postgres.row = Row::Missing,
        }
    }

    fn commit(&self, state: &mut State) {
        let Act::Open { what, by, saw_row } = state.act else { return };
        let was = state.postgres.row;
        let db = &mut state.postgres;
        db.row = match (what, was) {
            (Revocation::Block, row) => row,
            // Adopted between the two: an insert that yields to what is there leaves it as it is.
            (Revocation::LogOut, Row::Live) if !saw_row && !self.has(G::TombstoneUpserts) => Row::Live,
            (Revocation::LogOut, Row::Missing) if !self.has(G::LogoutLeavesTombstone) => Row::Missing,
            (Revocation::LogOut, _) | (_, Row::Live) => Row::Revoked,
            (_, Row::Missing) if db.legacy_column && self.has(G::EndAllLeavesTombstones) => Row::Revoked,
            (_, row) => row,
        };
        let revoked = was == Row::Live && db.row == Row::Revoked;
        if what != Revocation::LogOut {
            db.version += 1;
            db.blocked |= what == Revocation::Block;
            if what != Revocation::Block {
                db.epoch += 1;
                db.valid_after = self.world.legacy;
            }
            db.credential += u8::from(what == Revocation::NewPassword);
        }
        // A login that is under way outlives the end of all others, unless its password is the old one.
        state.dead |= what != Revocation::EndAll || was != Row::Missing || self.world.legacy;
        if by.is_some() || self.has(G::DenialsByTrigger) {
            if revoked {
                self.notify(state, Message::DenySession);
            }
            if what != Revocation::LogOut {
                self.notify(state, Message::DenyUser(state.postgres.version));
            }
        }
        state.act = match by {
            Some(by) if state.acknowledged.is_none() => Act::Committed { what, by },
            _ => Act::Over,
        };
        // Who types into psql sees COMMIT at once.
        if by.is_none() {
            state.acknowledged = Some((state.now, None));
        }
    }

    /// Between commit and answer the process denies by itself what it has ended.
    fn answer(&self, state: &mut State) {
        let (what, by) = match state.act {
            Act::Committed { what, by } => (what, by),
            Act::Open { what, by: Some(by), .. } => (what, by),
            _ => return,
        };
        if self.has(G::OwnDenial) {
            if what != Revocation::Block {
                self.deny(state, by, Message::DenySession);
            }
            if what != Revocation::LogOut {
                self.deny(state, by, Message::DenyUser(state.postgres.version));
            }
        }
        state.acknowledged = Some((state.now, Some(by)));
        if matches!(state.act, Act::Committed { .. }) {
            state.act = Act::Over;
        } else {
            state.dead = true;
        }
    }

    fn login_commits(&self, state: &mut State) {
        let (answered, credential, epoch) = match state.login {
            Login::Checked { credential, epoch } => (false, credential, epoch),
            Login::AnsweredFirst { credential, epoch } => (true, credential, epoch),
            _ => return,
        };
        let db = &mut state.postgres;
        if db.blocked || (self.has(G::LoginKeepsCredential) && credential != db.credential) {
            state.login = Login::Refused;
            return;
        }
        db.row = Row::Live;
        db.row_epoch = if self.has(G::LoginTakesEpochUnderLock) { db.epoch } else { epoch };
        state.login = if answered { Login::Answered } else { Login::Committed };
        if !self.has(G::OnlyLookUpsWrite) {
            self.keep_late(state, 0);
        }
    }

    fn login_answers(&self, state: &mut State) {
        state.login = match state.login {
            Login::Checked { credential, epoch } => Login::AnsweredFirst { credential, epoch },
            _ => Login::Answered,
        };
    }

    /// A login that has not answered leaves a row at most, and nobody who was told of it.
    pub(crate) fn login_dies(state: &mut State) {
        match state.login {
            Login::Checked { .. } | Login::Committed => state.login = Login::Refused,
            // Nothing is left that would write the row.
            Login::AnsweredFirst { .. } => state.login = Login::Answered,
            _ => {}
        }
    }

    /// Whether a look-up by this process that starts now has to say no.
    pub(crate) fn owes_no(&self, state: &State, who: Who) -> bool {
        let revoked = state.dead
            && state.acknowledged.is_some_and(|(at, by)| {
                let at_once = by == Some(who) || self.world.context == crate::state::Context::Admin;
                at_once || state.now >= at + LEASE
            });
        revoked || state.ended || self.world.context != self.world.token
    }

    /// Whether a look-up that ends now must not say no.
    pub(crate) fn owes_yes(&self, state: &State) -> bool {
        matches!(state.login, Login::Answered | Login::AnsweredFirst { .. })
            && !state.dead
            && state.acknowledged.is_none()
            && !state.ended
            && state.postgres.end > state.clock().tick
            && self.world.context == self.world.token
    }
}
