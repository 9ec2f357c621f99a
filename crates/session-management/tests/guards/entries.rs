//! When an entry counts, and what is written into one.

use std::time::Duration;

use session_management::SessionToken;
use test_support::{PostgresProxy, TestDatabase, TestPostgres};

use crate::pause::Pause;
use crate::stage::{ELEVEN_MINUTES, FOUR_MINUTES, Process, Session, Setup, Stage};

/// A process with a session in its cache.
fn warm(stage: &Stage) -> (Process<'_>, Session) {
    let (process, session) = (stage.process(), stage.session());
    assert!(process.lets_in(&session));
    (process, session)
}

pub(crate) fn without_a_lease_nothing_counts(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    process.proxy.hold();
    stage.revoke(&session);
    process.pass_the_bound();
    process.lets_in(&session)
}

pub(crate) fn a_late_answer_makes_no_lease(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    process.proxy.hold();
    // Postgres has answered the beat, and says no more before the revocation.
    process.proxy.wait_for_a_held_answer();
    stage.revoke(&session);
    process.pass_the_bound();
    process.proxy.release_one_answer();
    // The next beat goes out when the answer to this one has been seen.
    process.proxy.wait_for_a_held_answer();
    process.lets_in(&session)
}

pub(crate) fn a_pause_between_the_checks(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    process.proxy.hold();
    stage.revoke(&session);
    process.pass_the_bound();
    let pause = Pause::at("near::between_checks");
    let looking = process.look_up(&session);
    pause.wait_unless(|| looking.is_finished());
    process.proxy.resume();
    process.proxy.wait_for_beats();
    drop(pause);
    looking.join().unwrap()
}

/// Whether a session that is in the cache is let in after its revocation was heard of, and its time is up.
pub(crate) fn outlives_a_revocation(stage: &Stage, process: &Process<'_>) -> bool {
    let session = stage.session();
    assert!(process.lets_in(&session));
    stage.revoke(&session);
    process.pass_the_bound_and_hear();
    process.lets_in(&session)
}

pub(crate) fn a_revocation_is_heard_of(stage: &Stage, _: bool) -> bool {
    outlives_a_revocation(stage, &stage.process())
}

pub(crate) fn a_block_is_heard_of(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    stage.database.execute(&format!("UPDATE users SET blocked_at = now() WHERE email = '{}'", session.email));
    process.pass_the_bound_and_hear();
    process.lets_in(&session)
}

pub(crate) fn what_was_read_before_the_stream(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    process.proxy.cut();
    stage.revoke(&session);
    process.proxy.accept();
    process.proxy.wait_for_beats();
    process.wait_for_lease();
    process.pass_the_bound_and_hear();
    process.lets_in(&session)
}

/// The old primary, cut off, still has somebody who looks sessions up there and writes what they say to Redis.
pub(crate) fn what_was_read_from_another_server(stage: &Stage, _: bool) -> bool {
    let new = TestPostgres::start();
    let database = new.database();
    let session = stage.session();
    copy(&stage.database, &database, &session);
    let keys = stage.database.value("SELECT encode(key, 'hex') FROM instance_keys");
    database.execute(&format!("UPDATE instance_keys SET key = decode('{keys}', 'hex')"));
    database.execute(&format!("UPDATE sessions SET revoked = true WHERE id = '{}'", session.id));
    let process = stage.start(&Setup { url: database.url(), ..stage.setup() });
    process.wait_for_lease();
    assert!(stage.process().lets_in(&session), "by the old primary");
    process.pass_the_bound_and_hear();
    process.lets_in(&session)
}

/// The same person and session in another database.
fn copy(from: &TestDatabase, to: &TestDatabase, session: &Session) {
    let user = from.value(&format!("SELECT to_jsonb(u) FROM users u WHERE email = '{}'", session.email));
    let row = from.value(&format!("SELECT to_jsonb(s) FROM sessions s WHERE id = '{}'", session.id));
    for (table, row) in [("users", user), ("sessions", row)] {
        to.execute(&format!(
            "INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, '{row}')"
        ));
    }
}

pub(crate) fn an_entry_that_outlives_its_denial(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    stage.revoke(&session);
    process.pass_the_bound_and_hear();
    process.pass(ELEVEN_MINUTES);
    process.lets_in(&session)
}

pub(crate) fn a_long_pause_between_the_checks(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    stage.revoke(&session);
    process.pass_the_bound_and_hear();
    let pause = Pause::at("near::between_checks");
    let looking = process.look_up(&session);
    pause.wait();
    process.pass(ELEVEN_MINUTES);
    drop(pause);
    looking.join().unwrap()
}

pub(crate) fn an_entry_past_its_end(stage: &Stage, _: bool) -> bool {
    let process = stage.process();
    let session = stage.session_for("web", "4 minutes");
    assert!(process.lets_in(&session));
    stage.let_the_end_come("sessions", "sessions_notify_denial");
    process.pass(FOUR_MINUTES);
    process.lets_in(&session)
}

const GRANT: &str = "INSERT INTO user_permissions (user_id, permission, application_context, expires_at)
     SELECT id, 'reports.read', 'web', clock_timestamp() + interval '4 minutes' FROM users WHERE email =";

pub(crate) fn a_right_past_its_end(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process(), stage.session());
    stage.database.execute(&format!("{GRANT} '{}'", session.email));
    assert!(process.may(&session, "reports.read"));
    stage.let_the_end_come("user_permissions", "user_permissions_raise_version");
    process.pass(FOUR_MINUTES);
    process.may(&session, "reports.read")
}

#[test]
fn a_right_that_is_granted_or_taken_is_felt_within_the_bound_a4() {
    let stage = Stage::new();
    let (process, session) = warm(&stage);
    let may = |expected: bool, after: &str| {
        process.pass_the_bound_and_hear();
        assert_eq!(process.may(&session, "reports.read"), expected, "after {after}");
        assert!(process.lets_in(&session));
    };
    let grant = GRANT.replace("clock_timestamp() + interval '4 minutes'", "NULL");
    may(false, "nothing");
    let foreign = format!("{} '{}'", grant.replace("'web'", "'admin'"), session.email);
    for (sql, expected) in [
        (foreign.as_str(), false),
        (&format!("{grant} '{}'", session.email), true),
        ("UPDATE user_permissions SET expires_at = now() - interval '1 second'", false),
        ("UPDATE user_permissions SET expires_at = now() + interval '1 hour'", true),
        ("DELETE FROM user_permissions WHERE application_context = 'web'", false),
        ("UPDATE user_permissions SET application_context = 'web'", true),
        ("TRUNCATE user_permissions", false),
    ] {
        stage.database.execute(sql);
        may(expected, sql);
    }
}

/// Who may write to Redis, and runs this very software, on a database without the key.
pub(crate) fn a_forged_value(stage: &Stage, _: bool) -> bool {
    let session = stage.session();
    let theirs = TestDatabase::new();
    copy(&stage.database, &theirs, &session);
    theirs.execute("UPDATE instance_keys SET key = decode(repeat('ab', 32), 'hex')");
    stage.revoke(&session);
    let process = stage.process();
    let forger = stage.start(&Setup { url: theirs.url(), ..stage.setup() });
    forger.wait_for_lease();
    assert!(forger.lets_in(&session), "by the forger");
    process.proxy.wait_for_beats();
    process.lets_in(&session)
}

/// Who may write to Redis puts a good value under the key of a session that has ended.
pub(crate) fn a_value_under_another_key(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    let ended = stage.session();
    stage.revoke(&ended);
    let key = |session: &Session| format!("session:web:{}", session.id);
    stage.redis.command(&["COPY", &key(&session), &key(&ended), "REPLACE"]);
    process.pass_the_bound_and_hear();
    process.lets_in(&ended)
}

/// Only one of the two guards is out.
#[test]
fn either_of_the_guards_against_a_value_under_another_key_is_enough_c4() {
    for guard in ["guard::mac_covers_key", "guard::value_names_its_session"] {
        let stage = Stage::new();
        identity_db::fail::cfg(guard, "return").unwrap();
        assert!(!a_value_under_another_key(&stage, true), "{guard}");
    }
}

pub(crate) fn a_reader_whose_clock_is_ahead(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process(), stage.session());
    let ahead = stage.start(&Setup { clock_ahead: ELEVEN_MINUTES, ..stage.setup() });
    ahead.wait_for_lease();
    assert!(ahead.lets_in(&session));
    stage.revoke(&session);
    process.pass_the_bound_and_hear();
    process.pass(ELEVEN_MINUTES + Duration::from_secs(60));
    process.lets_in(&session)
}

pub(crate) fn a_late_stamp(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process(), stage.session());
    let pause = Pause::at("near::remember");
    let looking = process.look_up(&session);
    pause.wait();
    process.proxy.cut();
    stage.revoke(&session);
    process.proxy.accept();
    process.proxy.wait_for_beats();
    process.wait_for_lease();
    drop(pause);
    assert!(looking.join().unwrap(), "it was asked before the end");
    process.pass_the_bound_and_hear();
    process.lets_in(&session)
}

pub(crate) fn a_denial_that_is_forgotten_early(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    stage.revoke(&session);
    process.pass_the_bound_and_hear();
    // Old ones are looked for every ten seconds.
    process.pass(Duration::from_secs(11));
    process.lets_in(&session)
}

pub(crate) fn too_many_denials(stage: &Stage, _: bool) -> bool {
    let (process, session) = warm(stage);
    stage.revoke(&session);
    process.pass_the_bound_and_hear();
    let flood = "SELECT count(pg_notify('denials', 's:' || lpad(n::text, 43, 'A'))) FROM generate_series(1, 200001) n";
    stage.database.execute(flood);
    // Either all of it has been heard, or the stream has begun anew because of it.
    process.proxy.wait_for_beats();
    process.wait_for_lease();
    process.pass_the_bound_and_hear();
    process.lets_in(&session)
}

/// What a proxy in front of the pool is for.
pub(crate) fn behind(stage: &Stage) -> (PostgresProxy, Setup) {
    let proxy = PostgresProxy::start(&stage.database.url());
    let url = proxy.url(&stage.database.url());
    (proxy, Setup { url, ..stage.setup() })
}

/// A token that nobody has heard of.
pub(crate) fn unknown(email: &str) -> Session {
    let token = SessionToken::generate();
    let id = token.id().to_string();
    Session { token, id, email: email.to_owned() }
}
