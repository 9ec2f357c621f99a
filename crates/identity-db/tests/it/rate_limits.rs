//! Counters of attempts: parallel guesses cannot outrun them.

use std::sync::Mutex;
use std::time::Duration;

use identity_db::PgConnection;
use identity_db::rate_limit::{self, Counter};
use test_support::{TestDatabase, at_once};

use crate::fixture::connection;

const WINDOW: Duration = Duration::from_secs(900);

fn counter(purpose: &'static str, subject: &str, limit: i32) -> Counter {
    Counter { purpose, subject: subject.into(), limit, window: WINDOW }
}

fn attempts(database: &TestDatabase, purpose: &str) -> i64 {
    database
        .number(&format!("SELECT coalesce(sum(attempts), 0) FROM rate_limits WHERE purpose = '{purpose}'"))
}

#[test]
fn sixty_four_attempts_at_once_on_an_empty_counter_of_ten_are_ten() {
    let database = TestDatabase::new();
    let connections: Vec<Mutex<PgConnection>> = (0..64).map(|_| Mutex::new(connection(&database))).collect();
    for round in 0..20 {
        let counters =
            [counter("account", &format!("subject{round}"), 10), counter("address", "shared", 10_000)];
        let allowed = at_once(64, |index| {
            let conn = &mut connections[index].lock().unwrap();
            rate_limit::reserve(conn, &counters).unwrap()
        });
        assert_eq!(allowed.iter().filter(|answer| answer.is_ok()).count(), 10, "round {round}");
        for wait in allowed.into_iter().filter_map(Result::err) {
            assert!(wait > Duration::ZERO && wait <= WINDOW, "{wait:?}");
        }
        // The refused attempts do not count against the address.
        assert_eq!(attempts(&database, "address"), 10 * (round + 1));
    }
}

#[test]
fn a_full_second_counter_refuses_too_and_says_how_long() {
    let database = TestDatabase::new();
    let conn = &mut connection(&database);
    let one = |subject: &str| [counter("account", subject, 10), counter("address", "shared", 3)];
    for subject in ["a", "b", "c"] {
        rate_limit::reserve(conn, &one(subject)).unwrap().unwrap();
    }
    let wait = rate_limit::reserve(conn, &one("d")).unwrap().unwrap_err();
    assert!(wait > WINDOW - Duration::from_secs(10) && wait <= WINDOW, "{wait:?}");
    assert_eq!(attempts(&database, "address"), 3);
}

#[test]
fn a_window_begins_anew_when_it_has_passed() {
    let database = TestDatabase::new();
    let conn = &mut connection(&database);
    let counters = [counter("account", "a", 2)];
    for _ in 0..2 {
        rate_limit::reserve(conn, &counters).unwrap().unwrap();
    }
    assert!(rate_limit::reserve(conn, &counters).unwrap().is_err());
    database.execute("UPDATE rate_limits SET window_start = window_start - interval '14 minutes'");
    let wait = rate_limit::reserve(conn, &counters).unwrap().unwrap_err();
    assert!(wait <= Duration::from_secs(60), "{wait:?}");
    database.execute("UPDATE rate_limits SET window_start = window_start - interval '1 minute'");
    rate_limit::reserve(conn, &counters).unwrap().unwrap();
    assert_eq!(attempts(&database, "account"), 1);
}

#[test]
fn a_refund_gives_one_attempt_back_and_never_more_than_there_were() {
    let database = TestDatabase::new();
    let conn = &mut connection(&database);
    let counters = [counter("account", "a", 1), counter("address", "b", 5)];
    rate_limit::reserve(conn, &counters).unwrap().unwrap();
    assert!(rate_limit::reserve(conn, &counters).unwrap().is_err());
    rate_limit::refund(conn, &counters).unwrap();
    rate_limit::reserve(conn, &counters).unwrap().unwrap();
    for _ in 0..3 {
        rate_limit::refund(conn, &counters).unwrap();
    }
    assert_eq!((attempts(&database, "account"), attempts(&database, "address")), (0, 0));
    rate_limit::refund(conn, &[counter("account", "unknown", 1)]).unwrap();
}

#[test]
fn subjects_and_purposes_do_not_share_a_counter() {
    let database = TestDatabase::new();
    let conn = &mut connection(&database);
    for (purpose, subject) in [("account", "a"), ("account", "b"), ("address", "a")] {
        rate_limit::reserve(conn, &[counter(purpose, subject, 1)]).unwrap().unwrap();
    }
    assert!(rate_limit::reserve(conn, &[counter("account", "a", 1)]).unwrap().is_err());
}

#[test]
fn a_purge_deletes_the_counters_that_began_before() {
    let database = TestDatabase::new();
    let conn = &mut connection(&database);
    for subject in ["old", "new"] {
        rate_limit::reserve(conn, &[counter("account", subject, 1)]).unwrap().unwrap();
    }
    database.execute("UPDATE rate_limits SET window_start = '2020-01-01' WHERE subject = 'old'");
    assert_eq!(rate_limit::purge(conn, "2021-01-01T00:00:00Z".parse().unwrap()).unwrap(), 1);
    assert_eq!(database.value("SELECT subject FROM rate_limits"), "new");
}
