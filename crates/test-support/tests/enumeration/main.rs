//! Who has an account is told by no answer and by no time: people of seven kinds, in turn, on every way of logging in.
//!
//! Answers are the same to the byte. Times are compared by rank: of two samples, one of each class, either is the slower
//! one about as often as the other. A busy machine is busy for all classes alike, since they take turns.
//!
//! A registration says that an address is taken: the one answer that tells, and it is limited. Nothing is reset by
//! mail or phone, so that no such way is here.

mod codes;
mod passwords;
mod samples;
mod stage;

/// A password that nobody minds in a test.
const PASSWORD: &str = "correct horse battery";
