//! The queries on sessions: open, find, list, touch, renew, revoke, end all.

use std::time::Duration;

use constants::ApplicationContext::{Admin, Web};
use constants::AuditAction;
use identity_db::session::{self, Revocation, Rotation, State};
use identity_db::{HashedPassword, PgConnection, SessionId, UserId, user};
use test_support::TestDatabase;

use crate::fixture::{self, HOUR, connection, is_revoked, login, pool, session_id};

fn setup() -> (TestDatabase, PgConnection, UserId) {
    let database = TestDatabase::new();
    let alice = fixture::user(&database, "alice@example.com");
    let conn = connection(&database);
    (database, conn, alice)
}

fn state(conn: &mut PgConnection, id: &SessionId) -> Option<State> {
    session::find(conn, id).unwrap().map(|found| found.state(Web))
}

fn revocation(ids: &[&SessionId]) -> Revocation {
    let ids = ids.iter().map(|id| **id).collect();
    let origin = identity_db::audit::Origin::default();
    Revocation { ids, of_user: None, context: None, actor: None, action: AuditAction::SessionLogout, origin }
}

#[test]
fn an_opened_session_is_found_with_its_ends_and_its_user_b1_c3() {
    let (database, mut conn, alice) = setup();
    let opened = session::open(&mut conn, &login(alice, "one")).unwrap().unwrap();
    let found = session::find(&mut conn, &session_id("one")).unwrap().unwrap();
    assert_eq!(found.session, opened);
    assert_eq!(found.user.id, alice);
    assert_eq!(found.user.last_login_at, Some(opened.created_at));
    assert_eq!(found.state(Web), State::Live);
    assert_eq!(opened.expires_at - opened.created_at, chrono::TimeDelta::from_std(HOUR).unwrap());
    assert_eq!(
        opened.absolute_expires_at - opened.created_at,
        chrono::TimeDelta::from_std(2 * HOUR).unwrap()
    );
    assert_eq!(opened.authenticated_at, Some(opened.created_at));
    assert!(found.read_at <= found.now && opened.created_at < found.read_at);
    assert_eq!(
        database.query("SELECT action, subject_id = actor_id, session_id, host(ip_address), user_agent, detail->>'method' FROM audit_log"),
        [["session_created", "t", session_id("one").as_str(), "192.0.2.7", "curl/8", "password"].map(|text| Some(text.to_owned()))]
    );
}

#[test]
fn an_idle_life_is_never_longer_than_the_absolute_one_c3() {
    let (_database, mut conn, alice) = setup();
    let mut long = login(alice, "one");
    long.session.idle = 3 * HOUR;
    let opened = session::open(&mut conn, &long).unwrap().unwrap();
    assert_eq!(opened.expires_at, opened.absolute_expires_at);
}

#[test]
fn every_state_is_told_from_no_row_at_all_f1_f3() {
    let (database, mut conn, alice) = setup();
    assert_eq!(state(&mut conn, &session_id("unknown")), None);
    let found = |conn: &mut PgConnection, context| {
        session::find(conn, &session_id("one")).unwrap().unwrap().state(context)
    };
    session::open(&mut conn, &login(alice, "one")).unwrap().unwrap();
    assert_eq!((found(&mut conn, Web), found(&mut conn, Admin)), (State::Live, State::OtherContext));
    for (change, back, expected) in [
        ("users SET blocked_at = now()", "users SET blocked_at = NULL", State::Blocked),
        (
            "sessions SET expires_at = now()",
            "sessions SET expires_at = now() + interval '1 h'",
            State::Expired,
        ),
        (
            "sessions SET absolute_expires_at = now()",
            "sessions SET absolute_expires_at = now() + interval '1 h'",
            State::Expired,
        ),
        ("users SET session_epoch = 1", "sessions SET session_epoch = 1", State::Revoked),
        ("sessions SET revoked = true", "sessions SET revoked = true", State::Revoked),
    ] {
        database.execute(&format!("UPDATE {change}"));
        assert_eq!(
            (found(&mut conn, Web), found(&mut conn, Admin)),
            (expected, State::OtherContext),
            "{change}"
        );
        database.execute(&format!("UPDATE {back}"));
    }
}

#[test]
fn nothing_is_written_for_a_stale_proof_a_blocked_or_an_unknown_person() {
    let (database, mut conn, alice) = setup();
    let carried = fixture::session(&database, alice, "carried");
    let everything =
        "SELECT to_jsonb(u), (SELECT jsonb_agg(s) FROM sessions s), (SELECT count(*) FROM audit_log)
                      FROM users u";
    let mut attempt = login(alice, "one");
    attempt.carried = vec![carried];
    attempt.auth_token = Some("token".into());
    attempt.rehashed = Some(HashedPassword::new("$argon2id$new".into()));

    let before = database.query(everything);
    attempt.credential_version = 1;
    assert_eq!(session::open(&mut conn, &attempt).unwrap(), None);
    attempt.user_id = UserId("00000000-0000-4000-8000-000000000000".parse().unwrap());
    assert_eq!(session::open(&mut conn, &attempt).unwrap(), None);
    assert_eq!(database.query(everything), before);

    database.execute("UPDATE users SET blocked_at = now()");
    let before = database.query(everything);
    attempt.user_id = alice;
    attempt.credential_version = 0;
    assert_eq!(session::open(&mut conn, &attempt).unwrap(), None);
    assert_eq!(database.query(everything), before);
}

#[test]
fn a_login_ends_what_the_request_carried_in_its_own_context_alone() {
    let (database, mut conn, alice) = setup();
    let web = fixture::session(&database, alice, "web");
    let other = fixture::session(&database, alice, "other");
    let admin = session_id("admin");
    let mut in_admin = login(alice, "admin");
    in_admin.session.context = Admin;
    session::open(&mut conn, &in_admin).unwrap().unwrap();
    let mut attempt = login(alice, "new");
    attempt.carried = vec![web, admin, session_id("unknown")];
    attempt.auth_token = Some("token".into());
    attempt.rehashed = Some(HashedPassword::new("$argon2id$new".into()));
    session::open(&mut conn, &attempt).unwrap().unwrap();
    let revoked = [&web, &other, &admin].map(|id| is_revoked(&database, id));
    assert_eq!(revoked, [true, false, false]);
    assert_eq!(database.value("SELECT auth_token || hashed_password FROM users"), "token$argon2id$new");
    // The next login writes neither, and clears neither.
    session::open(&mut conn, &login(alice, "newer")).unwrap().unwrap();
    assert_eq!(database.value("SELECT auth_token || hashed_password FROM users"), "token$argon2id$new");
}

#[test]
fn a_revocation_stays_within_its_bounds_and_returns_what_was_live_b6() {
    let (database, mut conn, alice) = setup();
    let bob = fixture::user(&database, "bob@example.com");
    let mine = fixture::session(&database, alice, "mine");
    let theirs = fixture::session(&database, bob, "theirs");
    let expired = fixture::session(&database, alice, "expired");
    database.execute("UPDATE sessions SET expires_at = now() WHERE id LIKE 'expired%'");
    let unknown = session_id("unknown");

    let mut act = revocation(&[&mine, &theirs, &expired, &unknown]);
    act.of_user = Some(alice);
    act.context = Some(Admin);
    assert_eq!(session::revoke(&mut conn, &act).unwrap().live, []);
    act.context = Some(Web);
    assert_eq!(session::revoke(&mut conn, &act).unwrap().live, std::slice::from_ref(&mine));
    assert_eq!([&mine, &theirs, &expired].map(|id| is_revoked(&database, id)), [true, false, true]);
    assert_eq!(session::revoke(&mut conn, &act).unwrap().live, [], "a second time is no error");
    assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'session_logout'"), 2);
    assert_eq!(state(&mut conn, &mine), Some(State::Revoked));
}

#[test]
fn ending_all_keeps_one_under_a_new_id_and_leaves_tombstones_for_legacy_tokens_f1_f2() {
    let (database, mut conn, alice) = setup();
    let bob = fixture::user(&database, "bob@example.com");
    database.execute(&format!(
        "UPDATE users SET auth_token = 'legacy-token', session_id = 'legacy-session' WHERE id = '{alice}'"
    ));
    let mut in_admin = login(alice, "admin");
    in_admin.session.context = Admin;
    session::open(&mut conn, &in_admin).unwrap().unwrap();
    let [keep, other] = ["keep", "other"].map(|name| fixture::session(&database, alice, name));
    let theirs = fixture::session(&database, bob, "theirs");
    let rotation = Rotation { keep, replacement: session_id("new"), proven: true, auth_token: None };
    let (pool, runtime) = pool(&database);
    let ended = runtime
        .block_on(pool.transaction(move |conn| {
            let user = user::raise_epoch(conn, alice, None, None)?.expect("the user");
            session::end_all(conn, alice, user.session_epoch, Some(&rotation))
        }))
        .unwrap();
    let mut live = ended.live;
    live.sort();
    assert_eq!((live, ended.kept), (vec![session_id("admin"), other], true));
    assert_eq!(
        [&keep, &other, &session_id("admin"), &theirs].map(|id| is_revoked(&database, id)),
        [true, true, true, false]
    );
    let kept = session::find(&mut conn, &session_id("new")).unwrap().unwrap();
    assert_eq!(kept.state(Web), State::Live);
    assert!(kept.session.authenticated_at.is_some());
    for token in ["legacy-token", "legacy-session"] {
        let row = format!("SELECT revoked FROM sessions WHERE id = session_digest('{token}')");
        assert_eq!(database.value(&row), "t", "{token}");
    }
    assert_eq!(database.value(&format!("SELECT auth_token FROM users WHERE id = '{alice}'")), "legacy-token");
}

#[test]
fn ending_all_does_not_keep_a_session_that_has_ended() {
    let (database, _conn, alice) = setup();
    let keep = fixture::session(&database, alice, "keep");
    database.execute("UPDATE sessions SET revoked = true");
    let rotation = Rotation { keep, replacement: session_id("new"), proven: true, auth_token: None };
    let (pool, runtime) = pool(&database);
    let ended = runtime
        .block_on(pool.transaction(move |conn| {
            let user = user::raise_epoch(conn, alice, None, None)?.expect("the user");
            session::end_all(conn, alice, user.session_epoch, Some(&rotation))
        }))
        .unwrap();
    assert!(!ended.kept);
    assert_eq!(database.number("SELECT count(*) FROM user_sessions"), 0);
}

#[test]
fn a_touch_moves_the_idle_end_never_past_the_absolute_one_and_wakes_nothing_c3_f7() {
    let (database, mut conn, alice) = setup();
    for name in ["live", "revoked", "idle", "absolute"] {
        session::open(&mut conn, &login(alice, name)).unwrap().unwrap();
    }
    database.execute("UPDATE sessions SET revoked = true WHERE id LIKE 'revoked%'");
    database.execute("UPDATE sessions SET expires_at = now() WHERE id LIKE 'idle%'");
    database.execute("UPDATE sessions SET absolute_expires_at = now() WHERE id LIKE 'absolute%'");
    let others = "SELECT jsonb_agg(s ORDER BY id) FROM sessions s WHERE id NOT LIKE 'live%'";
    let before = database.value(others);
    let uses =
        ["live", "revoked", "idle", "absolute", "unknown"].map(|name| (session_id(name), Duration::ZERO));
    assert_eq!(session::touch(&mut conn, 90 * HOUR / 60, &uses).unwrap(), 1);
    assert_eq!(database.value(others), before);
    let ends =
        "SELECT expires_at < absolute_expires_at AND expires_at > clock_timestamp() + interval '89 minutes'
                FROM sessions WHERE id LIKE 'live%'";
    assert_eq!(database.value(ends), "t");
    assert_eq!(session::touch(&mut conn, 100 * HOUR, &uses).unwrap(), 1);
    assert_eq!(
        database.value("SELECT expires_at = absolute_expires_at FROM sessions WHERE id LIKE 'live%'"),
        "t"
    );
    // An older mark that arrives late moves nothing back.
    let row = "SELECT (expires_at, last_activity) FROM sessions WHERE id LIKE 'live%'";
    let before = database.value(row);
    session::touch(&mut conn, HOUR, &[(session_id("live"), HOUR / 2)]).unwrap();
    assert_eq!(database.value(row), before);
}

#[test]
fn an_extension_waits_for_whoever_changes_the_row_and_is_no_false_no_c3() {
    let (database, mut conn, alice) = setup();
    session::open(&mut conn, &login(alice, "live")).unwrap().unwrap();
    let mut other = database.connect();
    let mut changing = other.transaction().unwrap();
    changing.execute("UPDATE sessions SET last_activity = now()", &[]).unwrap();
    let extending =
        std::thread::spawn(move || session::extend(&mut conn, &session_id("live"), Web, 2 * HOUR).unwrap());
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND datname = current_database()";
    test_support::eventually("it waits", Duration::from_secs(10), || {
        assert!(!extending.is_finished(), "it did not wait");
        (database.number(waiting) == 1).then_some(())
    });
    changing.commit().unwrap();
    assert!(extending.join().unwrap());
}

#[test]
fn the_list_has_a_persons_live_sessions_the_last_used_first_c1() {
    let (database, mut conn, alice) = setup();
    let bob = fixture::user(&database, "bob@example.com");
    for name in ["old", "recent", "revoked", "idle", "absolute"] {
        fixture::session(&database, alice, name);
    }
    fixture::session(&database, bob, "theirs");
    let mut in_admin = login(alice, "admin");
    in_admin.session.context = Admin;
    session::open(&mut conn, &in_admin).unwrap().unwrap();
    database.execute("UPDATE sessions SET revoked = true WHERE id LIKE 'revoked%'");
    database.execute("UPDATE sessions SET expires_at = now() WHERE id LIKE 'idle%'");
    database.execute("UPDATE sessions SET absolute_expires_at = now() WHERE id LIKE 'absolute%'");
    database.execute("UPDATE sessions SET last_activity = now() - interval '1 day' WHERE id LIKE 'old%'");
    let ids = |conn: &mut PgConnection, context| -> Vec<SessionId> {
        session::list(conn, alice, context).unwrap().into_iter().map(|session| session.id).collect()
    };
    assert_eq!(ids(&mut conn, Some(Web)), ["recent", "old"].map(session_id));
    assert_eq!(ids(&mut conn, None).len(), 3);
    database.execute("UPDATE users SET session_epoch = 1");
    assert_eq!(ids(&mut conn, None), []);
}

#[test]
fn a_proof_is_renewed_in_a_live_session_with_the_checked_credential_alone() {
    let (database, mut conn, alice) = setup();
    let id = fixture::session(&database, alice, "one");
    assert!(session::renew_proof(&mut conn, &id, Web, 0).unwrap());
    assert!(!session::renew_proof(&mut conn, &id, Web, 1).unwrap(), "another credential");
    database.execute("UPDATE users SET blocked_at = now()");
    assert!(!session::renew_proof(&mut conn, &id, Web, 0).unwrap(), "blocked");
    database.execute("UPDATE users SET blocked_at = NULL; UPDATE sessions SET revoked = true");
    assert!(!session::renew_proof(&mut conn, &id, Web, 0).unwrap(), "revoked");
}
