//! Denials: who remembers a yes is told at commit when it may be none any more, and not otherwise.

use constants::{ApplicationContext, AuditAction};
use identity_db::session::{self, Revocation};
use identity_db::user;
use test_support::TestDatabase;

use crate::fixture::{self, HOUR, connection, login, pool, session_id};

const NOTHING: [String; 0] = [];

#[test]
fn a_session_that_ends_or_ends_earlier_is_named_c4() {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let mut denials = database.denials();
    for change in [
        "UPDATE sessions SET revoked = true",
        "UPDATE sessions SET revoked_at = now()",
        "UPDATE sessions SET expires_at = expires_at - interval '1 second'",
        "UPDATE sessions SET absolute_expires_at = absolute_expires_at - interval '1 second'",
        "DELETE FROM sessions",
        "BEGIN; SET LOCAL session_replication_role = replica; UPDATE sessions SET revoked = true; COMMIT",
        "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM sessions; COMMIT",
    ] {
        let id = fixture::session(&database, alice, "one");
        assert_eq!(denials.heard(), NOTHING, "a new session");
        database.execute(change);
        assert_eq!(denials.heard(), [format!("s:{id}")], "{change}");
        database.execute("DELETE FROM sessions");
        denials.heard();
    }
}

#[test]
fn an_epoch_of_a_session_that_falls_is_named_c4() {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let id = fixture::session(&database, alice, "one");
    database.execute("UPDATE sessions SET session_epoch = 3");
    let mut denials = database.denials();
    database.execute("UPDATE sessions SET session_epoch = 2");
    assert_eq!(denials.heard(), [format!("s:{id}")]);
}

#[test]
fn a_person_whose_version_rises_is_named_with_it_c4() {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let mut denials = database.denials();
    for (version, change) in [
        "UPDATE users SET role = 'support'",
        "UPDATE users SET blocked_at = now()",
        "INSERT INTO user_permissions (user_id, permission) SELECT id, 'x' FROM users",
        "DELETE FROM user_permissions",
        "BEGIN; SET LOCAL session_replication_role = replica; UPDATE users SET role = 'user'; COMMIT",
    ]
    .into_iter()
    .enumerate()
    {
        database.execute(change);
        assert_eq!(denials.heard(), [format!("u:{alice}:{}", version + 1)], "{change}");
    }
}

#[test]
fn an_emptied_table_denies_everything_c4() {
    let database = TestDatabase::new();
    let mut denials = database.denials();
    for table in ["sessions", "user_permissions"] {
        database.execute(&format!("TRUNCATE {table}"));
        assert_eq!(denials.heard(), ["all"], "{table}");
    }
    database.execute("TRUNCATE users CASCADE");
    // Notifications of one transaction with the same words are sent once.
    assert_eq!(denials.heard(), ["all"]);
}

#[test]
fn login_touch_and_purge_tell_nothing_c4() {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let conn = &mut connection(&database);
    let mut denials = database.denials();

    let mut first = login(alice, "one");
    first.auth_token = Some("token".into());
    session::open(conn, &first).unwrap().unwrap();
    assert_eq!(denials.heard(), NOTHING, "login");

    assert_eq!(session::touch(conn, 2 * HOUR, &[(session_id("one"), HOUR / 60)]).unwrap(), 1);
    assert!(session::extend(conn, &session_id("one"), ApplicationContext::Web, 2 * HOUR).unwrap());
    assert_eq!(denials.heard(), NOTHING, "touch");

    database.execute("UPDATE sessions SET user_agent = 'another', data = '{}', last_activity = now()");
    assert_eq!(denials.heard(), NOTHING, "what no decision depends on");

    fixture::session(&database, alice, "two");
    database.execute("UPDATE sessions SET revoked = true WHERE id LIKE 'two%'");
    fixture::session(&database, alice, "three");
    database.execute("UPDATE sessions SET expires_at = now() WHERE id LIKE 'three%'");
    denials.heard();
    assert_eq!(database.execute("DELETE FROM sessions WHERE id LIKE 't%'"), 2);
    assert_eq!(denials.heard(), NOTHING, "the purge of rows that have ended");
}

#[test]
fn a_revocation_that_is_rolled_back_tells_nothing_and_a_repeated_one_neither_c4() {
    let database = TestDatabase::new();
    let id = fixture::session(&database, fixture::user(&database, "alice@example.com"), "one");
    let mut denials = database.denials();
    database.execute("BEGIN; UPDATE sessions SET revoked = true; ROLLBACK");
    assert_eq!(denials.heard(), NOTHING);
    database.execute("UPDATE sessions SET revoked = true");
    assert_eq!(denials.heard(), [format!("s:{id}")]);
    database.execute("UPDATE sessions SET revoked = true");
    assert_eq!(denials.heard(), NOTHING);
}

#[test]
fn logout_and_end_all_name_what_they_end_c4() {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let [one, two, three] = ["one", "two", "three"].map(|name| fixture::session(&database, alice, name));
    let mut denials = database.denials();
    let revocation = Revocation {
        ids: vec![one],
        of_user: Some(alice),
        context: Some(ApplicationContext::Web),
        actor: None,
        action: AuditAction::SessionLogout,
        origin: fixture::login(alice, "x").session.origin,
    };
    session::revoke(&mut connection(&database), &revocation).unwrap();
    assert_eq!(denials.heard(), [format!("s:{one}")]);

    let (pool, runtime) = pool(&database);
    let end_all = pool.transaction(move |conn| {
        let user = user::raise_epoch(conn, alice, None, None)?.expect("the user");
        session::end_all(conn, alice, user.session_epoch, None)
    });
    runtime.block_on(end_all).unwrap();
    let mut expected = vec![format!("s:{two}"), format!("s:{three}"), format!("u:{alice}:1")];
    expected.sort();
    assert_eq!(denials.heard(), expected);
}
