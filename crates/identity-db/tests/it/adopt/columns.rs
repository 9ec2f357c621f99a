//! What becomes of people, their columns, types and rights.

use constants::Role;
use identity_db::user;
use test_support::TestDatabase;

use super::{BORIS, ONE_TOKEN, PRISMA, adopted, assert_same, down_whole, notes, older, up};
use crate::fixture::connection;

#[test]
fn nobody_is_lost_for_an_address_or_a_number_that_cannot_stay_b8() {
    let database = adopted(ONE_TOKEN);
    let people =
        "SELECT right(id::text, 1), email, phone, telegram_id, legacy_attributes FROM users ORDER BY id";
    let text = |row: &test_support::Row| {
        row.iter().map(|value| value.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" ")
    };
    let people: Vec<String> = database.query(people).iter().map(text).collect();
    assert_eq!(
        people,
        [
            "1 anna@example.com +79161234567 501 -",
            "2 boris@example.com +79167654321 - -",
            r#"3 - - - {"phone": "89161112233", "telegram_id": "0"}"#,
            r#"4 - - - {"email": "ANNA@example.com", "phone": ""}"#,
            r#"5 иван@почта.рф - 502 {"phone": "0044 20 7946 0000"}"#,
            r#"6 - +442079460000 - {"email": "not an address", "telegram_id": "501"}"#,
            r#"7 - +79160000007 - {"email": "anna@example.com "}"#,
        ]
    );
    let found = user::find_by_email(&mut connection(&database), "boris@example.com").unwrap().unwrap();
    assert_eq!((found.id.to_string().as_str(), found.role), (BORIS, Role::User));
    let notes = notes(&database);
    for line in ["users.email: 2 values have another spelling", "users.email: 3 people have none now"] {
        assert!(notes.contains(line), "{notes}");
    }
    assert!(!notes.contains("anna"), "no address in what is printed: {notes}");
}

#[test]
fn an_older_enum_gets_the_labels_that_it_lacks_wherever_it_is_used_f5() {
    let database = adopted(PRISMA);
    database.execute("UPDATE users SET role = 'operator' WHERE email = 'mixed.case@example.com'");
    database.execute("UPDATE invitations SET role = 'support', application = 'admin' WHERE code = 'second'");
    assert_eq!(database.value("INSERT INTO invitations (code) VALUES ('x') RETURNING role"), "admin");
    let permission = "INSERT INTO user_permissions (user_id, permission, application_context)
                      SELECT id, 'audit.read', 'admin' FROM users LIMIT 1";
    database.execute(permission);
    down_whole(&database);
    // What the older types cannot say becomes their default, and a right in an unknown application goes.
    assert_eq!(
        database.value("SELECT string_agg(role::text, ' ' ORDER BY id) FROM users"),
        "admin user user"
    );
    assert_eq!(
        database.value(
            "SELECT role || ' ' || coalesce(application::text, '-') FROM invitations WHERE code = 'second'"
        ),
        "admin -"
    );
    assert_eq!(database.number("SELECT count(*) FROM user_permissions"), 1);
}

#[test]
fn columns_of_other_types_are_taken_over_and_given_back_b8() {
    let database = older(
        "CREATE TYPE \"Role\" AS ENUM ('ADMIN', 'USER', 'OWNER');
         CREATE TABLE users (
             id uuid UNIQUE NOT NULL, email character(40), phone varchar(11), telegram_id text, is_verified boolean,
             role \"Role\" DEFAULT 'USER', created_at timestamptz(3), blocked_at timestamp, auth_token varchar(32),
             session_epoch smallint DEFAULT 3, legacy_id integer UNIQUE, secret text COLLATE \"C\" NOT NULL);
         INSERT INTO users VALUES
             ('00000000-0000-4000-8000-000000000001', 'A@B.example', '+1202555012', ' 77 ', NULL, 'OWNER', NULL, 'infinity', 'x', NULL, 7, ''),
             ('00000000-0000-4000-8000-000000000002', NULL, NULL, 'nobody', true, 'ADMIN', '2026-01-01', NULL, NULL, 4, NULL, 'é');
         CREATE TABLE leads (id int); GRANT ALL ON leads TO test_app; GRANT SELECT, DELETE ON users TO test_app WITH GRANT OPTION;
         GRANT UPDATE (secret) ON users TO test_app; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO test_app",
    );
    let before = database.dump();
    up(&database);
    let rows = "SELECT concat_ws(' ', email, phone, telegram_id, is_verified, role, blocked_at, session_epoch, legacy_id, legacy_attributes)
                FROM users ORDER BY id";
    let rows: Vec<_> = database.query(rows).into_iter().map(|row| row[0].clone().unwrap()).collect();
    assert_eq!(
        rows,
        [
            r#"a@b.example +1202555012 77 f user infinity 0 7 {"role": "OWNER"}"#,
            r#"t admin 4 {"telegram_id": "nobody"}"#
        ]
    );
    let wanted = TestDatabase::new();
    let types = "SELECT column_name, udt_name, is_nullable FROM information_schema.columns
                 WHERE table_name = 'users' AND column_name <> 'secret' ORDER BY 1";
    let alike = |rows: Vec<test_support::Row>| format!("{rows:?}").replace("\"text\"", "\"varchar\"");
    assert_eq!(alike(database.query(types)), alike(wanted.query(types)));
    for (table, right, expected) in [
        ("leads", "DELETE", "t"),
        ("users", "DELETE", "f"),
        ("sessions", "DELETE", "f"),
        ("audit_log", "UPDATE", "f"),
    ] {
        let sql = format!("SELECT has_table_privilege('test_app', '{table}', '{right}')");
        assert_eq!(database.value(&sql), expected, "{right} on {table}");
    }
    down_whole(&database);
    assert_same(&before, &database.dump(), "up and down");
}

#[test]
fn a_role_in_words_goes_back_with_the_check_on_it_b8() {
    let database = older(
        "CREATE TABLE users (
             id uuid PRIMARY KEY, role varchar(20) DEFAULT 'user' NOT NULL CHECK (role IN ('user', 'admin', 'moderator')), plan varchar(9),
             CONSTRAINT admins_pay CHECK (role <> 'admin' OR plan IN ('basic', 'pro')));
         CREATE INDEX moderators ON users (plan) WHERE role = 'moderator';
         INSERT INTO users VALUES ('00000000-0000-4000-8000-000000000001', 'admin', 'pro'),
                                  ('00000000-0000-4000-8000-000000000002', 'moderator', NULL)",
    );
    let before = database.dump();
    up(&database);
    let roles = "SELECT string_agg(role || coalesce(' ' || (legacy_attributes ->> 'role'), ''), ', ' ORDER BY id) FROM users";
    assert_eq!(database.value(roles), "admin, user moderator");
    let anna = "UPDATE users SET role = 'support' WHERE plan = 'pro'";
    down_whole(&database);
    assert_same(&before, &database.dump(), "up and down");

    up(&database);
    database.execute(anna);
    down_whole(&database);
    let kept = "SELECT role || ' ' || convalidated FROM users, pg_constraint
                WHERE plan = 'pro' AND conname = 'users_role_check'";
    assert_eq!(
        database.value(kept),
        "support false",
        "a role of the new software stands, beside a check that is not valid"
    );
}

#[test]
fn an_application_gets_no_right_on_what_is_the_older_softwares_b8() {
    let database = older(ONE_TOKEN);
    database.execute("REVOKE SELECT ON payments FROM PUBLIC; REVOKE SELECT (id, plan) ON users FROM PUBLIC");
    up(&database);
    for sql in [
        "SELECT name FROM users",
        "UPDATE users SET paid_until = now()",
        "INSERT INTO users (plan) VALUES ('pro')",
        "SELECT FROM payments",
        "SELECT FROM leads",
        "SELECT FROM telegram_sessions",
        "SELECT auth_token FROM legacy_user_sessions",
        "SELECT * FROM adoption.change",
        "SELECT adoption.undo('20261122000100')",
    ] {
        assert_eq!(database.try_execute_as_app(sql).expect_err(sql).code, "42501", "{sql}");
    }
    for sql in
        ["SELECT count(*) FROM users", "SELECT * FROM user_sessions", "SELECT role FROM users FOR UPDATE"]
    {
        database.try_execute_as_app(sql).unwrap_or_else(|refusal| panic!("{sql}: {refusal:?}"));
    }
}
