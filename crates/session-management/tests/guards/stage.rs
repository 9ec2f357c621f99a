//! A Postgres, a Redis, and processes on them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use constants::{ApplicationContext, Environment, LegacyTokens, MigrationStrategy};
use identity_db::{DatabaseConfig, fail};
use session_management::Origin;
use session_management::manager::Freshness;
use session_management::{
    Clock, ManagerConfiguration, ManualClock, RedisConfiguration, SessionToken, SystemClock, UserManager,
    UserManagerFactory,
};
use test_support::{PostgresProxy, TestDatabase, TestRedis, eventually};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

const SOON: Duration = Duration::from_secs(20);

/// Longer than a lease.
pub(crate) const BOUND: Duration = Duration::from_millis(600);

/// Shorter than an entry counts.
pub(crate) const FOUR_MINUTES: Duration = Duration::from_secs(4 * 60);

/// Longer than a denial is kept, which is longer than an entry counts.
pub(crate) const ELEVEN_MINUTES: Duration = Duration::from_secs(11 * 60);

/// Failpoints are the whole test program's, so that one scenario at a time has them.
static ALONE: Mutex<()> = Mutex::new(());

pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) database: TestDatabase,
    pub(crate) redis: TestRedis,
    sessions: AtomicU32,
    _alone: MutexGuard<'static, ()>,
}

/// A session that somebody is logged in by.
pub(crate) struct Session {
    pub(crate) token: SessionToken,
    pub(crate) id: String,
    pub(crate) email: String,
}

/// What a process is told at its start.
pub(crate) struct Setup {
    pub(crate) context: ApplicationContext,
    pub(crate) url: String,
    pub(crate) clock_ahead: Duration,
    pub(crate) legacy_tokens: LegacyTokens,
}

/// A process: a manager, with a clock that stands still until it is moved, whose denials come through a proxy.
pub(crate) struct Process<'a> {
    stage: &'a Stage,
    pub(crate) manager: Arc<dyn UserManager>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) proxy: PostgresProxy,
    /// Dropped first: then the listener ends.
    _until: oneshot::Sender<()>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, _) in fail::list() {
            fail::remove(name);
        }
        // What is held up is held up for as long as it takes.
        fail::cfg("stream::patience", "return").unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(6).enable_all().build();
        Self {
            runtime: runtime.unwrap(),
            database: TestDatabase::new(),
            redis: TestRedis::start(),
            sessions: AtomicU32::new(0),
            _alone: alone,
        }
    }

    /// A process of web that holds its lease.
    pub(crate) fn process(&self) -> Process<'_> {
        let process = self.process_without_caches();
        process.wait_for_lease();
        // Without its guard there always is a lease, also before the stream has begun: that takes four answers.
        process.proxy.wait_for_beats();
        process.proxy.wait_for_beats();
        process
    }

    /// One that may not hold it yet.
    pub(crate) fn process_without_caches(&self) -> Process<'_> {
        self.start(&self.setup())
    }

    pub(crate) fn setup(&self) -> Setup {
        Setup {
            context: ApplicationContext::Web,
            url: self.database.url(),
            clock_ahead: Duration::ZERO,
            legacy_tokens: LegacyTokens::Off,
        }
    }

    pub(crate) fn start(&self, setup: &Setup) -> Process<'_> {
        self.start_behind(PostgresProxy::start(&setup.url), setup)
    }

    pub(crate) fn start_behind(&self, proxy: PostgresProxy, setup: &Setup) -> Process<'_> {
        let clock = Arc::new(ManualClock::at(SystemClock.now() + setup.clock_ahead));
        let manager = UserManagerFactory::new(Arc::clone(&clock) as Arc<dyn Clock>)
            .create(&ManagerConfiguration {
                context: setup.context,
                environment: Environment::Production,
                database: Some(DatabaseConfig::new(&*setup.url)),
                listen_url: Some(proxy.url(&setup.url)),
                replica: None,
                near_entries: 1024,
                redis: Some(RedisConfiguration { url: self.redis.url(), max_retries: 3 }),
                lifetimes: None,
                strategy: MigrationStrategy::ProductionOnly,
                legacy_tokens: setup.legacy_tokens,
            })
            .unwrap();
        // It reads the keys.
        self.runtime.block_on(manager.maintain());
        // On a thread of its own, which a test may hold without anybody else noticing.
        let (listener, runtime) = (
            Arc::clone(&manager),
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        );
        let (until, ended) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = listener.follow_denials() => {}
                    _ = ended => {}
                }
            });
        });
        Process { stage: self, manager, clock, proxy, _until: until }
    }

    /// A session of web, as a login would have left it.
    pub(crate) fn session(&self) -> Session {
        self.session_for("web", "1 hour")
    }

    /// A session that lives unused for this long.
    pub(crate) fn session_for(&self, context: &str, idle: &str) -> Session {
        let session = self.token_of_somebody();
        self.insert(&session.token, &session.email, context, idle);
        session
    }

    /// A token without a row, and a person for it.
    pub(crate) fn token_of_somebody(&self) -> Session {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        let email = format!("person{number}@example.com");
        let token = SessionToken::generate();
        let id = token.id().to_string();
        self.database.execute(&format!("INSERT INTO users (email, role) VALUES ('{email}', 'support')"));
        Session { token, id, email }
    }

    /// The row of a session.
    pub(crate) fn insert(&self, token: &SessionToken, email: &str, context: &str, idle: &str) {
        self.database.execute(&format!(
            "INSERT INTO sessions (id, user_id, application_context, expires_at, session_epoch)
             SELECT '{}', id, '{context}', clock_timestamp() + interval '{idle}', session_epoch
             FROM users WHERE email = '{email}'",
            token.id()
        ));
    }

    /// Ends a session as somebody at a psql prompt does.
    pub(crate) fn revoke(&self, session: &Session) {
        assert_eq!(self.change(session, "revoked = true"), 1);
    }

    pub(crate) fn change(&self, session: &Session, what: &str) -> u64 {
        self.database.execute(&format!("UPDATE sessions SET {what} WHERE id = '{}'", session.id))
    }

    /// Does to the ends in a table what four minutes do: an end comes by itself, so that the trigger that would tell of a
    /// change tells of nothing.
    pub(crate) fn let_the_end_come(&self, table: &str, trigger: &str) {
        self.database.execute(&format!(
            "ALTER TABLE {table} DISABLE TRIGGER {trigger};
             UPDATE {table} SET expires_at = expires_at - interval '4 minutes';
             ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}"
        ));
    }

    /// Waits until Postgres says that the session's idle end has passed.
    pub(crate) fn wait_for_the_end_of(&self, session: &Session) {
        let ended =
            format!("SELECT expires_at <= clock_timestamp() FROM sessions WHERE id = '{}'", session.id);
        eventually("the session ends", SOON, || (self.database.value(&ended) == "t").then_some(()));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for (name, _) in fail::list() {
            fail::remove(name);
        }
    }
}

impl Process<'_> {
    /// Whether a look-up that starts now lets the session in.
    pub(crate) fn lets_in(&self, session: &Session) -> bool {
        let origin = Origin::default();
        let looking = self.manager.look_up(&session.token, Freshness::Cached, &origin);
        self.stage.runtime.block_on(looking).unwrap().is_some()
    }

    /// Whether the person of a session that is let in may do something, says a look-up that starts now.
    pub(crate) fn may(&self, session: &Session, permission: &str) -> bool {
        let origin = Origin::default();
        let looking = self.manager.look_up(&session.token, Freshness::Cached, &origin);
        self.stage.runtime.block_on(looking).unwrap().is_some_and(|snapshot| snapshot.may(permission))
    }

    /// A look-up on another thread.
    pub(crate) fn look_up(&self, session: &Session) -> std::thread::JoinHandle<bool> {
        let (manager, token) = (Arc::clone(&self.manager), session.token.clone());
        let runtime = self.stage.runtime.handle().clone();
        std::thread::spawn(move || {
            runtime
                .block_on(manager.look_up(&token, Freshness::Cached, &Origin::default()))
                .unwrap()
                .is_some()
        })
    }

    /// Does what is due between requests.
    pub(crate) fn maintain(&self) {
        self.stage.runtime.block_on(self.manager.maintain());
    }

    pub(crate) fn holds_lease(&self) -> bool {
        self.stage.runtime.block_on(self.manager.health()).lease
    }

    pub(crate) fn wait_for_lease(&self) {
        eventually("the lease", SOON, || self.holds_lease().then_some(()));
    }

    /// Lets the time of a lease pass, for this process alone.
    pub(crate) fn pass_the_bound(&self) {
        self.clock.advance(BOUND);
    }

    /// Lets time pass for everybody, and waits until this process knows of it, and of all that was said before.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.proxy.advance_clock(time);
        self.proxy.wait_for_beats();
    }

    /// Lets the time of a lease pass, while beats are answered.
    pub(crate) fn pass_the_bound_and_hear(&self) {
        self.pass(BOUND);
    }
}
