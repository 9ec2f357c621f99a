//! Two processes of web and one of admin-panel, whose ways to Postgres and Redis can be made bad; and what they are asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use test_support::{
    App, AppBuilder, BOT_TOKEN, FaultProxy, Response, TestDatabase, TestOutbox, TestPostgres, TestRedis,
    eventually,
};

use crate::people::{Person, Register};

/// In which an outage must be told is a second; what a machine on which many tests run may add is as much.
/// `identity-db` tests the budget itself, without all that.
const OUTAGE_IS_TOLD: Duration = Duration::from_millis(1000 + 1000);

/// The same where passwords are hashed, for which many wait in turn.
const OUTAGE_IS_TOLD_AFTER_HASHING: Duration = Duration::from_millis(1000 + 4000);

/// In which everything works again when the stores do is three seconds; the machine may add as much.
const RECOVERY: Duration = Duration::from_secs(3 + 3);

/// In which another process refuses what has ended; SPEC C4.
pub(crate) const BOUND: Duration = Duration::from_millis(500);

/// Wrong passwords of an account from an address.
pub(crate) const GUESSES: usize = 3;

pub(crate) struct Stage {
    pub(crate) web: [App; 2],
    pub(crate) admin: App,
    builder: AppBuilder,
    pub(crate) redis: TestRedis,
    pub(crate) redis_way: FaultProxy,
    pub(crate) postgres_way: FaultProxy,
    pub(crate) outbox: TestOutbox,
    pub(crate) database: TestDatabase,
    // Last, so that it outlives the database in it.
    pub(crate) postgres: Option<TestPostgres>,
    people: Register,
    pub(crate) book: Book,
}

/// What was asked, and what was wrong.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) requests: AtomicUsize,
    pub(crate) acknowledged: AtomicUsize,
    pub(crate) unavailable: AtomicUsize,
    slowest_outage: Mutex<Duration>,
    broken: Mutex<Vec<String>>,
}

/// What an application said of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is this person's.
    LetIn(String),
    Refused,
    /// Nobody knows.
    Unavailable,
    /// Nothing, and it is not because the process has died.
    Nothing,
    Other(u16),
}

impl Stage {
    /// In a Postgres of its own, or in the one that all tests share.
    pub(crate) fn start(own_postgres: bool) -> Self {
        let postgres = own_postgres.then(TestPostgres::start);
        let database = postgres.as_ref().map_or_else(TestDatabase::new, TestPostgres::database);
        let (redis, outbox) = (TestRedis::start(), TestOutbox::new());
        let (postgres_way, redis_way) = (FaultProxy::start(&database.url()), FaultProxy::start(&redis.url()));
        let builder = |name| {
            App::builder(name)
                .env("DATABASE_URL", &postgres_way.url(&database.url()))
                .env("REDIS_URL", &redis_way.url(&redis.url()))
                .env("OUTBOX_DIR", &outbox.directory())
                .env("TRUSTED_PROXIES", "127.0.0.1")
                .env("TELEGRAM_BOT_TOKEN", BOT_TOKEN)
                .env("LIMIT_LOGINS_PER_ACCOUNT", &GUESSES.to_string())
                // Everybody in a race comes from this machine.
                .env("LIMIT_LOGINS_PER_ADDRESS", "1000000")
                .env("LIMIT_REGISTRATIONS_PER_ADDRESS", "1000000")
                .env("LIMIT_SMS_PER_ADDRESS", "1000000")
                .env("RUST_LOG", "error,actix_server=off,http_kit=info")
        };
        let web = [builder("web").start(), builder("web").start()];
        let admin = builder("admin-panel").start();
        let builder = builder("web");
        let (people, book) = (Register::default(), Book::default());
        let stage = Self {
            web,
            admin,
            builder,
            redis,
            redis_way,
            postgres_way,
            outbox,
            database,
            postgres,
            people,
            book,
        };
        stage.recover();
        stage
    }

    pub(crate) fn person(&self) -> Person {
        self.people.person(&self.database)
    }

    /// Somebody who may do everything in admin-panel.
    pub(crate) fn administrator(&self) -> Person {
        let person = self.person();
        self.database.execute(&format!("UPDATE users SET role = 'admin' WHERE id = '{}'", person.id));
        person
    }

    /// Further sessions of web.
    pub(crate) fn further_devices(&self, person: &Person, count: usize) -> Vec<String> {
        self.people.devices(&self.database, person, count)
    }

    /// What the stores know a token by.
    pub(crate) fn id_of(&self, token: &str) -> String {
        self.database.value(&format!("SELECT session_digest('{token}')"))
    }

    /// How a further process of web is started.
    pub(crate) fn web_builder(&self) -> AppBuilder {
        self.builder.clone()
    }

    /// Waits until every process says that all is well; how long that took.
    pub(crate) fn recover(&self) -> Duration {
        let began = Instant::now();
        for app in [&self.web[0], &self.web[1], &self.admin] {
            let wanted: &[&str] = match app.cookie() {
                "adminSessionId" => &["postgres", "redis"],
                _ => &["postgres", "redis", "lease"],
            };
            eventually("all is well again, without a restart", RECOVERY, || {
                let answer = app.anon().request("GET", "/readyz").try_send().ok()?;
                let well = |part: &&str| answer.json()[*part] == "up";
                (answer.status == 200 && wanted.iter().all(well)).then_some(())
            });
        }
        began.elapsed()
    }

    /// Asks whose a session is.
    pub(crate) fn ask(&self, app: &App, token: &str) -> Said {
        let client = app.with_bearer(token);
        let answer = client.request("GET", "/api/me").try_send().ok();
        self.book.note(answer.as_ref());
        match answer {
            None if has_died(app) => Said::Unavailable,
            None => Said::Nothing,
            Some(answer) => match answer.status {
                200 => Said::LetIn(answer.member("/user/id")),
                401 => Said::Refused,
                503 => Said::Unavailable,
                other => Said::Other(other),
            },
        }
    }

    /// Fails unless the session is let in as its person's; while something fails, nobody may know.
    pub(crate) fn must_live(&self, what: &str, app: &App, token: &str, person: &Person, firm: bool) {
        match self.ask(app, token) {
            Said::LetIn(id) if id == person.id => {}
            Said::LetIn(_) => self.book.broken(format!("I6: {what}: it is somebody else's")),
            Said::Unavailable if !firm => {}
            said => self.book.broken(format!("I2: {what}: {said:?}")),
        }
    }

    /// Fails if the session is let in; while something fails, nobody may know.
    pub(crate) fn must_be_dead(&self, what: &str, app: &App, token: &str, firm: bool) {
        match self.ask(app, token) {
            Said::Refused => {}
            Said::Unavailable if !firm => {}
            said => self.book.broken(format!("I1: {what}: {said:?}")),
        }
    }

    /// Fails if a session of one application, or one that nobody has, is let in by another.
    pub(crate) fn must_not_cross(&self, person: &Person, firm: bool) {
        for (app, token) in [(&self.admin, &person.own), (&self.web[0], &person.admin)] {
            match self.ask(app, token) {
                Said::Refused => {}
                Said::Unavailable if !firm => {}
                said => self.book.broken(format!("I3: a session of the other application: {said:?}")),
            }
        }
    }
}

impl Book {
    /// Counts an answer, and looks whether an outage was told in time.
    pub(crate) fn note(&self, answer: Option<&Response>) {
        self.note_within(OUTAGE_IS_TOLD, answer);
    }

    /// The same of a request for which a password is hashed.
    pub(crate) fn note_hashed(&self, answer: Option<&Response>) {
        self.note_within(OUTAGE_IS_TOLD_AFTER_HASHING, answer);
    }

    fn note_within(&self, limit: Duration, answer: Option<&Response>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let Some(answer) = answer.filter(|answer| answer.status == 503) else { return };
        self.unavailable.fetch_add(1, Ordering::Relaxed);
        let mut slowest = lock(&self.slowest_outage);
        *slowest = answer.took.max(*slowest);
        if answer.took > limit {
            self.broken(format!("an outage was told after {:?}", answer.took));
        }
        if !answer.set_cookies().is_empty() {
            self.broken(format!("an outage came with cookies: {:?}", answer.set_cookies()));
        }
        if answer.header("retry-after").is_none() {
            self.broken("an outage without Retry-After".to_owned());
        }
    }

    pub(crate) fn broken(&self, what: String) {
        lock(&self.broken).push(what);
    }

    /// What was wrong since the last call.
    pub(crate) fn take_broken(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.broken))
    }

    pub(crate) fn slowest_outage(&self) -> Duration {
        *lock(&self.slowest_outage)
    }
}

/// Whether a process is gone: its connections end a moment before it does.
pub(crate) fn has_died(app: &App) -> bool {
    let began = Instant::now();
    while app.is_alive() && began.elapsed() < BOUND {
        std::thread::sleep(Duration::from_millis(5));
    }
    !app.is_alive()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
