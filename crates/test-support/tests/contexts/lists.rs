//! Whatever lists applications without being Rust has every one of them.

use std::path::{Path, PathBuf};

use constants::{AppScope, Application, ApplicationContext};
use test_support::{TestDatabase, bare_command};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn file(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn printed(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let ended = bare_command(program).args(arguments).current_dir(root()).output().unwrap();
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn each_has_its_folder_a15() {
    let folders = std::fs::read_dir(root().join("apps")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut folders: Vec<String> = folders.map(|name| name.into_string().unwrap()).collect();
    let mut named: Vec<&str> = AppScope::NAMES.to_vec();
    folders.sort();
    named.sort_unstable();
    assert_eq!(folders, named);
}

#[test]
fn scripts_read_the_table_a15() {
    let line = |one: &Application| format!("{} {} {}\n", one.scope, one.port.variable, one.port.default);
    let expected: String = Application::ALL.iter().map(line).collect();
    assert_eq!(printed(root().join("scripts/apps"), &[]), expected, "scripts/apps cannot read the table");
    let status = printed(root().join("scripts/dev"), &["status"]);
    for scope in AppScope::NAMES {
        assert!(status.lines().any(|line| line.starts_with(&format!("{scope} "))), "{scope}: {status}");
    }
}

#[test]
fn postgres_knows_every_context_a2_a15() {
    let database = TestDatabase::new();
    let labels = "SELECT enumlabel FROM pg_enum WHERE enumtypid = 'application_type'::regtype ORDER BY 1";
    let labels: Vec<String> = database.query(labels).into_iter().map(|row| row[0].clone().unwrap()).collect();
    let mut names = ApplicationContext::NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(labels, names, "a migration opens each context: see docs/new-app.md");
}

#[test]
fn the_compose_stack_has_every_application_a15_u5() {
    let compose = file("docker-compose.yml");
    for Application { scope, port, .. } in Application::ALL {
        let stanza = compose.split_once(&format!("\n  {scope}:\n")).map(|(_, rest)| rest);
        let stanza = stanza.unwrap_or_else(|| panic!("docker-compose.yml has no {scope}"));
        let stanza = stanza.split("\n\n").next().unwrap();
        for part in [
            format!("APP: {scope} "),
            format!("127.0.0.1:${{{}:-{1}}}:{1}", port.variable, port.default),
            format!("[CMD, {scope}, --check-health]"),
        ] {
            assert!(stanza.contains(&part), "{scope} has no {part:?}: {stanza}");
        }
    }
}

#[test]
fn every_document_is_checked_in_c5_a15() {
    for scope in AppScope::NAMES {
        let program = test_support::program(scope);
        let checked_in = file(&format!("openapi/{scope}.json"));
        let is_same = printed(program, &["--openapi"]) == checked_in;
        assert!(is_same, "run scripts/generate and commit openapi/{scope}.json");
    }
}

#[test]
fn every_application_says_which_ports_there_are_a15() {
    for scope in AppScope::NAMES {
        let help = printed(test_support::program(scope), &["--help"]);
        for Application { scope: other, port, .. } in Application::ALL {
            let flag = format!("--{} <{}>", port.flag, port.variable);
            assert!(help.contains(&flag) && help.contains(&format!("Port of {other}")), "{flag}: {help}");
        }
    }
}
