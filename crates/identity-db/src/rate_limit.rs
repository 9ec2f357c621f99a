//! Counters of attempts, counted *before* the attempt is judged, so that parallel guesses cannot outrun them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};

use crate::failpoint;
use crate::schema::rate_limits;
use crate::statement::statement;
use crate::time::seconds;

/// One counter: at most `limit` attempts in `window`, counted from the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// What is limited, such as `login_account`.
    pub purpose: &'static str,
    /// Whose attempts: a digest of the account, the address or both.
    pub subject: String,
    /// Attempts at most.
    pub limit: i32,
    /// How long the first attempt counts.
    pub window: Duration,
}

statement! {
    /// Both counters in one statement: the second is only raised when the first allowed it.
    struct Reserve<'a> {
        purposes: &'a [&'a str] => Array<Text>, "varchar[]";
        subjects: &'a [&'a str] => Array<Text>, "varchar[]";
        limits: &'a [i32] => Array<Integer>, "integer[]";
        windows: &'a [i64] => Array<BigInt>, "bigint[]";
    }
    returns (Bool, Nullable<BigInt>);
    "first AS (
        INSERT INTO rate_limits AS r (purpose, subject, attempts, window_start)
        SELECT purposes[1], subjects[1], 1, clock_timestamp() FROM arg
        ON CONFLICT (purpose, subject) DO UPDATE SET
            attempts = CASE WHEN r.window_start + (SELECT windows[1] FROM arg) * interval '1 second' <= clock_timestamp()
                THEN 1 ELSE r.attempts + 1 END,
            window_start = CASE WHEN r.window_start + (SELECT windows[1] FROM arg) * interval '1 second' <= clock_timestamp()
                THEN clock_timestamp() ELSE r.window_start END
        WHERE r.attempts < (SELECT limits[1] FROM arg)
           OR r.window_start + (SELECT windows[1] FROM arg) * interval '1 second' <= clock_timestamp()
        RETURNING 1
    ), second AS (
        INSERT INTO rate_limits AS r (purpose, subject, attempts, window_start)
        SELECT purposes[2], subjects[2], 1, clock_timestamp() FROM arg, first WHERE cardinality(purposes) > 1
        ON CONFLICT (purpose, subject) DO UPDATE SET
            attempts = CASE WHEN r.window_start + (SELECT windows[2] FROM arg) * interval '1 second' <= clock_timestamp()
                THEN 1 ELSE r.attempts + 1 END,
            window_start = CASE WHEN r.window_start + (SELECT windows[2] FROM arg) * interval '1 second' <= clock_timestamp()
                THEN clock_timestamp() ELSE r.window_start END
        WHERE r.attempts < (SELECT limits[2] FROM arg)
           OR r.window_start + (SELECT windows[2] FROM arg) * interval '1 second' <= clock_timestamp()
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM first) + (SELECT count(*) FROM second) = cardinality(purposes),
           (SELECT max(ceil(extract(epoch FROM
                        r.window_start + w.seconds * interval '1 second' - clock_timestamp())))::bigint
            FROM unnest(purposes, subjects, limits, windows) AS w (purpose, subject, attempts, seconds)
            JOIN rate_limits r ON r.purpose = w.purpose AND r.subject = w.subject AND r.attempts >= w.attempts)
    FROM arg"
}

/// Counts one attempt on one or two counters. `Err` of the inner result is how long to wait before the next.
///
/// # Errors
/// When Postgres gives no answer; the attempt must then not be judged.
pub fn reserve(conn: &mut PgConnection, counters: &[Counter]) -> QueryResult<Result<(), Duration>> {
    debug_assert!((1..=2).contains(&counters.len()), "the statement knows one or two counters");
    failpoint!(query "count::statement")?;
    let purposes: Vec<&str> = counters.iter().map(|counter| counter.purpose).collect();
    let subjects: Vec<&str> = counters.iter().map(|counter| counter.subject.as_str()).collect();
    let limits: Vec<i32> = counters.iter().map(|counter| counter.limit).collect();
    let windows: Vec<i64> = counters.iter().map(|counter| seconds(counter.window)).collect();
    let (allowed, wait): (bool, Option<i64>) =
        Reserve { purposes: &purposes, subjects: &subjects, limits: &limits, windows: &windows }
            .get_result(conn)?;
    failpoint!(query "count::written")?;
    let longest = counters.iter().map(|counter| counter.window).max().unwrap_or_default();
    Ok(if allowed {
        Ok(())
    } else {
        // Who lost a race for the last attempt sees no full counter yet; the whole window is the safe answer.
        Err(wait.and_then(|wait| u64::try_from(wait.max(1)).ok()).map_or(longest, Duration::from_secs))
    })
}

/// Takes one attempt back, because it turned out not to be one of those that are limited.
///
/// # Errors
/// When Postgres gives no answer; the attempt then stays counted, which is harmless.
pub fn refund(conn: &mut PgConnection, counters: &[Counter]) -> QueryResult<()> {
    failpoint!(query "refund::statement")?;
    // In the order of `reserve`, so that the two never wait for each other; each commits by itself.
    for counter in counters {
        diesel::update(
            rate_limits::table
                .find((counter.purpose, counter.subject.as_str()))
                .filter(rate_limits::attempts.gt(0)),
        )
        .set(rate_limits::attempts.eq(rate_limits::attempts - 1))
        .execute(conn)?;
    }
    Ok(())
}

/// Deletes counters that began before `before`; returns how many.
///
/// # Errors
/// When Postgres gives no answer.
pub fn purge(conn: &mut PgConnection, before: DateTime<Utc>) -> QueryResult<usize> {
    diesel::delete(rate_limits::table.filter(rate_limits::window_start.lt(before))).execute(conn)
}
