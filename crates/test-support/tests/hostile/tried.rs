//! How many bad inputs were tried, and what was answered that must never be.

use std::fmt::Debug;

use test_support::tally;

/// Counts what is tried on one application, and collects what is wrong, so that one run shows all of it.
pub(crate) struct Tried {
    what: String,
    count: usize,
    faults: usize,
    wrong: Vec<String>,
}

impl Tried {
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), count: 0, faults: 0, wrong: Vec::new() }
    }

    /// Counts an answer; `None` for a connection that was closed without one.
    pub(crate) fn answered(&mut self, input: impl Debug, status: Option<u16>) {
        self.count += 1;
        if let Some(status @ 500..) = status {
            self.faults += 1;
            self.wrong(input, format_args!("answered {status}"));
        }
    }

    /// Notes what must not be.
    pub(crate) fn wrong(&mut self, input: impl Debug, what: impl std::fmt::Display) {
        let input = format!("{input:?}");
        let input: String = input.chars().take(300).collect();
        self.wrong.push(format!("{input}: {what}"));
    }

    /// Fails with everything that was wrong; else what was tried is counted, of which there are so many at least.
    #[track_caller]
    pub(crate) fn finish(self, at_least: usize) {
        let Self { what, count, faults, wrong } = self;
        tally("Bad inputs", format_args!("HTTP, {what}: {count} tried, {faults} answered 5xx"));
        assert!(
            wrong.is_empty(),
            "{what}: {} of {count}:\n{}",
            wrong.len(),
            wrong[..wrong.len().min(40)].join("\n")
        );
        assert!(count >= at_least, "{what}: only {count} were tried");
    }
}
