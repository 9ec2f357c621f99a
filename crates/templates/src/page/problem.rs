//! The page of a problem.

use askama::Template;

use crate::Frame;

/// What went wrong, and what one can do.
#[derive(Debug, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// What stands around it.
    pub frame: Frame,
    /// The status of the answer.
    pub status: u16,
    /// What happened, in a few words.
    pub title: String,
    /// What happened, in a sentence.
    pub detail: String,
    /// What one can do, in a sentence.
    pub hint: String,
    /// Where a button leads, and the name of its text.
    pub way_on: (String, &'static str),
}
