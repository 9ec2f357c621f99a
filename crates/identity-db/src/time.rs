//! Postgres' clock, and spans as it takes them.

use std::time::Duration;

// Not as a literal of SQL: a statement that has one is parsed and planned anew each time.
diesel::define_sql_function! {
    /// Now, by the clock of Postgres.
    fn clock_timestamp() -> Timestamptz;
}

/// Whole seconds of a span.
pub(crate) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
