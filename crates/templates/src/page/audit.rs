//! The audit log.

use askama::Template;

use super::Pages;
use crate::{Fault, Frame};

/// Who did what, to whom, when and from where.
#[derive(Debug, Template)]
#[template(path = "audit.html")]
pub struct AuditPage {
    /// What stands around it.
    pub frame: Frame,
    /// The person that was asked for, as it was typed.
    pub user: String,
    /// Who acted, likewise.
    pub actor: String,
    /// What was done, likewise.
    pub action: String,
    /// Why nothing can be found.
    pub fault: Option<Fault>,
    /// Those on this page.
    pub lines: Vec<LogLine>,
    /// The other pages.
    pub pages: Pages,
}

impl AuditPage {
    fn is_filtered(&self) -> bool {
        [&self.user, &self.actor, &self.action].iter().any(|filter| !filter.is_empty())
    }
}

/// A line of the log.
#[derive(Debug, Clone)]
pub struct LogLine {
    /// When: for machines, and in words.
    pub at: (String, String),
    /// What was done, in words; its own name where there are none.
    pub what: String,
    /// Its name.
    pub action: String,
    /// Who did it: id and name.
    pub actor: Option<(String, String)>,
    /// To whom: id and name.
    pub subject: Option<(String, String)>,
    /// In which application, in words.
    pub application: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// By what.
    pub device: Option<(String, String)>,
    /// What was and is.
    pub values: Vec<LogValue>,
}

/// A value that was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogValue {
    /// What it is, in words.
    pub name: String,
    /// What it was before, where that is known.
    pub old: Option<String>,
    /// What it is.
    pub new: String,
}
