//! A database that the older software has filled is taken over in place, used, and given back with every byte.

mod back;
mod columns;
mod refusals;
mod sessions;

use identity_db::{SessionId, migration};
use test_support::TestDatabase;

/// Many sessions a person, one table of raw tokens.
const ONE_TOKEN: &str = include_str!("../fixtures/older/one_token.sql");
/// An older table `sessions` under raw ids, enums that lack labels.
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
