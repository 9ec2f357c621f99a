//! How much a test did, in numbers that `scripts/test` prints at its end; and how much it is to do.

use std::fmt::Display;
use std::io::Write;

use crate::scripts::variable;

/// Notes a line of numbers under a heading.
#[expect(clippy::print_stdout, reason = "for whoever runs one test alone")]
pub fn tally(heading: &str, line: impl Display) {
    println!("{heading}: {line}");
    let Some(path) = variable("TEST_TALLY") else { return };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    // One write, since other tests write, too.
    let _ = file.and_then(|mut file| file.write_all(format!("{heading}: {line}\n").as_bytes()));
}

/// Adds to a number of which `scripts/test` prints the sum over all tests.
pub fn tally_sum(heading: &str, number: usize) {
    let Some(path) = variable("TEST_TALLY") else { return };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(format!("{path}.sums"));
    let _ = file.and_then(|mut file| file.write_all(format!("{heading}\t{number}\n").as_bytes()));
}

/// The first number, or under `scripts/test --long` the second.
#[must_use]
pub fn ordinary_or_long(ordinary: usize, long: usize) -> usize {
    if variable("TEST_LONG").is_some() { long } else { ordinary }
}
