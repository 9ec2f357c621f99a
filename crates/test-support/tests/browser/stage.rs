//! Both applications on one database and one Redis, and browsers for the people in front of them.

use test_support::{App, Browser, TestDatabase, TestOutbox, TestRedis};

use crate::{PASSWORD, PHONE};

pub(crate) struct Stage {
    pub(crate) web: App,
    pub(crate) panel: App,
    pub(crate) outbox: TestOutbox,
    pub(crate) database: TestDatabase,
    scripts: bool,
    _redis: TestRedis,
}

impl Stage {
    /// Where browsers run scripts, or do not.
    pub(crate) fn new(scripts: bool) -> Self {
        let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
        let start = |name| {
            let app = App::builder(name).database(&database).redis(&redis);
            app.env("OUTBOX_DIR", &outbox.directory()).start()
        };
        let (web, panel) = (start("web"), start("admin-panel"));
        Self { web, panel, outbox, database, scripts, _redis: redis }
    }

    pub(crate) fn desk(&self) -> Browser {
        Browser::builder().scripts(self.scripts).start()
    }

    pub(crate) fn phone(&self) -> Browser {
        Browser::builder().scripts(self.scripts).user_agent(PHONE).start()
    }

    /// Ada, an administrator.
    pub(crate) fn administrator(&self) -> &'static str {
        let _ = self.web.register("ada@example.com", PASSWORD);
        self.database.execute("UPDATE users SET role = 'admin' WHERE email = 'ada@example.com'");
        "ada@example.com"
    }

    /// Logs in where somebody was sent to the login page.
    #[track_caller]
    pub(crate) fn log_in(&self, browser: &Browser, email: &str, password: &str) {
        browser.arrive("/login");
        browser.submit("#login", &[("email", email), ("password", password)]);
    }
}

/// The page that somebody has open notices that its session has ended: with scripts when they come back to it, else by
/// whatever they do next.
#[track_caller]
pub(crate) fn is_sent_to_login(browser: &Browser) {
    if browser.runs_scripts() {
        browser.look_elsewhere_and_return();
    } else {
        browser.reload();
    }
    browser.arrive("/login");
    assert_eq!(browser.path(), "/login?next=%2Faccount");
    browser.see("#login");
}
