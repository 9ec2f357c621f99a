//! Probes: what they must not take for deafness.

use identity_db::fail;
use test_support::PostgresProxy;

use crate::pause::Pause;
use crate::stage::{Setup, Stage};

#[test]
fn a_probe_of_another_process_is_not_mistaken_for_ones_own_c4() {
    let stage = Stage::new();
    let pause = Pause::at("stream::probed");
    let process = stage.process_without_caches();
    pause.wait();
    stage.database.execute("SELECT pg_notify('denials', 'probe:7')");
    let before = process.proxy.answers();
    drop(pause);
    process.wait_for_lease();
    // Beats are answered on the very stream that was probed: it was not begun anew.
    let listeners = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_backend_pid()%' AND pid <> pg_backend_pid()";
    assert_eq!(stage.database.number(listeners), 1);
    assert!(process.proxy.answers() < before + 5, "a new stream says LISTEN, asks twice and is probed");
}

#[test]
fn a_pool_that_is_cut_off_takes_no_lease_away_c4() {
    let stage = Stage::new();
    let pool = PostgresProxy::start(&stage.database.url());
    let setup = Setup { url: pool.url(&stage.database.url()), ..stage.setup() };
    let direct = PostgresProxy::start(&stage.database.url());
    let process = stage.start_behind(direct, &setup);
    process.wait_for_lease();
    pool.cut();
    // The next probe is due in ten seconds; from here on each comes at once, and none gets through.
    fail::cfg("stream::probe_at_once", "return").unwrap();
    for _ in 0..5 {
        process.pass_the_bound_and_hear();
        assert!(process.holds_lease());
    }
}
