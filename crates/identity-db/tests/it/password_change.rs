//! Races between logins and the acts that end every session: what began before them is never live after.

use std::sync::Mutex;

use constants::{ApplicationContext, AuditAction};
use identity_db::session::{self, Login};
use identity_db::{Database, HashedPassword, PgConnection, SessionId, UserId, user};
use test_support::{TestDatabase, at_once};

use crate::fixture::{self, connection, is_revoked, login, pool, session_id};

const ROUNDS: i64 = 200;
const LOGINS: usize = 15;

/// In each round fifteen logins with the credential of the round's beginning race one `end`. Returns the ids
/// of the logins that were allowed, per round.
fn race(database: &TestDatabase, alice: UserId, end: impl Fn(i64) + Sync, after: impl Fn(i64, &[SessionId])) {
    let connections: Vec<Mutex<PgConnection>> =
        (0..LOGINS).map(|_| Mutex::new(connection(database))).collect();
    for round in 0..ROUNDS {
        let version = database.number("SELECT credential_version FROM users");
        let opened = at_once(LOGINS + 1, |index| {
            if index == LOGINS {
                end(version);
                return None;
            }
            let attempt =
                Login { credential_version: version, ..login(alice, &format!("round{round}-login{index}")) };
            session::open(&mut connections[index].lock().unwrap(), &attempt)
                .unwrap()
                .map(|session| session.id)
        });
        after(round, &opened.into_iter().flatten().collect::<Vec<_>>());
    }
}

fn end_all(pool: &Database, runtime: &tokio::runtime::Runtime, id: UserId, change: Option<i64>) {
    let work = move |conn: &mut PgConnection| {
        let hash = HashedPassword::new("$argon2id$new".into());
        let user =
            user::raise_epoch(conn, id, change, change.map(|_| &hash))?.expect("nobody else changes it");
        session::end_all(conn, id, user.session_epoch, None)
    };
    runtime.block_on(pool.transaction(work)).unwrap();
}

#[test]
fn no_login_with_the_old_password_outlives_its_change_c1() {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let (pool, runtime) = pool(&database);
    let (mut before, mut refused) = (0, 0);
    let counts = Mutex::new((&mut before, &mut refused));
    race(
        &database,
        alice,
        |version| end_all(&pool, &runtime, alice, Some(version)),
        |round, opened| {
            assert_eq!(database.number("SELECT count(*) FROM user_sessions"), 0, "live after round {round}");
            assert_eq!(
                database.number("SELECT count(*) FROM sessions WHERE NOT revoked"),
                0,
                "round {round}"
            );
            assert!(opened.iter().all(|id| is_revoked(&database, id)), "round {round}");
            let mut counts = counts.lock().unwrap();
            *counts.0 += opened.len();
            *counts.1 += LOGINS - opened.len();
        },
    );
    // A race that one side always wins has shown nothing.
    assert!(before > 0 && refused > 0, "{before} logins came before the change, {refused} after");
}

#[test]
fn no_session_from_before_the_end_of_all_is_live_after_it_c1() {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let (pool, runtime) = pool(&database);
    race(
        &database,
        alice,
        |_| end_all(&pool, &runtime, alice, None),
        |round, opened| {
            assert_eq!(opened.len(), LOGINS, "a login that proves the current password is never refused");
            let old = "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id
                       WHERE s.session_epoch < u.session_epoch AND NOT s.revoked";
            assert_eq!(database.number(old), 0, "round {round}");
            // Whether a login came before or after, the epoch and the revocation agree.
            let torn = "SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id
                        WHERE s.session_epoch = u.session_epoch AND s.revoked";
            assert_eq!(database.number(torn), 0, "round {round}");
        },
    );
}

#[test]
fn only_one_of_two_changes_that_checked_the_same_password_succeeds() {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let connections: Vec<Mutex<PgConnection>> = (0..16).map(|_| Mutex::new(connection(&database))).collect();
    for round in 0..200 {
        let changed = at_once(16, |index| {
            let hash = HashedPassword::new(format!("$argon2id${index}"));
            let conn = &mut connections[index].lock().unwrap();
            user::raise_epoch(conn, alice, Some(round), Some(&hash)).unwrap().map(|_| index)
        });
        let changed: Vec<usize> = changed.into_iter().flatten().collect();
        assert_eq!(changed.len(), 1, "round {round}");
        assert_eq!(database.value("SELECT hashed_password FROM users"), format!("$argon2id${}", changed[0]));
        assert_eq!(database.number("SELECT credential_version FROM users"), round + 1);
    }
}

#[test]
fn a_touch_that_races_a_revocation_never_brings_the_session_back_f7() {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let connections: Vec<Mutex<PgConnection>> = (0..16).map(|_| Mutex::new(connection(&database))).collect();
    for round in 0..200 {
        let id = session_id(&format!("round{round}"));
        session::open(&mut connections[0].lock().unwrap(), &login(alice, &format!("round{round}"))).unwrap();
        at_once(16, |index| {
            let conn = &mut connections[index].lock().unwrap();
            if index == 0 {
                let mut act = session::Revocation {
                    ids: vec![id],
                    of_user: None,
                    context: None,
                    actor: None,
                    action: AuditAction::SessionLogout,
                    origin: identity_db::audit::Origin::default(),
                };
                act.of_user = Some(alice);
                session::revoke(conn, &act).unwrap();
            } else {
                session::extend(conn, &id, ApplicationContext::Web, fixture::HOUR).unwrap();
            }
        });
        assert!(is_revoked(&database, &id), "round {round}");
        assert!(
            !session::extend(
                &mut connections[1].lock().unwrap(),
                &id,
                ApplicationContext::Web,
                fixture::HOUR
            )
            .unwrap()
        );
    }
}
