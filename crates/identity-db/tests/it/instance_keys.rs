//! The installation's root keys: which verify, and which signs.

use identity_db::{PgConnection, RootKey, instance_key};
use test_support::TestDatabase;

use crate::fixture::connection;

fn current(conn: &mut PgConnection) -> Vec<Vec<u8>> {
    instance_key::current(conn).unwrap().iter().map(|key: &RootKey| key.expose().to_vec()).collect()
}

#[test]
fn a_new_key_verifies_at_once_and_signs_when_every_process_has_it_and_the_last_two_verify() {
    let database = TestDatabase::new();
    let mut conn = connection(&database);
    let mut owner = identity_db::migration::connect(database.owner_url()).unwrap();
    let settle =
        || database.execute("UPDATE instance_keys SET created_at = created_at - interval '121 seconds'");
    let first = current(&mut conn);
    assert_eq!(first.len(), 1, "the first signs at once");
    assert!(instance_key::rotate(&mut conn).is_err(), "the owner alone may");
    assert_eq!(instance_key::rotate(&mut owner).unwrap(), 2);
    let young = current(&mut conn);
    assert_eq!((young.len(), &young[0]), (2, &first[0]), "the older one signs");
    settle();
    let settled = current(&mut conn);
    assert_eq!(settled, [young[1].clone(), young[0].clone()]);
    assert_eq!(instance_key::rotate(&mut owner).unwrap(), 3);
    settle();
    let third = current(&mut conn);
    assert_eq!((third.len(), &third[1]), (2, &settled[0]));
    assert!(!third.contains(&first[0]), "the first verifies no more");
    assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'root_key_added'"), 2);
}
