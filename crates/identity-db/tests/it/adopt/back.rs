//! Down again: every byte, whatever happened in between.

use constants::{ApplicationContext, AuditAction, Role};
use identity_db::session::{self, Revocation};
use identity_db::user::{self, NewUser};
use identity_db::{UserId, migration};
use test_support::TestDatabase;

use super::{ANNA, BORIS, ONE_TOKEN, PRISMA, adopted, assert_same, digest, down, down_whole, older, row, up};
use crate::fixture::{self, HOUR, connection};

#[test]
fn an_older_table_of_tokens_goes_up_down_and_up_again_from_every_migration_and_keeps_every_byte_a14_b8() {
    walk(ONE_TOKEN);
}

#[test]
fn an_older_table_of_sessions_goes_up_down_and_up_again_from_every_migration_and_keeps_every_byte_a14_b8() {
    walk(PRISMA);
}

fn walk(fixture: &str) {
    let database = older(fixture);
    let before = database.dump();
    let all = up(&database);
    for count in (1..=all).rev() {
        // `count` migrations stand here; the rest goes up and down above them.
        let dump = database.dump();
        up(&database);
        down(&database, all - count);
        assert_same(&dump, &database.dump(), &format!("up and down above {count}"));
        down(&database, 1);
    }
    assert_same(&before, &database.dump(), "everything reverted");
    up(&database);
    down_whole(&database);
    assert_same(&before, &database.dump(), "up and down once more");
}

#[test]
fn what_nobody_asked_for_keeps_every_byte_while_the_new_schema_stands_b8() {
    for (fixture, sql) in [
        (ONE_TOKEN, "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM telegram_sessions t"),
        (ONE_TOKEN, "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM leads t"),
        (ONE_TOKEN, "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM payments t"),
        (ONE_TOKEN, "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM paying t"),
        (
            ONE_TOKEN,
            "SELECT md5(string_agg((id, name, auth_token, trial_expires_at, paid_until, plan, number, updated_at)::text,
                                   '|' ORDER BY id)) FROM users",
        ),
        (PRISMA, "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM invitations t"),
        (PRISMA, "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM session_events t"),
        (PRISMA, "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM exchange_orders t"),
        (PRISMA, "SELECT md5(string_agg((id, hashed_password, session_id, balance)::text, '|' ORDER BY id)) FROM users"),
    ] {
        let database = older(fixture);
        let before = database.value(sql);
        up(&database);
        assert_eq!(database.value(sql), before, "{sql}");
    }
}

/// A login, a use, a logout and a registration by the applications' own functions and role.
fn use_it(database: &TestDatabase, person: &str, logged_out: &str) {
    let conn = &mut connection(database);
    let id = UserId(person.parse().unwrap());
    let mut login = fixture::login(id, "new");
    login.auth_token = Some("the-newest-token-of-web".into());
    assert!(session::open(conn, &login).unwrap().is_some(), "a login");
    let older = digest(database, logged_out);
    assert_eq!(session::touch(conn, HOUR, &[(older, HOUR / 60)]).unwrap(), 1, "a use");
    let logout = Revocation {
        ids: vec![older],
        of_user: None,
        context: Some(ApplicationContext::Web),
        actor: None,
        action: AuditAction::SessionEnded,
        origin: login.session.origin.clone(),
    };
    assert_eq!(session::revoke(conn, &logout).unwrap().live, [older], "a logout");
    let new = NewUser {
        email: Some("new@example.com".into()),
        hashed_password: None,
        role: Role::User,
        is_verified: false,
    };
    assert!(user::create(conn, &new).unwrap().is_some(), "a registration");
    let raised = user::raise_epoch(conn, UserId(BORIS.parse().unwrap()), None, None).unwrap();
    if let Some(boris) = raised {
        session::end_all(conn, boris.id, boris.session_epoch, None).unwrap();
    }
}

#[test]
fn a_database_that_was_used_goes_back_with_every_byte_but_what_the_use_changed_b8() {
    for (fixture, person, token, changed, dropped) in [
        (
            ONE_TOKEN,
            ANNA,
            "token-of-anna-pc",
            // The newest token, by dual writing; and the older software's own trigger runs at each login.
            "UPDATE users SET auth_token = 'token-of-anna-phone' WHERE auth_token = 'the-newest-token-of-web'",
            "ALTER TABLE users ALTER phone SET NOT NULL, ALTER name SET NOT NULL",
        ),
        (
            PRISMA,
            "b0000000-0000-4000-8000-000000000001",
            "raw-session-of-admin",
            "UPDATE users SET last_login_at = '2025-09-13 10:00:00.654321' WHERE role = 'admin'",
            "ALTER TABLE users ALTER hashed_password SET NOT NULL",
        ),
    ] {
        let database = older(fixture);
        let before = database.dump();
        up(&database);
        use_it(&database, person, token);
        down_whole(&database);
        assert_eq!(
            database.number("SELECT count(*) FROM users WHERE email = 'new@example.com'"),
            1,
            "people stay"
        );
        // Undone by hand: the new person, what the use changed, and what the new person could not have.
        database.execute("DELETE FROM users WHERE email = 'new@example.com'");
        database.execute(dropped);
        let _ = database.try_execute("ALTER TABLE users DISABLE TRIGGER users_touch");
        database.execute(changed);
        let _ = database.try_execute(
            "UPDATE users SET updated_at = '2026-01-01'; ALTER TABLE users ENABLE TRIGGER users_touch;
             SELECT setval('users_number_seq', (SELECT max(number) FROM users))",
        );
        assert_same(&before, &database.dump(), "up, used, down");

        up(&database);
        assert!(row(&database, token).unwrap().ends_with("live"), "the older software has not ended it");
        down_whole(&database);
        assert_same(&before, &database.dump(), "up and down again");
    }
}

#[test]
fn what_a_person_changed_meanwhile_is_not_overwritten_on_the_way_back_b8() {
    let database = adopted(ONE_TOKEN);
    database.execute(&format!("UPDATE users SET email = 'boris@new.example' WHERE id = '{BORIS}'"));
    down_whole(&database);
    let emails = "SELECT string_agg(coalesce(email, '-'), '|' ORDER BY id) FROM users";
    assert_eq!(
        database.value(emails),
        "anna@example.com|boris@new.example|-|ANNA@example.com|ИВАН@Почта.рф|not an address|anna@example.com "
    );
}

#[test]
fn a_database_that_was_dumped_and_restored_meanwhile_goes_back_too_b8() {
    for fixture in [ONE_TOKEN, PRISMA] {
        let database = older(fixture);
        database.execute("CREATE TABLE notes (id int); GRANT INSERT ON users, notes TO test_app");
        let before = database.restored().dump();
        up(&database);
        let restored = database.restored();
        up(&restored);
        assert_eq!(restored.value("SELECT has_table_privilege('test_app', 'notes', 'INSERT')"), "t");
        down_whole(&restored);
        assert_same(&before, &restored.dump(), "up, dumped, restored, down");
    }
}

#[test]
fn after_the_clean_up_nothing_raw_is_left_and_the_way_back_is_refused_b8_a13() {
    let database = older(ONE_TOKEN);
    database.execute("CREATE TABLE sessions (id uuid PRIMARY KEY, user_id uuid)");
    up(&database);
    database.execute("SELECT adoption.forget_originals()");
    let raw = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND (relname = 'legacy_user_sessions'
               OR relnamespace = 'adoption'::regnamespace AND relname = 'sessions')";
    assert_eq!(database.number(raw), 0);
    assert_eq!(database.number("SELECT count(*) FROM adoption.original_value"), 0);
    let applied =
        database.number("SELECT count(*) FROM __diesel_schema_migrations WHERE version > '20261122000200'");
    down(&database, usize::try_from(applied).unwrap());
    let sessions = database.number("SELECT count(*) FROM sessions");
    let mut conn = migration::connect(database.owner_url()).unwrap();
    let error = migration::revert(&mut conn).unwrap_err().to_string();
    assert!(error.contains("only a backup leads back"), "{error}");
    assert_eq!(database.number("SELECT count(*) FROM sessions"), sessions, "nothing has changed");
}
