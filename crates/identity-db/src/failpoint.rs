//! Places where a test may hold the code up, take a guard of the protocol out to show what it is there for, or let the
//! process fail.
//!
//! They exist with the feature `failpoints` alone, which only `scripts/test` and `scripts/check` turn on.

use diesel::result::QueryResult;
#[cfg(feature = "failpoints")]
use diesel::result::{DatabaseErrorKind, Error as QueryError};

/// Whether a test wants the guard of this name out (`fail::cfg(name, "return")`); with `wait`, a place where it
/// may hold the code up (`pause`, a callback). Without the feature they are the constant `false` and nothing.
///
/// With `fails` and `query`, a place on the way of a write, by which a test lets another process fail: a line
/// `NAME=ACTION` in the file that `FAILPOINTS_FILE` names, where ACTION is `error`, `delay` or `abort`. `fails` tells
/// whether to give up here, `query` is the error of a connection that is lost here.
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::fail::eval($name, |_| ()).is_some()
    };
    (wait $name:literal) => {{
        let _ = $crate::fail::eval($name, |_| ());
    }};
    (fails $name:literal) => {
        $crate::failpoint::strike($name)
    };
    (query $name:literal) => {
        $crate::failpoint::query($name)
    };
}

/// Without the feature `failpoints`: no, and nothing.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::failpoint::no()
    };
    (wait $name:literal) => {};
    (fails $name:literal) => {
        $crate::failpoint::no()
    };
    (query $name:literal) => {
        $crate::failpoint::nothing()
    };
}

/// What a failpoint says where there is none.
#[cfg(not(feature = "failpoints"))]
#[doc(hidden)]
#[inline(always)]
#[must_use]
pub const fn no() -> bool {
    false
}

/// The same of one for statements.
///
/// # Errors
/// None.
#[cfg(not(feature = "failpoints"))]
#[doc(hidden)]
#[inline(always)]
pub const fn nothing() -> QueryResult<()> {
    Ok(())
}

/// Does what the file says of this place; whether to give up here.
#[cfg(feature = "failpoints")]
#[doc(hidden)]
pub fn strike(name: &str) -> bool {
    use std::io::Write;

    let Some(file) = std::env::var_os("FAILPOINTS_FILE").map(std::path::PathBuf::from) else { return false };
    // While the test has written none nothing is to fail; that a place was struck at is seen by its hits.
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let Some(action) = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')) else {
        return false;
    };
    // The test looks whether anybody came by.
    let hits = std::fs::OpenOptions::new().append(true).create(true).open(file.with_extension("hits"));
    let _ = hits.and_then(|mut hits| writeln!(hits, "{name}"));
    match action {
        // Long enough for whatever runs beside it to overtake.
        "delay" => std::thread::sleep(std::time::Duration::from_millis(250)),
        // As SIGKILL: nothing is written down or said any more.
        "abort" => std::process::abort(),
        _ => {}
    }
    action == "error"
}

/// [`strike`] as an error of the connection.
#[cfg(feature = "failpoints")]
#[doc(hidden)]
pub fn query(name: &str) -> QueryResult<()> {
    let lost = || QueryError::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(name.to_owned()));
    if strike(name) { Err(lost()) } else { Ok(()) }
}
