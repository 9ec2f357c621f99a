//! The servers and processes, and the people on them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::BOUND;
use super::victim::Victim;
use crate::{App, TestDatabase, TestPostgres, TestRedis};

pub(super) const PASSWORD: &str = "correct horse battery";

/// The hash of it, as the applications make it.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM";

/// Which application a session is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Application {
    /// It may answer out of caches.
    Web,
    /// It always asks Postgres.
    AdminPanel,
}

impl Application {
    pub(super) const BOTH: [Self; 2] = [Self::Web, Self::AdminPanel];

    /// How long after the end of a session a request may begin that is let in.
    pub(super) const fn bound(self) -> Duration {
        match self {
            Self::Web => BOUND,
            Self::AdminPanel => Duration::ZERO,
        }
    }

    const fn context(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::AdminPanel => "admin",
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Web => "web",
            Self::AdminPanel => "admin-panel",
        })
    }
}

/// Two processes of each application.
pub(super) struct Stage {
    web: [App; 2],
    admin: [App; 2],
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
        let app = |name| {
            App::builder(name)
                .database(&database)
                .redis(&redis)
                .env("APP_ENV", "production")
                .env("LEGACY_TOKENS", "off")
                .env("RUST_LOG", "warn,actix_server=off,http_kit=info")
                .start()
        };
        let web = [app("web"), app("web")];
        let admin = [app("admin-panel"), app("admin-panel")];
        let stage = Self { web, admin, redis, database, _postgres: postgres, people: AtomicUsize::new(0) };
        stage.recover();
        stage
    }

    /// The one where sessions are ended, and the one where they are asked for.
    pub(super) fn processes(&self, application: Application) -> &[App; 2] {
        match application {
            Application::Web => &self.web,
            Application::AdminPanel => &self.admin,
        }
    }

    /// Waits until every process of web holds its lease again.
    pub(super) fn recover(&self) {
        self.web.iter().for_each(App::wait_for_lease);
    }

    /// The token of a session that nobody is going to end.
    pub(super) fn bystander(&self, application: Application) -> String {
        self.victims(application, 1).remove(0).token
    }

    /// People with two sessions each, as logins would have left them.
    pub(super) fn victims(&self, application: Application, count: usize) -> Vec<Victim> {
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
