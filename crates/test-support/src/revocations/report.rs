//! The table.

use std::fmt;
use std::time::Duration;

use super::{BOUND, Fault, Outcome, WATCH};
use constants::AppScope;

/// What was measured.
#[derive(Debug, Default)]
pub struct Report {
    /// One for each fault and application.
    pub rows: Vec<Row>,
    /// What must not be, in words: a session that was let in by a request which began after the bound, or again.
    pub broken: Vec<String>,
    /// Refusals that came later than that, in words. A machine that starves who asks has them, too.
    pub late: Vec<String>,
    /// Requests of sessions that nobody ended.
    pub load: usize,
}

/// The revocations of one application under one fault.
#[derive(Debug)]
pub struct Row {
    /// What failed.
    pub fault: Fault,
    /// Whose sessions were ended.
    pub application: AppScope,
    /// How many.
    pub count: usize,
    /// From the acknowledgement to the first refusal in the other process: half of them were as fast.
    pub p50: Duration,
    /// 99 of 100 were as fast.
    pub p99: Duration,
    /// The slowest.
    pub worst: Duration,
    /// From the acknowledgement to the start of the last request that was let in, the latest of all.
    pub last_yes: Duration,
}

impl Report {
    pub(super) fn add(&mut self, fault: Fault, application: AppScope, outcomes: Vec<Outcome>) {
        let mut refused: Vec<Duration> = outcomes.iter().filter_map(|outcome| outcome.refused).collect();
        refused.sort();
        let last = refused.len().saturating_sub(1);
        // The nearest rank.
        let at =
            |percent: usize| refused.get((refused.len() * percent).div_ceil(100).saturating_sub(1).min(last));
        let at = |percent| at(percent).copied().unwrap_or(WATCH);
        let worst = if refused.len() == outcomes.len() { at(100) } else { WATCH };
        if worst > BOUND {
            self.late.push(format!("{fault}, {application}: the first refusal came after {worst:?}"));
        }
        let last_yes = outcomes.iter().map(|outcome| outcome.last_yes).max().unwrap_or_default();
        self.rows.push(Row {
            fault,
            application,
            count: outcomes.len(),
            p50: at(50),
            p99: at(99),
            worst,
            last_yes,
        });
        let words = outcomes.into_iter().filter_map(|outcome| {
            outcome.broken.map(|broken| format!("{fault}, {application}, {}: {broken}", outcome.act))
        });
        self.broken.extend(words);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| fault | application | revocations | p50 | p99 | worst | last request let in began after |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let Row { fault, application, count, p50, p99, worst, last_yes } = row;
            let [p50, p99, worst, last_yes] =
                [p50, p99, worst, last_yes].map(|time| format!("{:.1}", time.as_secs_f64() * 1000.0));
            writeln!(f, "| {fault} | {application} | {count} | {p50} | {p99} | {worst} | {last_yes} |")?;
        }
        let count: usize = self.rows.iter().map(|row| row.count).sum();
        writeln!(
            f,
            "{count} revocations, {} requests of sessions that nobody ended; times in ms",
            self.load
        )?;
        self.broken.iter().try_for_each(|broken| writeln!(f, "broken: {broken}"))?;
        self.late.iter().try_for_each(|late| writeln!(f, "late: {late}"))
    }
}
