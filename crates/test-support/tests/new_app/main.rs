//! `docs/new-app.md` as somebody follows it: each file, each change and each command, in a copy of this repository.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod copy;
mod document;
mod people;

use std::time::Instant;

use test_support::{TestDatabase, TestRedis, tally};

use copy::Copy;
use document::{Part, parts};
use people::People;

/// What a further application may take, beside its routes.
const RUST: usize = 20;
const TOML: usize = 15;

#[test]
fn a_further_application_is_added_as_the_document_says_a15_a14() {
    let began = Instant::now();
    let parts = parts("docs/new-app.md");
    count_lines(&parts);
    let copy = Copy::of_what_is_tracked();
    for part in &parts {
        copy.apply(part);
    }
    let copy = copy.take_up();

    // A database that is in use, by the applications as they were.
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let mut people = People::who_are_logged_in(&database, &redis);
    let shell = copy.shell(&database);
    let mut ran = 0;
    for (line, commands) in parts.iter().filter_map(Part::commands) {
        let printed = shell.run(line, commands);
        ran += 1;
        println!("line {line}:\n{commands}{printed}");
        if commands.contains("scripts/generate") {
            people.assert_still_there("after the build");
        } else if commands.contains("revert") {
            people.assert_bot_is_gone(&database);
        } else if commands.contains("migrate\" run") {
            people.use_bot(&copy.programs(), &database, &redis);
        } else if commands.contains("scripts/test") {
            assert!(printed.contains(" passed"), "{printed}");
            for line in printed.lines().filter(|line| line.starts_with("contexts: ")) {
                assert!(line.contains("telegram-bot"), "{line}");
                tally("new-app", line);
            }
        }
    }
    assert!(people.used_bot == 2 && ran >= 5, "the document does less than it did");
    tally("new-app", format!("{ran} blocks of commands, {} seconds", began.elapsed().as_secs()));
}

/// How long the change is; of the crate beside its routes no longer than was promised.
fn count_lines(parts: &[Part]) {
    let of = |end: &str| {
        let files = parts.iter().filter_map(Part::file);
        let of = files.filter(|(path, _)| path.starts_with("apps/") && path.ends_with(end));
        of.filter(|(path, _)| !path.ends_with("routes.rs"))
            .map(|(_, text)| text.lines().count())
            .sum::<usize>()
    };
    let (rust, toml) = (of(".rs"), of(".toml"));
    let all: usize = parts.iter().map(Part::added).sum();
    tally(
        "new-app",
        format!("{all} lines in all; the crate has {rust} of Rust beside its routes and {toml} of TOML"),
    );
    assert!((1..=RUST).contains(&rust), "{rust} lines of Rust");
    assert!((1..=TOML).contains(&toml), "{toml} lines of TOML");
}
