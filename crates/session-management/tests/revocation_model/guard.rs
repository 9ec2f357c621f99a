//! The guards of the protocol: each is a rule that can be taken out of the model.

/// A rule that keeps a revocation in force, a login alive or a token in its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    // When a cached answer may count.
    /// Nothing cached counts without a fresh lease.
    Lease,
    /// A lease runs from before its beat was sent, not from when the reply came.
    LeaseFromStartOfBeat,
    /// The lease is checked before the denials.
    LeaseBeforeDenials,
    /// A denial of the session sends the look-up to Postgres.
    SessionDenial,
    /// A denial of the user sends look-ups of an older version to Postgres.
    UserDenial,
    /// What was read before the start of the stream does not count.
    StreamStart,
    /// What was read from another incarnation of the server does not count.
    Incarnation,
    /// What is older than the age limit does not count.
    AgeLimit,
    /// The age is taken by a clock that is read after the denials.
    AgeClockAfterDenials,
    /// What claims to be from the future does not count.
    NotFromTheFuture,
    /// What is past the end that was read with it does not count.
    EndOfEntry,
    /// A value from Redis carries a valid MAC.
    Mac,
    /// The MAC covers the key, and so the context and the session.
    MacCoversKey,
    /// The value names the session and the context that were asked for.
    ValueNamesItsSession,
    // What is written into a cache, and when.
    /// `read_at` is Postgres' clock, not the reading process'.
    ReadAtOnPostgresClock,
    /// One autocommitted statement: `read_at` is never later than what was read.
    OneStatement,
    /// Only a look-up writes entries, after its statement; an act writes none from what it knows.
    OnlyLookUpsWrite,
    /// A touch never gives an entry a new time.
    TouchNeverRestamps,
    /// "No row" is not remembered.
    MissIsNotRemembered,
    /// A passed idle end is not remembered.
    IdleIsNotRemembered,
    /// A blocked user is not remembered.
    BlockIsNotRemembered,
    // Denials and the stream that carries them.
    /// Postgres' triggers notify, so that a change by anybody counts.
    DenialsByTrigger,
    /// The process that revokes denies in its own set before it answers.
    OwnDenial,
    /// The task that reads the socket applies each denial before it reads on.
    SocketOrder,
    /// Denials are kept for longer than an entry counts.
    KeptLongerThanAge,
    /// Too many denials restart the stream; none is dropped.
    NoneDropped,
    /// The start of the stream is read after `LISTEN` was answered.
    StartAfterListen,
    /// Beats go over the listening connection itself.
    BeatOnSameConnection,
    /// Another backend's reply ends the stream.
    SameBackend,
    /// A probe through the pool must come back before there is a lease.
    Probe,
    /// Uptime goes on while the machine sleeps.
    UptimeCountsSleep,
    // Acts.
    /// A revocation commits, then touches caches, then answers.
    CommitBeforeAnswer,
    /// A login commits before its cookie is out.
    CommitBeforeCookie,
    /// A login opens a session only under the credential that was checked.
    LoginKeepsCredential,
    /// A login takes the user's epoch under the user's lock.
    LoginTakesEpochUnderLock,
    /// A touch moves no end that has passed.
    TouchOnlyLive,
    /// The database keeps a revoked row revoked.
    RevocationIsFinal,
    // The look-up in Postgres, and the legacy step behind it.
    /// The look-up carries the context.
    ContextInLookUp,
    /// The admin context reads no cache.
    AdminReadsNoCache,
    /// The row is read without a filter on its state: a row that has ended is an answer.
    NoStateFilter,
    /// An error is neither yes nor no.
    ErrorIsNeither,
    /// The legacy step follows a positive "no row", never an error.
    LegacyOnlyAfterNoRow,
    /// The legacy step exists in web alone.
    LegacyOnlyInWeb,
    /// An adoption is decided from the row that stands afterwards.
    AdoptionDecidesFromRow,
    /// A legacy step without Redis that finds nothing else is no answer.
    LegacyRedisErrorIsNoAnswer,
    /// Logging out a legacy token leaves a tombstone.
    LogoutLeavesTombstone,
    /// That tombstone is an upsert.
    TombstoneUpserts,
    /// Ending all sessions puts tombstones for the legacy columns.
    EndAllLeavesTombstones,
    /// Ending all sessions voids older legacy values in Redis.
    ValidAfter,
    /// The purge keeps what a legacy column still names.
    PurgeKeepsTombstones,
}

use Guard as G;

impl Guard {
    /// Every guard.
    pub(crate) const ALL: [Self; 50] = [
        G::Lease,
        G::LeaseFromStartOfBeat,
        G::LeaseBeforeDenials,
        G::SessionDenial,
        G::UserDenial,
        G::StreamStart,
        G::Incarnation,
        G::AgeLimit,
        G::AgeClockAfterDenials,
        G::NotFromTheFuture,
        G::EndOfEntry,
        G::Mac,
        G::MacCoversKey,
        G::ValueNamesItsSession,
        G::ReadAtOnPostgresClock,
        G::OneStatement,
        G::OnlyLookUpsWrite,
        G::TouchNeverRestamps,
        G::MissIsNotRemembered,
        G::IdleIsNotRemembered,
        G::BlockIsNotRemembered,
        G::DenialsByTrigger,
        G::OwnDenial,
        G::SocketOrder,
        G::KeptLongerThanAge,
        G::NoneDropped,
        G::StartAfterListen,
        G::BeatOnSameConnection,
        G::SameBackend,
        G::Probe,
        G::UptimeCountsSleep,
        G::CommitBeforeAnswer,
        G::CommitBeforeCookie,
        G::LoginKeepsCredential,
        G::LoginTakesEpochUnderLock,
        G::TouchOnlyLive,
        G::RevocationIsFinal,
        G::ContextInLookUp,
        G::AdminReadsNoCache,
        G::NoStateFilter,
        G::ErrorIsNeither,
        G::LegacyOnlyAfterNoRow,
        G::LegacyOnlyInWeb,
        G::AdoptionDecidesFromRow,
        G::LegacyRedisErrorIsNoAnswer,
        G::LogoutLeavesTombstone,
        G::TombstoneUpserts,
        G::EndAllLeavesTombstones,
        G::ValidAfter,
        G::PurgeKeepsTombstones,
    ];
}

/// The guards that stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guards(u64);

impl Guards {
    /// All but these.
    pub(crate) fn without(removed: &[Guard]) -> Self {
        Self(removed.iter().fold(u64::MAX, |guards, guard| guards & !(1 << *guard as u64)))
    }

    pub(crate) fn has(self, guard: Guard) -> bool {
        self.0 & (1 << guard as u64) != 0
    }
}

/// What the protocol promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Invariant {
    /// An acknowledged revocation is refused by every look-up that starts a lease later or more; at once in
    /// the process that revoked, and in admin. So is a session whose end has passed.
    RevokedIsRefused,
    /// An acknowledged login works until it is revoked, expires, or nobody can tell.
    LoginWorks,
    /// No token counts in another context than its own.
    ContextsApart,
}

impl Invariant {
    pub(crate) const ALL: [Self; 3] = [Self::RevokedIsRefused, Self::LoginWorks, Self::ContextsApart];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RevokedIsRefused => "I1: an acknowledged revocation is refused",
            Self::LoginWorks => "I2: an acknowledged login works",
            Self::ContextsApart => "I3: no token crosses contexts",
        }
    }
}
