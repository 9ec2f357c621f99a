//! The schema that the queries are checked against is the one that the migrations make.

use std::path::Path;

use test_support::{TestDatabase, bare_command};

#[test]
#[expect(clippy::disallowed_methods, reason = "where scripts/test has put a tool")]
fn what_diesel_prints_of_the_migrated_database_is_the_schema_of_the_code() {
    let database = TestDatabase::new();
    let diesel = std::env::var("DIESEL_CLI").unwrap_or_else(|_| "diesel".to_owned());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let printed = bare_command(&diesel)
        .args(["print-schema", "--database-url", database.owner_url()])
        .current_dir(&root)
        .output()
        .unwrap_or_else(|error| {
            panic!("{diesel} cannot be run ({error}): run scripts/test, which installs it")
        });
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let checked_in = std::fs::read_to_string(root.join("crates/identity-db/src/schema.rs")).unwrap();
    assert!(
        String::from_utf8_lossy(&printed.stdout) == checked_in,
        "crates/identity-db/src/schema.rs is not what the migrations make; write it anew with diesel print-schema"
    );
}
