//! The plans by which Postgres ran what an application asked, out of its own log.

use std::time::Duration;

use crate::{TestDatabase, TestPostgres};

/// A statement as Postgres ran it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How long that took.
    pub took: Duration,
    /// Its text and its plan, with what it really did.
    pub text: String,
}

impl TestPostgres {
    /// Writes the plan of every statement on `database` to the server's log, on connections that begin from now on.
    pub fn log_plans(&self, database: &TestDatabase) {
        let name = database.value("SELECT quote_ident(current_database())");
        for setting in [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_analyze = on",
            "auto_explain.log_timing = off",
        ] {
            database.execute(&format!("ALTER DATABASE {name} SET {setting}"));
        }
    }

    /// What an act makes Postgres do: its answer, and the plans that came into the log meanwhile.
    pub fn plans_of<T>(&self, act: impl FnOnce() -> T) -> (T, Vec<Plan>) {
        let before = self.log().len();
        let answer = act();
        (answer, plans(&self.log()[before..]))
    }
}

fn plans(log: &str) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    let mut in_plan = false;
    for line in log.lines() {
        let begins = line.split_once("LOG:  duration: ").and_then(|(_, rest)| {
            let (took, _) = rest.split_once(" ms  plan:")?;
            took.parse::<f64>().ok()
        });
        match (begins, plans.last_mut()) {
            (Some(millis), _) => {
                let took = Duration::from_secs_f64(millis / 1000.0);
                plans.push(Plan { took, text: String::new() });
                in_plan = true;
            }
            (None, Some(plan)) if in_plan && line.starts_with('\t') => {
                plan.text.push_str(line.trim_start_matches('\t'));
                plan.text.push('\n');
            }
            _ => in_plan = false,
        }
    }
    plans
}
