//! Web, somebody else's application and a proxy in front of both, with Alice, who is logged in.

use test_support::{Actor, App, AppBuilder, Client, TestDatabase, TestRedis};

use crate::PASSWORD;
use crate::proxy::{Kind, Proxy};

pub(crate) const ALICE: &str = "alice@example.com";

pub(crate) struct Stage {
    pub(crate) proxy: Proxy,
    pub(crate) web: App,
    pub(crate) database: TestDatabase,
    pub(crate) redis: TestRedis,
}

impl Stage {
    pub(crate) fn new(kind: Kind, application: u16) -> Self {
        let (database, redis) = (TestDatabase::new(), TestRedis::start());
        let web = behind_a_proxy("web").database(&database).redis(&redis).start();
        web.wait_for_lease();
        let proxy = Proxy::start(kind, web.port(), application);
        Self { proxy, web, database, redis }
    }

    /// Alice with a session of her own, and no cookies but its.
    pub(crate) fn alice(&self) -> Actor {
        self.web.register(ALICE, PASSWORD)
    }

    /// Somebody at the proxy who has this session.
    pub(crate) fn at_proxy(&self, person: &Actor) -> Client {
        let client = self.proxy.anon();
        client.add_cookie(self.web.cookie(), &person.token);
        client
    }
}

/// An application that believes the proxy about addresses, as its page says.
pub(crate) fn behind_a_proxy(name: &'static str) -> AppBuilder {
    App::builder(name).env("TRUSTED_PROXIES", "127.0.0.1")
}
