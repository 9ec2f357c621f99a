//! The program `migrate`, as a pipeline runs it.

use std::process::{Child, Command, Output, Stdio};

use test_support::{TestDatabase, bare_command};

fn command(database: &TestDatabase, act: &str) -> Command {
    let mut command = bare_command(env!("CARGO_BIN_EXE_migrate"));
    command
        .arg(act)
        .env("DATABASE_OWNER_URL", database.owner_url())
        .env("DATABASE_URL", database.url())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn migrate(database: &TestDatabase, act: &str) -> (Option<i32>, String) {
    let output = command(database, act).output().unwrap();
    (output.status.code(), printed(&output))
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn two_runs_at_once_both_succeed_and_apply_each_migration_once_u6() {
    let database = TestDatabase::empty();
    let runs: Vec<Child> = (0..2).map(|_| command(&database, "run").spawn().unwrap()).collect();
    let outputs: Vec<Output> = runs.into_iter().map(|run| run.wait_with_output().unwrap()).collect();
    for output in &outputs {
        assert!(output.status.success(), "{}", printed(output));
    }
    let applied: usize = outputs.iter().map(|output| printed(output).matches("applied 2").count()).sum();
    assert_eq!(
        i64::try_from(applied).unwrap(),
        database.number("SELECT count(*) FROM __diesel_schema_migrations")
    );
    assert!(outputs.iter().any(|output| printed(output) == "nothing applied\n"), "{outputs:?}");
    assert_eq!(database.number("SELECT count(*) FROM instance_keys"), 1);
}

#[test]
fn check_fails_while_something_is_pending_and_status_says_what_u6() {
    let database = TestDatabase::empty();
    let (code, names) = migrate(&database, "check");
    assert_eq!(code, Some(1), "{names}");
    assert!(names.lines().all(|line| line.starts_with("pending 2")), "{names}");
    let (_, status) = migrate(&database, "status");
    assert_eq!(status, names, "of an empty database the two say the same");

    assert_eq!(migrate(&database, "run").0, Some(0));
    assert_eq!(migrate(&database, "check"), (Some(0), "nothing pending\n".into()));
    let (_, status) = migrate(&database, "status");
    assert_eq!(status, names.replace("pending", "applied"));

    let newest = names.lines().last().unwrap().replace("pending", "reverted");
    assert_eq!(migrate(&database, "revert"), (Some(0), format!("{newest}\n")));
    assert_eq!(migrate(&database, "check").0, Some(1));
    let (_, status) = migrate(&database, "status");
    assert_eq!(status.matches("pending").count(), 1, "{status}");
}

#[test]
fn asking_changes_nothing() {
    let database = TestDatabase::empty();
    for act in ["check", "status"] {
        migrate(&database, act);
    }
    assert_eq!(migrate(&database, "revert"), (Some(0), "nothing reverted\n".into()));
    let tables =
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_diesel%'";
    assert_eq!(database.number(tables), 0);
}

#[test]
fn a_wrong_address_is_one_line_without_the_password() {
    let database = TestDatabase::empty();
    for url in
        ["mysql://me:s3cret@127.0.0.1/x", "postgres://me:s3cret@127.0.0.1:1/x", "s3cret@", "postgres://"]
    {
        let output = command(&database, "run").env("DATABASE_OWNER_URL", url).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{url}");
        let line = printed(&output);
        assert_eq!(line.trim_end().lines().count(), 1, "{line}");
        assert!(!line.contains("s3cret"), "{line}");
    }
    let output =
        command(&database, "run").env("DATABASE_OWNER_URL", "mysql://me:s3cret@h/x").output().unwrap();
    let line = printed(&output);
    assert!(line.contains("DATABASE_OWNER_URL=***@h/x") && line.contains("postgres://"), "{line}");
}

#[test]
fn an_applications_role_that_does_not_exist_is_named_in_one_line() {
    let database = TestDatabase::empty();
    let url = database.url().replace("test_app:test_app@", "nobody_there:s3cret@");
    let output = command(&database, "run").env("DATABASE_URL", url).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = printed(&output);
    assert!(line.contains("nobody_there") && !line.contains("s3cret"), "{line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
}

#[test]
fn a_role_that_may_not_migrate_is_refused_and_changes_nothing() {
    let database = TestDatabase::empty();
    let output = command(&database, "run").env("DATABASE_OWNER_URL", database.url()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(printed(&output).contains("permission denied"), "{}", printed(&output));
}
