//! Postgres is killed amid load, and its synchronous standby takes over.

use std::time::{Duration, Instant};

use test_support::{App, TestPostgres, TestRedis, eventually, tally};

use crate::load::{Load, people};
use crate::{RECOVERY, part};

#[test]
fn a_failover_to_the_synchronous_standby_under_load_keeps_every_promise_c9() {
    let (primary, redis) = (TestPostgres::start(), TestRedis::start());
    let database = primary.database();
    let emails = people(&database, "person", 6, "user");
    let standby = primary.standby();
    primary.set("synchronous_standby_names", "*");
    eventually("the standby is synchronous", RECOVERY, || {
        let state = database.query("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
        (!state.is_empty()).then_some(())
    });

    let one = database.url();
    let hosts = format!("{},{}", primary.address(), standby.address());
    let url = format!("{}?target_session_attrs=read-write", one.replace(&primary.address(), &hosts));
    let web = || App::builder("web").redis(&redis).env("DATABASE_URL", &url).start();
    let apps = [web(), web()];
    apps.iter().for_each(App::wait_for_lease);
    let doors = apps.each_ref().map(App::base);

    let mut away = Duration::ZERO;
    let outcome = Load::new(&doors, emails).run(|| {
        std::thread::sleep(Duration::from_secs(3));
        primary.crash();
        let killed = Instant::now();
        // As long as whoever watches over the servers would take to be sure.
        std::thread::sleep(Duration::from_secs(1));
        standby.promote();
        for app in &apps {
            eventually("it is ready", RECOVERY, || (app.anon().get("/readyz").status == 200).then_some(()));
        }
        away = killed.elapsed();
        apps.iter().for_each(App::wait_for_lease);
        std::thread::sleep(Duration::from_secs(3));
    });
    tally("Postgres, failover to a synchronous standby under load", &outcome);
    tally(
        "Postgres, failover to a synchronous standby under load",
        format!(
            "ready again {away:?} after the kill, one second of which nobody promoted; failures {:?}",
            outcome.failures
        ),
    );
    outcome.assert_promises_kept();
    // Postgres away is 503; nobody is told that they are not logged in, and nothing is left without an answer.
    assert!(outcome.failures.keys().all(|status| *status == 503), "{:?}", outcome.failures);
    assert!(apps.iter().all(|app| part(app, "lease") == "up"));
}
