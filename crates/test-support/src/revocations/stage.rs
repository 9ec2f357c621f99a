//! The servers and processes, and the people on them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use constants::AppScope;

use super::BOUND;
use super::victim::Victim;
use crate::{App, TestDatabase, TestPostgres, TestRedis};

pub(super) const PASSWORD: &str = "correct horse battery";

/// The hash of it, as the applications make it.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM";

/// How long after the end of a session a request may begin that is let in: where nothing is cached, not at all.
pub(super) const fn bound(application: AppScope) -> Duration {
    if application.application().cached { BOUND } else { Duration::ZERO }
}

/// Two processes of each application.
pub(super) struct Stage {
    /// In the order of [`AppScope::ALL`].
    processes: Vec<[App; 2]>,
    pub(super) redis: TestRedis,
    pub(super) database: TestDatabase,
    // Last, so that it outlives the database in it.
    _postgres: TestPostgres,
    people: AtomicUsize,
}

impl Stage {
    pub(super) fn start() -> Self {
        // One of its own: its backends are stopped.
        let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
        let database = postgres.database();
        let app = |scope: &AppScope| {
            App::builder(scope.as_str())
                .database(&database)
                .redis(&redis)
                .env("APP_ENV", "production")
                .env("LEGACY_TOKENS", "off")
                .env("RUST_LOG", "warn,actix_server=off,http_kit=info")
                .start()
        };
        let processes = AppScope::ALL.iter().map(|scope| [app(scope), app(scope)]).collect();
        let stage = Self { processes, redis, database, _postgres: postgres, people: AtomicUsize::new(0) };
        stage.recover();
        stage
    }

    /// The one where sessions are ended, and the one where they are asked for.
    pub(super) fn processes(&self, application: AppScope) -> &[App; 2] {
        &self.processes[application as usize]
    }

    /// Waits until every process that caches holds its lease again.
    pub(super) fn recover(&self) {
        let cached = AppScope::ALL.iter().filter(|scope| scope.application().cached);
        cached.flat_map(|scope| self.processes(*scope)).for_each(App::wait_for_lease);
    }

    /// The token of a session that nobody is going to end.
    pub(super) fn bystander(&self, application: AppScope) -> String {
        self.victims(application, 1).remove(0).token
    }

    /// People with two sessions each, as logins would have left them.
    pub(super) fn victims(&self, application: AppScope, count: usize) -> Vec<Victim> {
        let one = |_| {
            let number = self.people.fetch_add(1, Ordering::Relaxed);
            let email = format!("person{number}@example.com");
            let [token, other_token] = ["one", "other"].map(|which| format!("{which:x<35}{number:08}"));
            self.database.execute(&format!(
                "INSERT INTO users (email, hashed_password, role) VALUES ('{email}', '{HASH}', 'support')"
            ));
            let context = application.context();
            self.database.execute(&format!(
                "INSERT INTO sessions (id, user_id, application_context, expires_at, auth_method, authenticated_at)
                 SELECT session_digest(token), users.id, '{context}', now() + interval '1 hour', 'password', now()
                 FROM users, unnest(ARRAY['{token}', '{other_token}']) AS token WHERE email = '{email}'"
            ));
            let id = self.database.value(&format!("SELECT session_digest('{token}')"));
            Victim { application, email, token, id, other_token }
        };
        (0..count).map(one).collect()
    }

    /// The backends on which denials are sent.
    pub(super) fn listeners(&self) -> Vec<i32> {
        let rows = self.database.query(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_backend_pid()%'
             AND pid <> pg_backend_pid()",
        );
        rows.iter().filter_map(|row| row[0].as_deref()?.parse().ok()).collect()
    }
}
