//! The program `migrate` where people and sessions are in one database and web's own data in another.

use std::process::Output;

use test_support::{TestDatabase, bare_command};

/// Runs `migrate` as an operator would, with one owner for both databases.
fn migrate(identity: &TestDatabase, web: &TestDatabase, command: &str) -> Output {
    bare_command(env!("CARGO_BIN_EXE_migrate"))
        .arg(command)
        .env("DATABASE_OWNER_URL", identity.owner_url())
        .env("DATABASE_IDENTITY_URL", identity.url())
        .env("DATABASE_WEB_URL", web.url())
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn tables(database: &TestDatabase) -> Vec<String> {
    let sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
    database.query(sql).into_iter().map(|row| row[0].clone().unwrap()).collect()
}

#[test]
fn each_set_goes_where_it_belongs_and_the_newest_of_both_is_undone_first_a9() {
    let (identity, web) = (TestDatabase::empty(), TestDatabase::empty());
    let check = migrate(&identity, &web, "check");
    assert_eq!(check.status.code(), Some(1), "{check:?}");

    let run = migrate(&identity, &web, "run");
    assert!(run.status.success(), "{run:?}");
    let applied = lines(&run).len();
    assert_eq!(tables(&web), ["__diesel_schema_migrations", "web_sessions", "web_user_cache"]);
    let in_identity = tables(&identity);
    assert!(in_identity.iter().any(|table| table == "sessions"), "{in_identity:?}");
    assert!(!in_identity.iter().any(|table| table.starts_with("web_")), "{in_identity:?}");
    assert!(migrate(&identity, &web, "check").status.success());
    assert!(lines(&migrate(&identity, &web, "status")).iter().all(|line| line.starts_with("applied ")));
    assert_eq!(lines(&migrate(&identity, &web, "run")), ["nothing applied"]);

    let choice = "INSERT INTO web_sessions (id, user_id, expires_at) VALUES ('a', gen_random_uuid(), now())";
    web.try_execute_as_app(choice).unwrap();
    let refused = web.try_execute_as_app("CREATE TABLE public.mine (id int)").unwrap_err();
    assert_eq!(refused.code, "42501", "{refused:?}");

    let undone = lines(&migrate(&identity, &web, "revert"));
    assert_eq!(undone, ["reverted 20261122100100_create_web_user_cache"]);
    assert_eq!(web.number("SELECT count(*) FROM web_sessions"), 1);
    for _ in 1..applied {
        let revert = migrate(&identity, &web, "revert");
        assert!(lines(&revert)[0].starts_with("reverted "), "{revert:?}");
    }
    assert_eq!(lines(&migrate(&identity, &web, "revert")), ["nothing reverted"]);
    assert_eq!(tables(&web), ["__diesel_schema_migrations"]);
    assert_eq!(tables(&identity), ["__diesel_schema_migrations"]);
}

#[test]
fn one_database_under_two_names_is_one_database_a9() {
    let database = TestDatabase::empty();
    let run = migrate(&database, &database, "run");
    assert!(run.status.success(), "{run:?}");
    assert!(tables(&database).iter().any(|table| table == "web_sessions"));
    assert!(tables(&database).iter().any(|table| table == "sessions"));
}
