//! The first page of admin-panel: numbers.

use askama::Template;
use constants::ApplicationContext;

use crate::Frame;

/// How many are logged in, who logged in lately, and whether all parts answer.
#[derive(Debug, Template)]
#[template(path = "dashboard.html")]
pub struct DashboardPage {
    /// What stands around it.
    pub frame: Frame,
    /// Live sessions by application.
    pub live: Vec<(ApplicationContext, i64)>,
    /// Whether these are counted by a sample.
    pub estimated: bool,
    /// Logins of the last 48 hours.
    pub logins: Chart,
    /// Uses of tokens of the older software on the last 14 days.
    pub legacy: Chart,
    /// Whether parts answer, by the names of their texts.
    pub health: Vec<(&'static str, bool)>,
    /// How long revocations take to arrive; `None` before the first was measured.
    pub lag: Option<Lag>,
}

/// A picture and the same as a table.
#[derive(Debug, Default)]
pub struct Chart {
    /// The picture, made of numbers and times alone.
    pub svg: String,
    /// What it shows, in the same order.
    pub rows: Vec<ChartRow>,
}

impl Chart {
    fn total(&self) -> i64 {
        self.rows.iter().map(|row| row.count).sum()
    }
}

/// A bar as words.
#[derive(Debug, Clone)]
pub struct ChartRow {
    /// When.
    pub at: String,
    /// How many.
    pub count: i64,
    /// Of which kinds.
    pub kinds: Vec<(String, i64)>,
}

/// How long revocations take to arrive, in milliseconds.
#[derive(Debug, Clone)]
pub struct Lag {
    /// On average.
    pub mean: String,
    /// At most, of 99 in 100; `None` when it is beyond what is measured finely.
    pub most: Option<String>,
    /// How often it was measured.
    pub measured: u64,
}
