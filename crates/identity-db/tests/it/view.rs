//! `user_sessions`: a person's live sessions in the words of the older software.

use test_support::TestDatabase;

use crate::fixture::{session, user};

fn listed(database: &TestDatabase) -> Vec<String> {
    let rows = database.query("SELECT id FROM user_sessions ORDER BY id");
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

#[test]
fn the_view_has_the_columns_of_the_older_software_and_only_digests_b1() {
    let database = TestDatabase::new();
    let alice = user(&database, "alice@example.com");
    let id = session(&database, alice, "one");
    let bob = user(&database, "bob@example.com");
    session(&database, bob, "two");
    let rows = database.query(&format!("SELECT * FROM user_sessions WHERE user_id = '{alice}'"));
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0][..3], [Some(id.to_string()), Some(alice.to_string()), Some(id.to_string())]);
    let columns = "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position)
                   FROM information_schema.columns WHERE table_name = 'user_sessions'";
    assert_eq!(database.value(columns), "id user_id auth_token created_at last_seen_at");
    let same = "SELECT bool_and(v.created_at = s.created_at AND v.last_seen_at = s.last_activity)
                FROM user_sessions v JOIN sessions s USING (id)";
    assert_eq!(database.value(same), "t");
}

#[test]
fn the_view_shows_live_sessions_alone_b1() {
    let database = TestDatabase::new();
    for (name, ending) in [
        ("revoked", "UPDATE sessions SET revoked = true WHERE id LIKE 'revoked%'"),
        ("idle", "UPDATE sessions SET expires_at = now() WHERE id LIKE 'idle%'"),
        ("absolute", "UPDATE sessions SET absolute_expires_at = now() WHERE id LIKE 'absolute%'"),
        ("epoch", "UPDATE users SET session_epoch = session_epoch + 1 WHERE email LIKE 'epoch%'"),
        ("blocked", "UPDATE users SET blocked_at = now() WHERE email LIKE 'blocked%'"),
    ] {
        let id = session(&database, user(&database, &format!("{name}@example.com")), name);
        assert_eq!(listed(&database), [id.to_string()], "before {name}");
        database.execute(ending);
        assert!(listed(&database).is_empty(), "after {name}");
    }
}
