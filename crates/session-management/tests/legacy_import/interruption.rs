//! An import that is killed, again and again, and then finished.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use test_support::{Row, TestDatabase, eventually};

use crate::fixture::{OldFile, everything, printed, sessionctl};

const USERS: i64 = 400;
const SESSIONS: i64 = 1_200;

/// Everything that an import decides, without what is drawn and what is told by the clock.
fn imported(database: &TestDatabase) -> Vec<Vec<Row>> {
    [
        "SELECT legacy_id, email, phone, telegram_id, auth_token, role, created_at, legacy_attributes FROM users ORDER BY legacy_id",
        "SELECT s.id, u.legacy_id, s.created_at, s.last_activity, s.application_context, s.auth_method, s.adopted_from,
                s.revoked, s.session_epoch, s.absolute_expires_at - s.expires_at, s.expires_at > now() + interval '29 days'
         FROM sessions s JOIN users u ON u.id = s.user_id ORDER BY s.id",
        "SELECT legacy_id, fingerprint, seen_token_id, written_token_id FROM legacy_imports ORDER BY legacy_id",
    ]
    .map(|sql| database.query(sql))
    .into()
}

fn file() -> OldFile {
    let file = OldFile::new();
    file.run("BEGIN");
    for id in 1..=USERS {
        file.user(id, &format!("column-of-{id}"));
    }
    for n in 0..SESSIONS {
        file.session(1 + n % USERS, &format!("session-{n}"));
    }
    // Of each kind of thing that is decided by what came before.
    file.run(
        "UPDATE users SET email = (id / 2) || '@example.com', phone = '+7916123' || substr('0000' || id % 300, -4),
                telegram_id = id % 311, plan = 'plan ' || id;
         UPDATE users SET auth_token = 'shared-by-many' WHERE id % 50 = 0;
         UPDATE user_sessions SET auth_token = 'session-0' WHERE id % 97 = 0;
         COMMIT",
    );
    file
}

#[test]
fn an_import_that_is_killed_three_times_at_random_and_then_finished_equals_one_that_was_not_b10() {
    let file = file();
    let from = format!("sqlite:{}", file.path().display());
    let (killed, whole) = (TestDatabase::new(), TestDatabase::new());
    let import = ["legacy", "import", "--from", &from, "--batch", "5"];

    let random = RandomState::new().build_hasher().finish();
    let part = |n: u32| i64::try_from((random >> (16 * n)) & 0xFFFF).unwrap();
    // One in each fifth of the way, so that each kill finds an import that has come further and has not ended.
    let rows = USERS + SESSIONS;
    let points = [0, 1, 2].map(|n| rows * i64::from(n) / 5 + part(n) * (rows / 5) / 0x1_0000);
    for point in points {
        let mut child = sessionctl(&killed, &import).spawn().unwrap();
        eventually(&format!("{point} rows have come"), Duration::from_secs(60), || {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it ended before it had come to {point}: {points:?}"
            );
            let come = "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM sessions)";
            (killed.number(come) >= point).then_some(())
        });
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "{points:?}");
        assert!(imported(&killed) != imported_of(&whole, &import), "it was killed too late: {points:?}");
    }
    let output = sessionctl(&killed, &import).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert_eq!(imported(&killed), imported(&whole), "{points:?}");
    assert_eq!(killed.number("SELECT count(*) FROM users"), USERS);

    let before = everything(&killed);
    assert!(sessionctl(&killed, &import).output().unwrap().status.success());
    assert_eq!(everything(&killed), before);
}

/// What the import brings that nobody interrupts; the first call runs it.
fn imported_of(database: &TestDatabase, import: &[&str]) -> Vec<Vec<Row>> {
    if database.number("SELECT count(*) FROM users") == 0 {
        let output = sessionctl(database, import).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
    }
    imported(database)
}
