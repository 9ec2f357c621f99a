//! Several processes of each application behind haproxy, restarted one after the other amid load.

use std::time::Duration;

use test_support::{
    App, AppBuilder, TestDatabase, TestProxy, TestRedis, eventually, ordinary_or_long, tally,
};

use crate::load::{Load, people};

/// Long enough for haproxy to ask twice.
const DRAIN: &str = "1";

struct Fleet {
    instances: Vec<App>,
    builder: AppBuilder,
    port_variable: &'static str,
}

impl Fleet {
    fn start(name: &'static str, database: &TestDatabase, redis: &TestRedis) -> Self {
        let port_variable = if name == "admin-panel" { "ADMIN_PORT" } else { "WEB_PORT" };
        let builder = App::builder(name)
            .database(database)
            .redis(redis)
            .env("DRAIN_SECONDS", DRAIN)
            .env("TRUSTED_PROXIES", "127.0.0.1");
        let start = |_| builder.clone().env(port_variable, &TestProxy::free_port().to_string()).start();
        let instances = (0..2).map(start).collect();
        Self { instances, builder, port_variable }
    }

    fn servers(&self, name: &str) -> String {
        let server =
            |(number, app): (usize, &App)| format!("  server {name}{number} 127.0.0.1:{}\n", app.port());
        self.instances.iter().enumerate().map(server).collect()
    }

    /// Ends one by SIGTERM and starts it anew on its port, as an upgrade does.
    fn restart_each(&mut self) {
        for index in 0..self.instances.len() {
            let old = &self.instances[index];
            let port = old.port();
            assert_eq!(old.terminate(), Some(0), "it ends in order: {}", old.log());
            let new = self.builder.clone().env(self.port_variable, &port.to_string()).start();
            new.wait_for_lease();
            self.instances[index] = new;
            // Until haproxy has found it, the other one is alone.
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

fn configuration(web: &Fleet, admin: &Fleet) -> String {
    let section = |name: &str, bind: &str, fleet: &Fleet| {
        format!(
            "listen {name}\n  bind 127.0.0.1:{bind}\n  option httpchk GET /readyz\n  http-check expect status 200\n  \
             default-server check inter 200ms fall 1 rise 1\n{}",
            fleet.servers(name)
        )
    };
    let admin_port = TestProxy::free_port();
    format!(
        "global\n  maxconn 500\ndefaults\n  mode http\n  option forwardfor\n  option redispatch\n  retries 3\n  \
         timeout connect 1s\n  timeout client 10s\n  timeout server 10s\n  timeout check 1s\n{}{}# {admin_port}\n",
        section("web", "@PORT@", web),
        section("admin", &admin_port.to_string(), admin)
    )
}

#[test]
fn a_rolling_restart_of_both_applications_under_load_fails_no_request_c9() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let mut web = Fleet::start("web", &database, &redis);
    let mut admin = Fleet::start("admin-panel", &database, &redis);
    let configuration = configuration(&web, &admin);
    let admin_port = configuration.trim_end().rsplit("# ").next().unwrap().to_owned();
    let proxy = TestProxy::start("haproxy", &configuration);
    let doors = [format!("http://127.0.0.1:{}", proxy.port()), format!("http://127.0.0.1:{admin_port}")];
    for door in &doors {
        eventually("haproxy has found somebody", Duration::from_secs(10), || {
            let answer = test_support::Client::new(door).request("GET", "/healthz").try_send().ok();
            answer.filter(|answer| answer.status == 200).map(drop)
        });
    }
    let loads = vec![
        Load::new(&doors[..1], people(&database, "person", 4, "user")),
        Load::new(&doors[1..], people(&database, "staff", 3, "support")),
    ];
    let outcomes = Load::run_all(loads, || {
        for _ in 0..ordinary_or_long(1, 10) {
            web.restart_each();
            admin.restart_each();
        }
    });
    for (name, outcome) in ["web", "admin-panel"].iter().zip(&outcomes) {
        tally(&format!("Rolling restart of two {name} behind haproxy under load"), outcome);
    }
    for outcome in outcomes {
        outcome.assert_flawless();
    }
}

#[test]
fn a_process_that_is_told_to_end_is_not_ready_at_once_and_goes_on_c9() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let app = App::builder("web").database(&database).redis(&redis).env("DRAIN_SECONDS", "3").start();
    let alice = app.register("alice@example.com", crate::load::PASSWORD);
    assert_eq!(app.anon().get("/readyz").header("connection"), None);
    std::thread::scope(|scope| {
        let ending = scope.spawn(|| app.terminate());
        eventually("it is not ready", Duration::from_secs(2), || {
            let ready = app.anon().get("/readyz");
            (ready.status == 503 && ready.json()["draining"] == true).then_some(())
        });
        let me = alice.me();
        assert_eq!((me.status, me.header("connection")), (200, Some("close")));
        assert_eq!(app.anon().get("/healthz").status, 200, "it lives");
        assert_eq!(app.log_in("alice@example.com", crate::load::PASSWORD).me().status, 200, "it answers");
        assert_eq!(ending.join().unwrap(), Some(0));
    });
    assert!(app.anon().request("GET", "/healthz").try_send().is_err(), "it has ended");
}
