//! What the model remembers: Postgres, Redis, the processes, and who was told what.

use crate::guard::Invariant;
use crate::world::{Revocation, World};

/// Time in steps. A lease lasts one, an entry counts for two, a denial is kept for three.
pub(crate) type Tick = i8;

pub(crate) const LEASE: Tick = 1;
pub(crate) const AGE: Tick = 2;
pub(crate) const KEPT: Tick = 3;

/// The end of a session that does not end within the model.
pub(crate) const NO_END: Tick = Tick::MAX;

/// The number of a process.
pub(crate) type Who = usize;

/// A reading of Postgres' clock. Readings in one tick are ordered by the streams that began between them,
/// since that is the one comparison that is finer than a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stamp {
    pub(crate) tick: Tick,
    pub(crate) order: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Context {
    Web,
    Admin,
}

/// Where a value in Redis comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// A look-up of this session wrote it.
    Genuine,
    /// Somebody without the key made it up.
    Forged,
    /// A genuine value of another session, or of this one in another context, put under this key.
    Copied,
}

/// What a cache holds: what one statement read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) read_at: Stamp,
    pub(crate) version: u8,
    pub(crate) incarnation: u8,
    pub(crate) end: Tick,
    pub(crate) origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Row {
    /// Not there: not yet, or an older token that was never adopted, or purged.
    Missing,
    Live,
    Revoked,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Postgres {
    pub(crate) row: Row,
    /// The idle end of the row.
    pub(crate) end: Tick,
    /// The user's epoch at login, as the row has it.
    pub(crate) row_epoch: u8,
    pub(crate) epoch: u8,
    pub(crate) credential: u8,
    pub(crate) version: u8,
    pub(crate) blocked: bool,
    /// `users.auth_token` holds the token; the older software reads and writes it.
    pub(crate) legacy_column: bool,
    /// `users.sessions_valid_after` lies after the legacy value in Redis.
    pub(crate) valid_after: bool,
    /// How many streams began.
    pub(crate) order: u8,
    pub(crate) incarnation: u8,
    /// How far this server's clock is behind the one before it.
    pub(crate) behind: Tick,
    /// When the statement of a touch ran that has not committed.
    pub(crate) touching: Option<Tick>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Redis {
    /// Step by step: the value that stands under the key.
    pub(crate) value: Option<Entry>,
    /// Step by step: what a replica or a backup has of it.
    pub(crate) older: Option<Entry>,
    /// What was sent. Step by step it may still land; otherwise a read may find any of it, or nothing.
    pub(crate) sent: Vec<Entry>,
    /// A legacy key, which carries no MAC.
    pub(crate) legacy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Near {
    Empty,
    Live(Entry),
    /// A no that is remembered.
    Dead,
}

/// A look-up between its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum LookUp {
    None,
    /// An entry is in hand, nothing is checked.
    Holds(Entry),
    /// The first check is passed; by an uptime that was read before it, where the age is taken by that one.
    Passed(Entry, Tick),
    /// No row, but the token stands in a legacy column: to be adopted. What the look-up owed when it
    /// started.
    LegacyHit {
        owes_no: bool,
    },
}

/// A look-up that got its yes from Postgres, before it is written into the caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fill {
    pub(crate) entry: Entry,
    /// `read_at` is taken when it is written, not when it was read.
    pub(crate) stamped_late: bool,
}

/// What comes over the listening connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Message {
    DenySession,
    DenyUser(u8),
    /// A reply to the beat of that uptime, what Postgres' clock was ahead of it, and whether another backend sent it.
    Reply(Tick, Tick, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Down,
    /// One of its two statements is answered.
    Half,
    Runs,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Stream {
    pub(crate) stage: Stage,
    /// Postgres sends notifications here.
    pub(crate) listens: bool,
    /// Notifications get lost on the way, since something stands in between.
    pub(crate) deaf: bool,
    /// Something in between has moved the connection to another backend.
    pub(crate) moved: bool,
    /// Nothing arrives any more; the process does not know yet.
    pub(crate) cut: bool,
    pub(crate) socket: Vec<Message>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    /// Time that this process' clock did not see.
    pub(crate) slept: Tick,
    pub(crate) near: Near,
    pub(crate) look_up: LookUp,
    pub(crate) fill: Option<Fill>,
    pub(crate) stream: Stream,
    pub(crate) start: Option<Stamp>,
    pub(crate) incarnation: u8,
    pub(crate) lease_until: Tick,
    /// Postgres' clock minus uptime.
    pub(crate) ahead: Tick,
    pub(crate) denied_session: Option<Tick>,
    pub(crate) denied_user: Option<(u8, Tick)>,
}

/// A revocation on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    None,
    /// Its transaction is open; whether it saw a row.
    Open {
        what: Revocation,
        by: Option<Who>,
        saw_row: bool,
    },
    Committed {
        what: Revocation,
        by: Who,
    },
    Over,
}

/// A login on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Login {
    None,
    /// The password was checked, against these.
    Checked {
        credential: u8,
        epoch: u8,
    },
    Committed,
    /// The cookie is out.
    Answered,
    /// The cookie is out, the row is not there.
    AnsweredFirst {
        credential: u8,
        epoch: u8,
    },
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) now: Tick,
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
    pub(crate) processes: Vec<Process>,
    pub(crate) act: Act,
    pub(crate) login: Login,
    /// What a revocation that has committed, or time, put an end to.
    pub(crate) dead: bool,
    /// When the revocation was acknowledged, and by which process, if by one.
    pub(crate) acknowledged: Option<(Tick, Option<Who>)>,
    /// The end has passed with no touch under way.
    pub(crate) ended: bool,
    pub(crate) faults_left: u8,
    pub(crate) broken: Option<Invariant>,
}

impl Process {
    /// A process that has just started.
    pub(crate) fn started(slept: Tick) -> Self {
        Self {
            slept,
            near: Near::Empty,
            look_up: LookUp::None,
            fill: None,
            stream: Stream::down(),
            start: None,
            incarnation: 0,
            lease_until: Tick::MIN,
            ahead: 0,
            denied_session: None,
            denied_user: None,
        }
    }
}

impl Stream {
    pub(crate) fn down() -> Self {
        Self { stage: Stage::Down, listens: false, deaf: false, moved: false, cut: false, socket: Vec::new() }
    }
}

impl State {
    /// A session that was logged in to, unless the world begins before the login; streams run, without a
    /// lease yet.
    pub(crate) fn first(world: &World) -> Self {
        let mut process = Process::started(0);
        if world.streams_run {
            process.stream.stage = Stage::Runs;
            process.stream.listens = true;
            process.start = Some(Stamp { tick: 0, order: 0 });
        }
        let row = if world.login || world.legacy { Row::Missing } else { Row::Live };
        Self {
            now: 0,
            postgres: Postgres {
                row,
                end: world.end,
                row_epoch: 0,
                epoch: 0,
                credential: 0,
                version: 0,
                blocked: false,
                legacy_column: world.legacy && !world.legacy_in_redis,
                valid_after: false,
                order: 0,
                incarnation: 0,
                behind: 0,
                touching: None,
            },
            redis: Redis { legacy: world.legacy_in_redis, ..Redis::default() },
            processes: vec![process; world.processes],
            act: Act::None,
            login: if world.login { Login::None } else { Login::Answered },
            dead: false,
            acknowledged: None,
            ended: false,
            faults_left: world.faults_at_once,
            broken: None,
        }
    }

    /// Postgres' clock.
    pub(crate) fn clock(&self) -> Stamp {
        Stamp { tick: self.now - self.postgres.behind, order: self.postgres.order }
    }

    pub(crate) fn uptime(&self, who: Who) -> Tick {
        self.now - self.processes[who].slept
    }

    /// What a look-up reads now.
    pub(crate) fn read(&self) -> Entry {
        Entry {
            read_at: self.clock(),
            version: self.postgres.version,
            incarnation: self.postgres.incarnation,
            end: self.postgres.end,
            origin: Origin::Genuine,
        }
    }
}
