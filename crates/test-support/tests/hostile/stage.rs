//! Both applications on one database and one Redis, with somebody logged in, and all that must not change.

use std::collections::BTreeMap;

use test_support::{
    Actor, App, AppBuilder, BOT_TOKEN, Row, TestDatabase, TestOutbox, TestRedis, raw_exchange,
};

pub(crate) const PASSWORD: &str = "correct horse battery";

const ADMIN: &str = "admin@example.com";
const SOMEBODY: &str = "somebody@example.com";

/// An application, and somebody who has a session in it.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) database: TestDatabase,
    pub(crate) redis: TestRedis,
    pub(crate) app: App,
    /// Somebody else, to whom things may be done.
    pub(crate) somebody: String,
    _outbox: TestOutbox,
}

impl Stage {
    /// In development, where the names of cookies have no prefix.
    pub(crate) fn development(name: &'static str) -> Self {
        Self::start(name, |builder| builder)
    }

    /// In production.
    pub(crate) fn production(name: &'static str) -> Self {
        Self::start(name, |builder| {
            let builder = builder.env("APP_ENV", "production").env("LEGACY_TOKENS", "dual-write");
            builder.env("PUBLIC_URL", "https://own.example").without("OUTBOX_DIR")
        })
    }

    fn start(name: &'static str, change: impl FnOnce(AppBuilder) -> AppBuilder) -> Self {
        let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
        let mut builder = App::builder(name).database(&database).redis(&redis);
        builder = builder.env("OUTBOX_DIR", &outbox.directory()).env("TELEGRAM_BOT_TOKEN", BOT_TOKEN);
        for limit in [
            "LOGINS_PER_ACCOUNT",
            "LOGINS_PER_ADDRESS",
            "REGISTRATIONS_PER_ADDRESS",
            "SMS_PER_PHONE",
            "SMS_PER_PHONE_AND_DAY",
            "SMS_PER_ADDRESS",
        ] {
            builder = builder.env(&format!("LIMIT_{limit}"), "1000000");
        }
        let app = change(builder).start();
        for (email, role) in [(ADMIN, "admin"), (SOMEBODY, "user")] {
            create(&database, email, role);
        }
        let somebody = database.value(&format!("SELECT id::text FROM users WHERE email = '{SOMEBODY}'"));
        Self { name, database, redis, app, somebody, _outbox: outbox }
    }

    /// The administrator, in a new session.
    pub(crate) fn log_in(&self) -> Actor {
        self.app.log_in(ADMIN, PASSWORD)
    }

    /// Everything that no refused request may change, but for when a session was last used.
    pub(crate) fn state(&self) -> (Vec<Row>, BTreeMap<String, String>) {
        let rows = self.database.query(
            "SELECT 'user', to_jsonb(u)::text FROM users u UNION ALL
             SELECT 'right', to_jsonb(p)::text FROM user_permissions p UNION ALL
             SELECT 'session', (to_jsonb(s) - 'last_activity' - 'expires_at')::text FROM sessions s UNION ALL
             SELECT 'audit', to_jsonb(a)::text FROM audit_log a ORDER BY 1, 2",
        );
        (rows, self.redis.dump())
    }

    /// The rows alone: what Redis has of a live session comes and goes.
    pub(crate) fn rows(&self) -> Vec<Row> {
        self.state().0
    }

    /// Sends bytes, and returns the status, if there is any answer, and all of it.
    pub(crate) fn exchange(&self, bytes: &[u8]) -> (Option<u16>, String) {
        let answer = raw_exchange(self.app.port(), bytes);
        (status(&answer), answer)
    }
}

fn create(database: &TestDatabase, email: &str, role: &str) {
    let hash =
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM";
    database.execute(&format!(
        "INSERT INTO users (email, hashed_password, role) VALUES ('{email}', '{hash}', '{role}')"
    ));
}

/// The status of an answer as it came over the wire.
pub(crate) fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ").or(answer.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()
}
