//! The applications beside each other: a session opened in one never opens a door in another, and whatever lists
//! applications has every one of them. Nothing here names an application that is not special: a further one is found
//! in the table of `constants`.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod apart;
mod lists;
mod modes;
mod staff;
mod stage;

/// A password that nobody minds in a test.
const PASSWORD: &str = "correct horse battery";

/// The hash of it, as web would make it.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM";

/// An administrator, who may log in everywhere.
const ADA: &str = "ada@example.com";
