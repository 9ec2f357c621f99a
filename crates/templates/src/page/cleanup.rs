//! The checklist before the clean-up.

use askama::Template;

use crate::Frame;

/// What must hold before nothing of the older software counts any more.
#[derive(Debug, Template)]
#[template(path = "cleanup.html")]
pub struct CleanupPage {
    /// What stands around it.
    pub frame: Frame,
    /// What was measured; `None` where nothing is kept that could be cleaned up.
    pub checklist: Option<ChecklistRows>,
}

/// What was measured.
#[derive(Debug)]
pub struct ChecklistRows {
    /// The database that it is about.
    pub database: String,
    /// When the clean-up was applied, in words, and by which role.
    pub applied: Option<(String, String)>,
    /// Whether every point holds that must.
    pub is_ready: bool,
    /// When it was measured, in words.
    pub measured_at: String,
    /// The points.
    pub points: Vec<PointRow>,
}

/// A point of the checklist.
#[derive(Debug, Clone)]
pub struct PointRow {
    /// Its name.
    pub id: &'static str,
    /// What is to hold.
    pub sentence: String,
    /// Whether it does.
    pub holds: bool,
    /// Whether the clean-up waits for it.
    pub required: bool,
    /// Whether it was measured completely.
    pub complete: bool,
    /// What was found.
    pub measured: String,
    /// Since when it is so, in words.
    pub since: Option<String>,
}
