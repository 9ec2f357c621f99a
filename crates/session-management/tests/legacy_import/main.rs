//! `sessionctl legacy`, as an operator runs it: the built program, a real Postgres, and SQLite files as the older
//! software wrote them.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod command;
mod contents;
mod fixture;
mod hostile;
mod interruption;
mod later_copies;
mod web;
