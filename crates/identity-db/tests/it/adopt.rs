//! A database that the older software has filled is taken over in place, used, and given back with every byte.

use constants::{ApplicationContext, Role};
use identity_db::session::{self, Revocation, State};
use identity_db::user::{self, NewUser};
use identity_db::{SessionId, UserId, migration};
use test_support::TestDatabase;

use crate::fixture::{self, HOUR, connection};

/// Many sessions a person, one table of raw tokens (seed 000).
const ONE_TOKEN: &str = include_str!("../fixtures/older/one_token.sql");
/// An older table `sessions` under raw ids, enums that lack labels (seed 004).
const PRISMA: &str = include_str!("../fixtures/older/prisma.sql");

const ANNA: &str = "a0000000-0000-4000-8000-000000000001";
const BORIS: &str = "a0000000-0000-4000-8000-000000000002";

/// A database in which only the older software was at work.
fn older(fixture: &str) -> TestDatabase {
    let database = TestDatabase::empty();
    database.execute(fixture);
    database
}

fn adopted(fixture: &str) -> TestDatabase {
    let database = older(fixture);
    up(&database);
    database
}

fn up(database: &TestDatabase) -> usize {
    let mut conn = migration::connect(database.owner_url()).unwrap();
    migration::run(&mut conn, Some("test_app")).unwrap().len()
}

fn down(database: &TestDatabase, count: usize) {
    let mut conn = migration::connect(database.owner_url()).unwrap();
    for _ in 0..count {
        assert!(migration::revert(&mut conn).unwrap().is_some(), "nothing left to revert");
    }
}

fn down_whole(database: &TestDatabase) {
    let count = database.number("SELECT count(*) FROM __diesel_schema_migrations");
    down(database, usize::try_from(count).unwrap());
}

fn notes(database: &TestDatabase) -> String {
    database.value("SELECT string_agg(message, E'\\n' ORDER BY id) FROM adoption.note")
}

fn assert_same(before: &str, after: &str, when: &str) {
    let gone: Vec<_> = before.lines().filter(|line| !after.lines().any(|other| other == *line)).collect();
    let new: Vec<_> = after.lines().filter(|line| !before.lines().any(|other| other == *line)).collect();
    assert!(before == after, "{when}: gone {gone:#?}, new {new:#?}");
}

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

/// The row of an older token: user, where it is from, whether it ended.
fn row(database: &TestDatabase, token: &str) -> Option<String> {
    let sql = format!(
        "SELECT user_id || ' ' || application_context || ' ' || coalesce(adopted_from, '-') || ' ' || auth_method || ' ' ||
                CASE WHEN revoked THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'live' END
         FROM sessions WHERE id = session_digest('{token}')"
    );
    database.query(&sql).into_iter().next().and_then(|row| row[0].clone())
}

fn digest(database: &TestDatabase, token: &str) -> SessionId {
    SessionId::parse(&database.value(&format!("SELECT session_digest('{token}')"))).unwrap()
}

#[test]
fn tokens_of_an_older_user_sessions_are_sessions_of_web_b8() {
    let database = adopted(ONE_TOKEN);
    for (token, owner) in
        [("token-of-anna-pc", ANNA), ("token-of-anna-phone", ANNA), ("token-of-boris", BORIS)]
    {
        assert_eq!(row(&database, token), Some(format!("{owner} web user_sessions legacy live")), "{token}");
        let found = session::find(&mut connection(&database), &digest(&database, token)).unwrap().unwrap();
        assert_eq!(found.state(ApplicationContext::Web), State::Live, "{token}");
        assert_eq!(found.state(ApplicationContext::Admin), State::OtherContext, "{token}");
        assert_eq!((found.session.absolute_expires_at - found.now).num_days(), 89, "{token}");
        assert_eq!((found.session.expires_at - found.now).num_days(), 29, "{token}");
    }
    let times = "SELECT created_at AT TIME ZONE 'UTC' || ' ' || last_activity AT TIME ZONE 'UTC'
                 FROM sessions WHERE id = session_digest('token-of-anna-pc')";
    assert_eq!(database.value(times), "2026-02-01 09:00:00 2026-02-03 10:00:00");
    assert_eq!(database.number("SELECT count(*) FROM legacy_user_sessions"), 11, "the older table stays");
    assert_eq!(database.number("SELECT count(*) FROM user_sessions"), 4, "the view stands under its name");
}

#[test]
fn a_token_that_none_can_be_is_left_out_and_one_of_two_people_opens_nothing_for_either_b8_f8() {
    let database = adopted(ONE_TOKEN);
    for token in ["", "tiny", "admin:smuggled", "trailing-space ", "shared-token"] {
        assert_eq!(row(&database, token), None, "{token:?}");
    }
    // One person's session, another one's `users.auth_token`: without a tombstone the fallback would let somebody in.
    assert_eq!(row(&database, "token-of-two").unwrap().split_once(' ').unwrap().1, "web - legacy revoked");
    let notes = notes(&database);
    let expected = "user_sessions: 4 of 11 sessions go on; left out: 4 with a token that none can be, 3 with a token of two \
                    people, 0 of an unknown application, 0 of nobody";
    assert!(notes.contains(expected), "{notes}");
}

#[test]
fn an_older_sessions_is_keyed_by_digests_and_raw_ids_are_the_owners_alone_b8_f9() {
    let database = adopted(PRISMA);
    let admin = "b0000000-0000-4000-8000-000000000001";
    assert_eq!(row(&database, "raw-session-of-admin"), Some(format!("{admin} web sessions legacy live")));
    assert_eq!(row(&database, "admin:b0rken"), None);
    // An expired row stays, or `users.session_id` would open it again.
    assert!(row(&database, "expired-session").unwrap().ends_with("expired"));
    let ends = "SELECT string_agg((extract(epoch FROM expires_at - now()) / 86400)::int || '/' ||
                                  (extract(epoch FROM absolute_expires_at - now()) / 86400)::int, ' ' ORDER BY expires_at)
                FROM sessions WHERE expires_at > now()";
    assert_eq!(
        database.value(ends),
        "7/90 30/90",
        "an earlier end stands, a later one is the idle end of web"
    );
    let kept = "SELECT data ->> 'theme' || ' ' || host(ip_address) || ' ' || user_agent
                FROM sessions WHERE id = session_digest('raw-session-of-admin')";
    assert_eq!(database.value(kept), "light 192.0.2.1 Mozilla/5.0");

    assert_eq!(database.number("SELECT count(*) FROM adoption.sessions"), 4);
    let raw = "SELECT count(*) FROM sessions s JOIN adoption.sessions o ON s.id = o.id";
    assert_eq!(database.number(raw), 0);
    for sql in ["SELECT id FROM adoption.sessions", "SELECT * FROM adoption.original_value"] {
        assert_eq!(database.try_execute_as_app(sql).unwrap_err().code, "42501", "{sql}");
    }
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
        action: "session_ended",
        origin: login.session.origin.clone(),
    };
    assert_eq!(session::revoke(conn, &logout).unwrap(), [older], "a logout");
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

#[test]
fn sessions_of_each_application_that_had_ended_have_ended_b8_f1() {
    let database = older(
        "CREATE TYPE application_type AS ENUM ('admin', 'web');
         CREATE TABLE users (id uuid PRIMARY KEY, session_id text);
         CREATE TABLE sessions (id text, user_id uuid, application_context text, data jsonb, revoked boolean, revoked_at timestamptz,
                                expires_at timestamptz, last_activity timestamptz);
         INSERT INTO users VALUES ('00000000-0000-4000-8000-000000000001', 'of-web-ended'), ('00000000-0000-4000-8000-000000000002', NULL);
         INSERT INTO sessions SELECT t, '00000000-0000-4000-8000-000000000001'::uuid, c, '{}', r, a, e, '2026-01-01'
         FROM (VALUES ('of-web', NULL, NULL, NULL, NULL), ('of-web-too', 'Web', false, NULL, timestamptz 'infinity'), ('of-admin', 'admin', NULL, NULL, NULL),
                      ('of-web-ended', 'web', true, NULL, NULL), ('of-web-ended-at', 'web', false, timestamptz '2026-01-02', NULL),
                      ('of-mobile', 'mobile', NULL, NULL, NULL)) AS v (t, c, r, a, e);
         INSERT INTO sessions (id, user_id) VALUES ('of-nobody', gen_random_uuid()), ('of-two-people', '00000000-0000-4000-8000-000000000001'),
                      ('of-two-people', '00000000-0000-4000-8000-000000000002'), (NULL, '00000000-0000-4000-8000-000000000002')",
    );
    let before = database.dump();
    up(&database);
    let owner = "00000000-0000-4000-8000-000000000001";
    for (token, expected) in [
        ("of-web", "web sessions legacy live"),
        ("of-web-too", "web sessions legacy live"),
        ("of-admin", "admin sessions legacy live"),
        ("of-web-ended", "web sessions legacy revoked"),
        ("of-web-ended-at", "web sessions legacy revoked"),
    ] {
        assert_eq!(row(&database, token), Some(format!("{owner} {expected}")), "{token}");
    }
    for token in ["of-mobile", "of-nobody", "of-two-people"] {
        assert_eq!(row(&database, token), None, "{token}");
    }
    let ends = "SELECT extract(epoch FROM expires_at - now()) / 60 BETWEEN 28 AND 30
                   AND extract(epoch FROM absolute_expires_at - now()) / 3600 BETWEEN 11 AND 12
                FROM sessions WHERE id = session_digest('of-admin')";
    assert_eq!(database.value(ends), "t", "an admin session has the short life of one");
    assert_eq!(
        database.value("SELECT revoked_at::date FROM sessions WHERE id = session_digest('of-web-ended-at')"),
        "2026-01-02"
    );
    let notes = notes(&database);
    let expected = "5 of 10 sessions go on; left out: 1 with a token that none can be, 2 with a token of two people, 1 of an unknown application, 1 of nobody";
    assert!(notes.contains(expected), "{notes}");
    down_whole(&database);
    assert_same(&before, &database.dump(), "up and down");
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

#[test]
fn what_cannot_be_taken_over_is_one_line_and_nothing_has_changed_b8() {
    let users = "CREATE TABLE users (id uuid PRIMARY KEY, email text, created_at timestamp)";
    for (sql, expected) in [
        ("CREATE TABLE users (id serial PRIMARY KEY, auth_token text)", "sessionctl legacy import"),
        ("CREATE TABLE users (id uuid PRIMARY KEY, is_verified integer)", "users.is_verified is integer"),
        ("CREATE TABLE users (id uuid PRIMARY KEY, created_at text)", "users.created_at is text"),
        ("CREATE VIEW users AS SELECT gen_random_uuid() AS id", "users is no ordinary table"),
        (&format!("{users}; ALTER TABLE users ENABLE ROW LEVEL SECURITY"), "row level security"),
        (&format!("{users}; CREATE VIEW recent AS SELECT created_at FROM users"), "view recent"),
        (&format!("{users}; CREATE TABLE audit_log (id int)"), "audit_log"),
        (
            &format!("{users}; CREATE TABLE sessions (id serial, user_id uuid)"),
            "sessions cannot be taken over",
        ),
        (
            &format!("{users}; CREATE TABLE sessions (id text, user_id int)"),
            "user_id must be uuid and is integer",
        ),
        (
            &format!("{users}; CREATE TABLE sessions (id text, user_id uuid, expires_at bigint)"),
            "expires_at is bigint",
        ),
        (
            &format!("{users}; CREATE VIEW user_sessions AS SELECT id FROM users"),
            "user_sessions is no ordinary table",
        ),
        (
            &format!(
                "{users}; CREATE TABLE user_sessions (user_id uuid, auth_token text); CREATE TABLE legacy_user_sessions ()"
            ),
            "legacy_user_sessions, which exists",
        ),
        (&format!("{users}; CREATE DOMAIN user_role AS text"), "user_role is no enum"),
    ] {
        let database = older(sql);
        let before = database.dump();
        let mut conn = migration::connect(database.owner_url()).unwrap();
        let error = migration::run(&mut conn, Some("test_app")).expect_err(sql).to_string();
        assert!(error.contains(expected) && error.lines().count() == 1, "{sql}: {error}");
        assert_same(&before, &database.dump(), sql);
    }
}
