//! Connections that break.

use constants::Role;
use diesel::prelude::*;
use identity_db::{Database, DatabaseConfig, DatabaseError, user};
use test_support::TestDatabase;

#[test]
fn one_that_breaks_before_it_knows_the_types_of_enums_is_an_outage_f12() {
    let database = TestDatabase::new();
    let pool = Database::new(&DatabaseConfig::new(database.url()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let broken = runtime.block_on(pool.run(|conn| {
        let _ = diesel::sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(conn);
        user::list(conn, Some(Role::Admin), 1, 0)
    }));
    assert!(matches!(broken, Err(DatabaseError::Unavailable(_))), "{broken:?}");
    let next = runtime.block_on(pool.run(|conn| user::list(conn, Some(Role::Admin), 1, 0)));
    assert_eq!(next.unwrap(), [], "the next one is another");
}
