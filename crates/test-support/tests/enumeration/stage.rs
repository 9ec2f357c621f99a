//! Both applications, and people of every kind.

use test_support::{App, TestDatabase, TestOutbox, TestRedis};

use crate::PASSWORD;

pub(crate) struct Stage {
    pub(crate) web: App,
    pub(crate) panel: App,
    pub(crate) database: TestDatabase,
    pub(crate) outbox: TestOutbox,
    _redis: TestRedis,
}

impl Stage {
    /// Where attempts are counted as ever, but nobody's are used up: the samples of a class are thousands about one person.
    pub(crate) fn new(bot: Option<&str>) -> Self {
        let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
        let start = |name| {
            let mut app = App::builder(name).database(&database).redis(&redis);
            for limit in [
                "LIMIT_LOGINS_PER_ACCOUNT",
                "LIMIT_LOGINS_PER_ADDRESS",
                "LIMIT_SMS_PER_PHONE",
                "LIMIT_SMS_PER_PHONE_AND_DAY",
                "LIMIT_SMS_PER_ADDRESS",
            ] {
                app = app.env(limit, "1000000");
            }
            app = app.env("OUTBOX_DIR", &outbox.directory());
            bot.into_iter().fold(app, |app, bot| app.env("TELEGRAM_BOT_TOKEN", bot)).start()
        };
        let (web, panel) = (start("web"), start("admin-panel"));
        Self { web, panel, database, outbox, _redis: redis }
    }

    /// Accounts whose addresses have the same length, so that answers that repeat one have, too.
    pub(crate) fn people(&self) {
        for name in ["known", "block", "staff", "banned"] {
            let _ = self.web.register(&address(name), PASSWORD);
        }
        self.database.execute(&format!(
            "INSERT INTO users (email, role) VALUES ('{}', 'support'), ('{}', 'user')",
            address("keyless"),
            address("nokey"),
        ));
        self.database.execute(&format!(
            "UPDATE users SET role = 'support' WHERE email IN ('{}', '{}')",
            address("staff"),
            address("banned"),
        ));
        self.database.execute(&format!(
            "UPDATE users SET blocked_at = now() WHERE email IN ('{}', '{}')",
            address("block"),
            address("banned"),
        ));
    }
}

/// The address of somebody, sixteen characters before the `@`.
pub(crate) fn address(name: &str) -> String {
    format!("{name:x<16}@example.com")
}
