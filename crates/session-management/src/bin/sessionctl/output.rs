//! What a command prints: lines for people, or JSON for programs.

use indicatif::ProgressBar;
use serde::Serialize;

pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a value as JSON, or as the line that `line` makes of it.
    #[expect(clippy::print_stdout, reason = "a command line program")]
    pub(crate) fn print<T: Serialize>(&self, value: &T, line: impl Fn(&T) -> String) {
        if self.json {
            println!("{}", serde_json::to_string(value).unwrap_or_default());
        } else {
            println!("{}", line(value));
        }
    }

    /// A progress bar for people; a program sees none.
    pub(crate) fn progress(&self, total: i64) -> ProgressBar {
        if self.json {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(u64::try_from(total).unwrap_or_default())
        }
    }

    /// Prints a list: one JSON array, or a line each.
    #[expect(clippy::print_stdout, reason = "a command line program")]
    pub(crate) fn list<T: Serialize>(&self, values: &[T], line: impl Fn(&T) -> String) {
        if self.json {
            println!("{}", serde_json::to_string(values).unwrap_or_default());
        } else {
            values.iter().for_each(|value| println!("{}", line(value)));
        }
    }
}
