//! Every application on one Postgres and one Redis.

use constants::{AppScope, Application, ApplicationContext, cookie};
use test_support::{Actor, App, AppBuilder, Client, TestDatabase, TestRedis};

use crate::{ADA, HASH, PASSWORD};

pub(crate) struct Stage {
    /// In the order of the table.
    apps: Vec<App>,
    pub(crate) redis: TestRedis,
    pub(crate) database: TestDatabase,
}

impl Stage {
    /// With what `set` adds to the settings of each.
    pub(crate) fn new(set: impl Fn(AppBuilder) -> AppBuilder) -> Self {
        let (database, redis) = (TestDatabase::new(), TestRedis::start());
        database.execute(&format!(
            "INSERT INTO users (email, hashed_password, role) VALUES ('{ADA}', '{HASH}', 'admin')"
        ));
        let start =
            |scope: &AppScope| set(App::builder(scope.as_str()).database(&database).redis(&redis)).start();
        let apps = AppScope::ALL.iter().map(start).collect();
        Self { apps, redis, database }
    }

    pub(crate) fn with_legacy_tokens(value: &str) -> Self {
        Self::new(|app| app.env("LEGACY_TOKENS", value))
    }

    pub(crate) fn app(&self, context: ApplicationContext) -> &App {
        &self.apps[context as usize]
    }

    pub(crate) fn apps(&self) -> impl Iterator<Item = (ApplicationContext, &App)> {
        ApplicationContext::ALL.iter().copied().zip(&self.apps)
    }

    /// [`ADA`] in every application.
    pub(crate) fn log_in_everywhere(&self) -> Vec<Actor> {
        self.apps.iter().map(|app| app.log_in(ADA, PASSWORD)).collect()
    }

    /// Each token in its own application, and in no other, however it is presented.
    #[track_caller]
    pub(crate) fn assert_apart(&self, tokens: &[(ApplicationContext, &str)], when: &str) {
        for (own, token) in tokens {
            for (context, app) in self.apps() {
                if context == *own {
                    for client in [app.with_cookie(token), app.with_bearer(token)] {
                        assert_eq!(client.get("/api/me").status, 200, "a token of {own} in {own}, {when}");
                    }
                } else {
                    assert_closed(app, token, &format!("a token of {own} in {context}, {when}"));
                }
            }
        }
    }
}

/// Every way in which a token can be presented to an application.
pub(crate) fn ways(app: &App, token: &str) -> Vec<(String, Client)> {
    let own = Application::ALL.iter().map(|one| one.cookies.session);
    let names = own.chain([cookie::LEGACY_SESSION_ID, cookie::LEGACY_AUTH_TOKEN]);
    let names = names.flat_map(|name| [name.to_owned(), format!("{}{name}", cookie::HOST_PREFIX)]);
    let by_cookie = names.map(|name| {
        let client = app.anon();
        client.add_cookie(&name, token);
        (name, client)
    });
    by_cookie.chain([("bearer".to_owned(), app.with_bearer(token))]).collect()
}

#[track_caller]
pub(crate) fn assert_closed(app: &App, token: &str, what: &str) {
    for (way, client) in ways(app, token) {
        for path in ["/api/me", "/api/sessions", "/api/verify"] {
            let answer = client.get(path);
            assert_eq!(answer.status, 401, "{what}, {way}, {path}: {}", answer.text());
        }
    }
}
