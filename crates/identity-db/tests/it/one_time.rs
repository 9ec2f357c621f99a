//! Codes and payloads count once, however many ask at the same moment.

use std::sync::Mutex;
use std::time::Duration;

use constants::ApplicationContext;
use identity_db::audit::Origin;
use identity_db::one_time::{
    ATTEMPTS, Digest, SignedPayload, Whose, redeem_code, redeem_payload, store_code,
};
use identity_db::{PgConnection, UserId};
use test_support::{TestDatabase, at_once};

use crate::fixture::{connection, user};

const PHONE: &str = "+447400123456";
const RIGHT: Digest = [1; 32];
const WRONG: Digest = [2; 32];
const TEN_MINUTES: Duration = Duration::from_secs(600);
const ROUNDS: usize = 200;

fn anybody() -> Whose {
    let origin = Origin { ip_address: "192.0.2.7".parse().ok(), user_agent: Some("curl/8".into()) };
    Whose::Anybody(ApplicationContext::Web, origin)
}

fn connections(database: &TestDatabase) -> Vec<Mutex<PgConnection>> {
    (0..16).map(|_| Mutex::new(connection(database))).collect()
}

fn payload(database: &TestDatabase, byte: u8, seconds_ago: i64) -> SignedPayload {
    let now = database.number("SELECT extract(epoch FROM clock_timestamp())::bigint");
    SignedPayload {
        digest: [byte; 32],
        telegram_id: 42,
        signed_at: now - seconds_ago,
        lifetime: Duration::from_secs(300),
        skew: Duration::from_secs(60),
    }
}

#[test]
fn a_right_code_counts_once_and_makes_one_person_b4() {
    let database = TestDatabase::new();
    let connections = connections(&database);
    for round in 0..ROUNDS {
        let phone = format!("+4474001{round:05}");
        store_code(&mut connections[0].lock().unwrap(), &phone, &RIGHT, TEN_MINUTES).unwrap();
        let answers = at_once(16, |index| {
            redeem_code(&mut connections[index].lock().unwrap(), &phone, &[RIGHT], &anybody()).unwrap()
        });
        let found: Vec<_> = answers.into_iter().flatten().collect();
        assert_eq!(found.len(), 1, "round {round}");
        assert_eq!(found[0].phone.as_deref(), Some(phone.as_str()));
    }
    let rounds = i64::try_from(ROUNDS).unwrap();
    assert_eq!(database.number("SELECT count(*) FROM users"), rounds);
    assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'user_created'"), rounds);
}

#[test]
fn five_attempts_are_all_that_there_are_also_at_once_b4() {
    let database = TestDatabase::new();
    let connections = connections(&database);
    for round in 0..ROUNDS {
        store_code(&mut connections[0].lock().unwrap(), PHONE, &RIGHT, TEN_MINUTES).unwrap();
        let answers = at_once(16, |index| {
            redeem_code(&mut connections[index].lock().unwrap(), PHONE, &[WRONG], &anybody()).unwrap()
        });
        assert!(answers.iter().all(Option::is_none));
        assert_eq!(database.number("SELECT attempts FROM one_time_codes"), i64::from(ATTEMPTS), "{round}");
        let late = redeem_code(&mut connections[0].lock().unwrap(), PHONE, &[RIGHT], &anybody()).unwrap();
        assert_eq!(late, None, "the right code after five wrong ones");
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 0);
}

#[test]
fn a_person_who_is_made_elsewhere_at_the_same_moment_is_found_b4() {
    let database = TestDatabase::new();
    let connections = connections(&database);
    for round in 0..ROUNDS {
        let phone = format!("+4474002{round:05}");
        // A person who comes by Telegram, SMS, an import: whoever is first makes the row, the others find it.
        store_code(&mut connections[0].lock().unwrap(), &phone, &RIGHT, TEN_MINUTES).unwrap();
        let answers = at_once(2, |index| match index {
            0 => redeem_code(&mut connections[0].lock().unwrap(), &phone, &[RIGHT], &anybody()).unwrap(),
            _ => {
                database
                    .execute(&format!("INSERT INTO users (phone) VALUES ('{phone}') ON CONFLICT DO NOTHING"));
                None
            }
        });
        assert!(answers[0].is_some(), "round {round}: the code was right");
        assert_eq!(database.number(&format!("SELECT count(*) FROM users WHERE phone = '{phone}'")), 1);
    }
}

#[test]
fn a_new_code_takes_the_place_of_the_older_and_time_ends_either_b4() {
    let database = TestDatabase::new();
    let conn = &mut connection(&database);
    store_code(conn, PHONE, &WRONG, TEN_MINUTES).unwrap();
    store_code(conn, PHONE, &RIGHT, TEN_MINUTES).unwrap();
    assert_eq!(redeem_code(conn, PHONE, &[WRONG], &anybody()).unwrap(), None, "the older one");
    database.execute("UPDATE one_time_codes SET expires_at = clock_timestamp()");
    assert_eq!(redeem_code(conn, PHONE, &[RIGHT], &anybody()).unwrap(), None, "the time is up");
    database.execute("UPDATE one_time_codes SET expires_at = clock_timestamp() + interval '1 second'");
    let either = [WRONG, RIGHT];
    assert!(redeem_code(conn, PHONE, &either, &anybody()).unwrap().is_some(), "any key may have been used");
    assert_eq!(database.value("SELECT hashed_password FROM users"), "");
}

#[test]
fn a_proof_of_one_person_is_not_touched_for_another_b4() {
    let database = TestDatabase::new();
    let conn = &mut connection(&database);
    let (alice, bob) = (user(&database, "alice@example.com"), user(&database, "bob@example.com"));
    database.execute(&format!("UPDATE users SET phone = '{PHONE}', telegram_id = 42 WHERE id = '{alice}'"));
    store_code(conn, PHONE, &RIGHT, TEN_MINUTES).unwrap();
    let payload = payload(&database, 7, 10);
    let id = |found: Option<identity_db::user::User>| found.map(|user| user.id);
    let nobody = UserId(uuid::Uuid::from_u128(0));
    for other in [bob, nobody] {
        assert_eq!(redeem_code(conn, PHONE, &[RIGHT], &Whose::Person(other)).unwrap(), None);
        assert_eq!(redeem_payload(conn, &payload, &Whose::Person(other)).unwrap(), None);
    }
    assert_eq!(database.number("SELECT attempts FROM one_time_codes"), 0);
    assert_eq!(database.number("SELECT count(*) FROM used_telegram_payloads"), 0);
    assert_eq!(id(redeem_code(conn, PHONE, &[RIGHT], &Whose::Person(alice)).unwrap()), Some(alice));
    assert_eq!(id(redeem_payload(conn, &payload, &Whose::Person(alice)).unwrap()), Some(alice));
    assert_eq!(
        redeem_payload(conn, &payload, &anybody()).unwrap(),
        None,
        "used as a proof, it opens nothing more"
    );
}

#[test]
fn a_payload_counts_once_and_for_five_minutes_b4() {
    let database = TestDatabase::new();
    let connections = connections(&database);
    for round in 0..ROUNDS {
        let mut payload = payload(&database, 0, 10);
        payload.digest[..8].copy_from_slice(&round.to_be_bytes());
        let answers = at_once(16, |index| {
            redeem_payload(&mut connections[index].lock().unwrap(), &payload, &anybody()).unwrap()
        });
        assert_eq!(answers.iter().flatten().count(), 1, "round {round}");
    }
    assert_eq!(database.number("SELECT count(*) FROM users WHERE telegram_id = 42"), 1);
    let conn = &mut connections[0].lock().unwrap();
    for (byte, seconds_ago, is_accepted) in [(1, 302, false), (2, 290, true), (3, -50, true), (4, -70, false)]
    {
        let payload = payload(&database, byte, seconds_ago);
        let found = redeem_payload(conn, &payload, &anybody()).unwrap();
        assert_eq!(found.is_some(), is_accepted, "{seconds_ago} seconds ago");
    }
}

#[test]
fn what_is_long_over_goes_with_those_that_come() {
    let database = TestDatabase::new();
    let conn = &mut connection(&database);
    database.execute(
        "INSERT INTO one_time_codes (phone, code_hash, expires_at)
             SELECT '+' || n, decode(repeat('ab', 32), 'hex'), now() - n * interval '59 minutes'
             FROM generate_series(1, 30) n;
         INSERT INTO used_telegram_payloads
             SELECT sha256(n::text::bytea), now() - n * interval '59 minutes' FROM generate_series(1, 30) n",
    );
    for n in [3, 4, 5] {
        store_code(conn, PHONE, &RIGHT, TEN_MINUTES).unwrap();
        redeem_payload(conn, &payload(&database, n, 10), &anybody()).unwrap().unwrap();
    }
    assert_eq!(
        database.number("SELECT count(*) FROM one_time_codes"),
        2,
        "the new one and one of the last hour"
    );
    assert_eq!(database.number("SELECT count(*) FROM used_telegram_payloads"), 4);
}
