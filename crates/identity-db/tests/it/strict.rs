//! The strict mode, in the text of the statements: none of them may forget that the clean-up was applied.

use std::path::Path;

/// An import refuses to begin after the clean-up, so that its statements need not ask.
const IMPORT: &str = "legacy_import";

/// Every source file of the room that writes SQL, with its text.
fn sources() -> Vec<(String, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The columns that each statement of a text names which inserts sessions.
fn inserted(text: &str) -> Vec<&str> {
    text.split("INSERT INTO sessions (").skip(1).map(|rest| rest.split(')').next().unwrap()).collect()
}

#[test]
fn every_statement_that_inserts_a_session_names_its_application_a13() {
    let mut statements = 0;
    for (file, text) in sources() {
        for columns in inserted(&text) {
            assert!(columns.contains("application_context"), "{file} relies on a default: {columns}");
            statements += 1;
        }
    }
    assert!(statements >= 6, "only {statements} were found");
}

#[test]
fn every_statement_that_serves_the_older_software_asks_for_the_clean_up_a13() {
    let mut statements = 0;
    for (file, text) in sources().into_iter().filter(|(file, _)| !file.contains(IMPORT)) {
        let adopts = inserted(&text).into_iter().filter(|columns| columns.contains("adopted_from")).count();
        let writes = text.lines().filter(|line| {
            let line = line.trim_start();
            let line = line.rsplit("SET ").next().unwrap_or(line);
            line.starts_with("auth_token = ") && !line.contains("==")
        });
        let served = adopts + writes.count();
        let asked = text.matches("FROM cleanup").count();
        assert!(
            asked >= served,
            "{file}: {served} statements serve the older software, {asked} ask for the clean-up"
        );
        statements += served;
    }
    assert!(statements >= 4, "only {statements} were found");
}
