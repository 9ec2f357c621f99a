//! The checked-in OpenAPI document is the one that the program prints.

use test_support::bare_command;

#[test]
fn the_document_is_checked_in_c5() {
    let printed = bare_command(env!("CARGO_BIN_EXE_web")).arg("--openapi").output().unwrap();
    let checked_in = include_str!("../../../../openapi/web.json");
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(printed == checked_in, "run scripts/generate and commit openapi/web.json");
}
