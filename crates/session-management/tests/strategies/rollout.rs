//! `docs/rollout.md` as somebody follows it: every command, in order, on a private stack, while people are logged in.

use test_support::{App, Shell, TestDatabase, TestRedis, shell_blocks};

use crate::PASSWORD;

#[test]
fn every_command_of_the_document_works_and_logs_nobody_out_a8_a13() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let app = |name| {
        let builder = App::builder(name).database(&database).redis(&redis);
        builder.env("MIGRATION_STRATEGY", "mock-only").start()
    };
    let (web, admin) = (app("web"), app("admin-panel"));
    let (database_url, redis_url) = (database.url(), redis.url());
    let shell = Shell::new(&[
        ("DATABASE_URL", &database_url),
        ("DATABASE_OWNER_URL", database.owner_url()),
        ("REDIS_URL", &redis_url),
        ("WEB_URL", &web.base()),
        ("ADMIN_URL", &admin.base()),
    ]);
    let alice = web.register("alice@example.com", PASSWORD);
    let gone = web.log_in("alice@example.com", PASSWORD);
    assert_eq!(gone.log_out().status, 200);
    let blocks = shell_blocks("docs/rollout.md");
    for section in ["Before", "Strategies", "Cleanup"] {
        assert!(
            blocks.iter().filter(|block| block.section == section).count() >= 2,
            "{section}: {blocks:#?}"
        );
    }
    let mut last = String::new();
    for block in &blocks {
        last = shell.run(block);
        println!("{}, line {}:\n{}{last}", block.section, block.line, block.commands);
        assert_eq!(alice.me().status, 200, "after line {}", block.line);
        web.with_cookie(&gone.token).get("/api/me").assert_problem(401, "unauthenticated");
    }
    assert!(last.contains("strict mode: on since"), "{last}");
    assert_eq!(database.number("SELECT count(*) FROM cleanup"), 1);
}
