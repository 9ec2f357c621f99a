//! The worlds that are explored: which processes, acts and faults there are, and for how long.
//!
//! All guards are kept in each of them to the end of the exploration. One world with everything would be too
//! large, so that each has what a group of guards is there for.

use crate::state::{Context, NO_END, Tick};

/// Ways to end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Revocation {
    /// The row is revoked.
    LogOut,
    /// The user is blocked; the row stays.
    Block,
    /// The epoch rises and the rows are revoked.
    EndAll,
    /// As `EndAll`, with a new password.
    NewPassword,
}

/// What may go wrong. Each costs one of the faults that a world allows, except for errors, which pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// The listening connection is lost, with what is on it; noticed at any time later.
    ListenerCut,
    /// A pooler moves the listening connection to another backend.
    ListenerMoved,
    /// A new stream goes through something that carries no notifications.
    ListenerDeaf,
    TooManyDenials,
    ProcessRestart,
    MachineSleep,
    /// A standby takes over, with all that was committed and a clock that is behind.
    FailOver,
    ForgedValue,
    CopiedValue,
    RedisFlush,
    /// Redis comes back with an older copy.
    RedisOlderCopy,
    PostgresError,
    RedisError,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RedisKind {
    /// Nothing is cached outside of the processes.
    Absent,
    /// A read finds any value that was ever sent, or nothing. That is a Redis that loses, delays, lands
    /// late, is flushed and goes back to older copies as often as it likes.
    AnyOfSent,
    /// The same step by step, with a bounded number of faults.
    StepByStep,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    pub(crate) name: &'static str,
    /// The last tick.
    pub(crate) horizon: Tick,
    /// Full processes: near cache, denials, lease, stream, look-ups that pause between their checks.
    pub(crate) processes: usize,
    /// Their application.
    pub(crate) context: Context,
    /// The application of the token.
    pub(crate) token: Context,
    /// Any further process, as far as the others can feel it: at any time it looks the session up in
    /// Postgres, and its write reaches Redis at any later time, or never. That is all of it, because
    /// processes meet in Postgres and Redis only.
    pub(crate) writer: bool,
    pub(crate) redis: RedisKind,
    pub(crate) revocations: &'static [Revocation],
    /// Process 0 may revoke, besides somebody in psql.
    pub(crate) process_revokes: bool,
    /// Streams run at the beginning.
    pub(crate) streams_run: bool,
    pub(crate) faults: &'static [Fault],
    pub(crate) faults_at_once: u8,
    /// The idle end of the session, which touches move.
    pub(crate) end: Tick,
    /// It begins before the login.
    pub(crate) login: bool,
    /// A block may be lifted.
    pub(crate) unblocks: bool,
    /// It begins with a token of the older software.
    pub(crate) legacy: bool,
    /// That one stands in Redis and not in a column.
    pub(crate) legacy_in_redis: bool,
}

const PLAIN: World = World {
    name: "",
    horizon: 3,
    processes: 1,
    context: Context::Web,
    token: Context::Web,
    writer: false,
    redis: RedisKind::Absent,
    revocations: &[Revocation::LogOut],
    process_revokes: false,
    streams_run: true,
    faults: &[],
    faults_at_once: 1,
    end: NO_END,
    login: false,
    unblocks: false,
    legacy: false,
    legacy_in_redis: false,
};

/// The ways of losing denials.
const LISTENER: &[Fault] = &[
    Fault::ListenerCut,
    Fault::ListenerMoved,
    Fault::TooManyDenials,
    Fault::ProcessRestart,
    Fault::MachineSleep,
];

/// One process and any number of others that write to Redis; the row is revoked by anybody.
pub(crate) const SESSION: World = World {
    name: "session",
    writer: true,
    redis: RedisKind::AnyOfSent,
    process_revokes: true,
    faults: LISTENER,
    faults_at_once: 2,
    ..PLAIN
};

/// The same, where only the user changes: what a denial of the session does not cover.
pub(crate) const USER: World =
    World { name: "user", revocations: &[Revocation::Block, Revocation::EndAll], ..SESSION };

/// No Redis: the near cache alone, and fills that land late.
pub(crate) const NEAR: World = World { name: "near", writer: false, redis: RedisKind::Absent, ..SESSION };

/// Before the first stream, which may go through something that carries no notifications.
pub(crate) const START: World = World {
    name: "start",
    streams_run: false,
    process_revokes: false,
    faults: &[Fault::ListenerDeaf],
    ..SESSION
};

/// Somebody writes to Redis who has no key.
pub(crate) const FORGERY: World = World {
    name: "forgery",
    faults: &[Fault::ForgedValue, Fault::CopiedValue],
    revocations: &[Revocation::LogOut, Revocation::Block],
    process_revokes: false,
    ..SESSION
};

/// Redis step by step, two faults.
pub(crate) const REDIS: World = World {
    name: "redis",
    horizon: 2,
    redis: RedisKind::StepByStep,
    process_revokes: false,
    faults: &[Fault::RedisFlush, Fault::RedisOlderCopy, Fault::ListenerCut],
    faults_at_once: 2,
    ..SESSION
};

/// Two full processes, of which one may revoke.
pub(crate) const PAIR: World = World {
    name: "pair",
    horizon: 2,
    processes: 2,
    writer: false,
    faults: &[Fault::ListenerCut, Fault::ProcessRestart],
    faults_at_once: 1,
    ..SESSION
};

/// Another server takes over.
pub(crate) const FAIL_OVER: World = World {
    name: "fail-over",
    faults: &[Fault::FailOver],
    faults_at_once: 1,
    process_revokes: false,
    revocations: &[Revocation::LogOut, Revocation::Block],
    ..SESSION
};

/// The session ends by itself, and touches move its end.
pub(crate) const END: World = World {
    name: "end",
    end: 2,
    revocations: &[],
    process_revokes: false,
    faults: &[Fault::ListenerCut],
    ..SESSION
};

/// From before the login to after a block was lifted.
pub(crate) const LOGIN: World = World {
    name: "login",
    horizon: 2,
    login: true,
    unblocks: true,
    writer: false,
    redis: RedisKind::Absent,
    revocations: &[Revocation::LogOut, Revocation::Block, Revocation::EndAll, Revocation::NewPassword],
    faults: &[Fault::ListenerCut, Fault::ProcessRestart, Fault::PostgresError],
    faults_at_once: 1,
    ..SESSION
};

/// A token of admin at web's door.
pub(crate) const CONTEXTS: World = World {
    name: "contexts",
    token: Context::Admin,
    faults: &[Fault::CopiedValue],
    process_revokes: false,
    ..SESSION
};

/// A process of admin.
pub(crate) const ADMIN: World = World {
    name: "admin",
    context: Context::Admin,
    token: Context::Admin,
    process_revokes: false,
    ..SESSION
};

/// A token of the older software, in `users.auth_token`.
pub(crate) const LEGACY: World = World {
    name: "legacy",
    horizon: 1,
    legacy: true,
    revocations: &[Revocation::LogOut, Revocation::EndAll],
    faults: &[Fault::PostgresError, Fault::RedisError],
    ..PLAIN
};

/// The same in Redis.
pub(crate) const LEGACY_REDIS: World = World { name: "legacy in redis", legacy_in_redis: true, ..LEGACY };

/// The same at admin's door.
pub(crate) const LEGACY_ADMIN: World = World { name: "legacy at admin", context: Context::Admin, ..LEGACY };
