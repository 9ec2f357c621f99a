//! A mode of the suite: a strategy, of what kind Redis is and what it does, and whether tokens of the older software
//! count.

use std::collections::BTreeMap;

use constants::MigrationStrategy::{self, Gradual, MockOnly, MockWithWriteThrough, ProductionOnly};
use test_support::{App, AppBuilder, BOT_TOKEN, RedisGroup, TestDatabase, TestOutbox, TestRedis};

/// What Redis does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redis {
    Up,
    /// It is emptied after each act.
    Flushed,
    Stopped,
}

pub(crate) const REDIS: [Redis; 3] = [Redis::Up, Redis::Flushed, Redis::Stopped];

/// Of what kind Redis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    One,
    Cluster,
    Sentinel,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::One, Kind::Cluster, Kind::Sentinel];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode {
    pub(crate) strategy: MigrationStrategy,
    pub(crate) kind: Kind,
    pub(crate) redis: Redis,
    pub(crate) legacy: bool,
}

const fn mode(strategy: MigrationStrategy, redis: Redis, legacy: bool) -> Mode {
    Mode { strategy, kind: Kind::One, redis, legacy }
}

impl Mode {
    const fn on(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }
}

/// Every mode. `suite.rs` fails when one is missing.
pub(crate) const MODES: &[Mode] = &[
    mode(MockOnly, Redis::Up, true),
    mode(MockOnly, Redis::Up, false),
    mode(MockOnly, Redis::Flushed, true),
    mode(MockOnly, Redis::Flushed, false),
    mode(MockOnly, Redis::Stopped, true),
    mode(MockOnly, Redis::Stopped, false),
    mode(MockWithWriteThrough, Redis::Up, true),
    mode(MockWithWriteThrough, Redis::Up, false),
    mode(MockWithWriteThrough, Redis::Flushed, true),
    mode(MockWithWriteThrough, Redis::Flushed, false),
    mode(MockWithWriteThrough, Redis::Stopped, true),
    mode(MockWithWriteThrough, Redis::Stopped, false),
    mode(Gradual, Redis::Up, true),
    mode(Gradual, Redis::Up, false),
    mode(Gradual, Redis::Flushed, true),
    mode(Gradual, Redis::Flushed, false),
    mode(Gradual, Redis::Stopped, true),
    mode(Gradual, Redis::Stopped, false),
    mode(ProductionOnly, Redis::Up, true),
    mode(ProductionOnly, Redis::Up, false),
    mode(ProductionOnly, Redis::Flushed, true),
    mode(ProductionOnly, Redis::Flushed, false),
    mode(ProductionOnly, Redis::Stopped, true),
    mode(ProductionOnly, Redis::Stopped, false),
    mode(MockWithWriteThrough, Redis::Up, true).on(Kind::Cluster),
    mode(MockWithWriteThrough, Redis::Up, false).on(Kind::Cluster),
    mode(MockWithWriteThrough, Redis::Flushed, true).on(Kind::Cluster),
    mode(MockWithWriteThrough, Redis::Flushed, false).on(Kind::Cluster),
    mode(MockWithWriteThrough, Redis::Stopped, true).on(Kind::Cluster),
    mode(MockWithWriteThrough, Redis::Stopped, false).on(Kind::Cluster),
    mode(Gradual, Redis::Up, true).on(Kind::Cluster),
    mode(Gradual, Redis::Up, false).on(Kind::Cluster),
    mode(Gradual, Redis::Flushed, true).on(Kind::Cluster),
    mode(Gradual, Redis::Flushed, false).on(Kind::Cluster),
    mode(Gradual, Redis::Stopped, true).on(Kind::Cluster),
    mode(Gradual, Redis::Stopped, false).on(Kind::Cluster),
    mode(ProductionOnly, Redis::Up, true).on(Kind::Cluster),
    mode(ProductionOnly, Redis::Up, false).on(Kind::Cluster),
    mode(ProductionOnly, Redis::Flushed, true).on(Kind::Cluster),
    mode(ProductionOnly, Redis::Flushed, false).on(Kind::Cluster),
    mode(ProductionOnly, Redis::Stopped, true).on(Kind::Cluster),
    mode(ProductionOnly, Redis::Stopped, false).on(Kind::Cluster),
    mode(MockWithWriteThrough, Redis::Up, true).on(Kind::Sentinel),
    mode(MockWithWriteThrough, Redis::Up, false).on(Kind::Sentinel),
    mode(MockWithWriteThrough, Redis::Flushed, true).on(Kind::Sentinel),
    mode(MockWithWriteThrough, Redis::Flushed, false).on(Kind::Sentinel),
    mode(MockWithWriteThrough, Redis::Stopped, true).on(Kind::Sentinel),
    mode(MockWithWriteThrough, Redis::Stopped, false).on(Kind::Sentinel),
    mode(Gradual, Redis::Up, true).on(Kind::Sentinel),
    mode(Gradual, Redis::Up, false).on(Kind::Sentinel),
    mode(Gradual, Redis::Flushed, true).on(Kind::Sentinel),
    mode(Gradual, Redis::Flushed, false).on(Kind::Sentinel),
    mode(Gradual, Redis::Stopped, true).on(Kind::Sentinel),
    mode(Gradual, Redis::Stopped, false).on(Kind::Sentinel),
    mode(ProductionOnly, Redis::Up, true).on(Kind::Sentinel),
    mode(ProductionOnly, Redis::Up, false).on(Kind::Sentinel),
    mode(ProductionOnly, Redis::Flushed, true).on(Kind::Sentinel),
    mode(ProductionOnly, Redis::Flushed, false).on(Kind::Sentinel),
    mode(ProductionOnly, Redis::Stopped, true).on(Kind::Sentinel),
    mode(ProductionOnly, Redis::Stopped, false).on(Kind::Sentinel),
];

/// The servers of a kind of Redis.
pub(crate) enum Servers {
    One(TestRedis),
    Group(RedisGroup),
}

impl Servers {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::One => Self::One(TestRedis::start()),
            Kind::Cluster => Self::Group(RedisGroup::cluster()),
            Kind::Sentinel => Self::Group(RedisGroup::sentinel()),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::One(redis) => redis.url(),
            Self::Group(redis) => redis.url(),
        }
    }

    fn stop(&self) {
        match self {
            Self::One(redis) => redis.stop(),
            Self::Group(redis) => redis.stop(),
        }
    }

    fn flush(&self) {
        match self {
            Self::One(redis) => redis.flush(),
            Self::Group(redis) => redis.flush(),
        }
    }

    pub(crate) fn dump(&self) -> BTreeMap<String, String> {
        match self {
            Self::One(redis) => redis.dump(),
            Self::Group(redis) => redis.dump(),
        }
    }

    pub(crate) fn command(&self, words: &[&str]) {
        match self {
            Self::One(redis) => redis.command(words),
            Self::Group(redis) => redis.command(words),
        };
    }
}

/// Both applications in a mode, with their stores.
pub(crate) struct Stage {
    pub(crate) mode: Mode,
    pub(crate) database: TestDatabase,
    pub(crate) outbox: TestOutbox,
    pub(crate) web: App,
    pub(crate) admin: App,
    pub(crate) redis: Servers,
}

impl Stage {
    pub(crate) fn of(mode: Mode) -> Self {
        let (database, outbox) = (TestDatabase::new(), TestOutbox::new());
        let redis = Servers::of(mode.kind);
        let builder = |name| builder(name, mode, &database, &redis, &outbox);
        let (web, admin) = (builder("web").start(), builder("admin-panel").start());
        if mode.redis == Redis::Stopped {
            redis.stop();
        }
        Self { mode, database, outbox, web, admin, redis }
    }

    /// A further web process, whose sessions live for a second.
    pub(crate) fn short_lived(&self) -> App {
        let builder = builder("web", self.mode, &self.database, &self.redis, &self.outbox);
        builder.env("SESSION_IDLE_SECONDS", "1").env("SESSION_ABSOLUTE_SECONDS", "1").start()
    }

    /// What happens to Redis between two acts.
    pub(crate) fn disturb(&self) {
        if self.mode.redis == Redis::Flushed {
            self.redis.flush();
        }
    }

    /// Whether Postgres has the sessions.
    pub(crate) fn in_postgres(&self) -> bool {
        self.mode.strategy != MockOnly
    }

    /// Whether "nobody knows" is the answer to a token that has no row, since it might be one of the older software's
    /// keys in Redis. In `mock-only` nobody else can know it.
    pub(crate) fn unknown_is_503(&self) -> bool {
        self.mode.strategy != MockOnly && self.mode.legacy && self.mode.redis == Redis::Stopped
    }
}

fn builder(
    name: &'static str,
    mode: Mode,
    database: &TestDatabase,
    redis: &Servers,
    outbox: &TestOutbox,
) -> AppBuilder {
    App::builder(name)
        .database(database)
        .env("REDIS_URL", &redis.url())
        .env("MIGRATION_STRATEGY", mode.strategy.as_str())
        .env("LEGACY_TOKENS", if mode.legacy { "dual-write" } else { "off" })
        .env("TELEGRAM_BOT_TOKEN", BOT_TOKEN)
        .env("OUTBOX_DIR", &outbox.directory())
}
