//! What was found at a point of the checklist: as values, for pages to put into words, and as an English sentence.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use constants::{ApplicationContext, LegacyTokens};
use identity_db::cleanup::QUIET_DAYS;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// Keys of the older software among all of Redis.
    Keys {
        /// Those of the older software.
        found: u64,
        /// Keys that were looked at, about.
        seen: u64,
        /// All keys.
        total: u64,
        /// Why not all were looked at.
        lacking: Option<Lacking>,
    },
    /// Uses of tokens of the older software.
    Uses {
        /// The day of the last one, if there ever was one.
        last: Option<NaiveDate>,
        /// How many there were lately.
        recent: i64,
    },
    /// The column that names a session's application.
    Contexts {
        /// Whether it must be filled.
        required: bool,
        /// Whether it is filled by itself.
        default: bool,
    },
    /// Migrations that are pending.
    Pending(usize),
    /// The newest backup; `None` where there is none.
    Backup(Option<BackupFile>),
    /// The processes that run.
    Processes(Vec<Processes>),
    /// When the schema was changed last.
    Migrated(Option<DateTime<Utc>>),
}

/// Why Redis was not looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lacking {
    /// `REDIS_URL` is not set.
    NoRedis,
    /// There was no more time than this.
    Time(Duration),
    /// Redis gave no answer.
    Error(String),
}

/// A backup. Where it lies is the operator's business alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    /// The file's name.
    pub name: String,
    /// How large it is.
    pub bytes: i64,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
}

/// Processes of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processes {
    /// How many.
    pub count: i64,
    /// Of which application.
    pub context: ApplicationContext,
    /// What they do with tokens of the older software.
    pub legacy_tokens: LegacyTokens,
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys { found, total, lacking: None, .. } => write!(f, "{found} found among {total} keys"),
            Self::Keys { found, seen, total, lacking: Some(why) } => {
                write!(f, "{found} found among {seen} of {total} keys: {why}")
            }
            Self::Uses { last: None, .. } => f.write_str("never used here"),
            Self::Uses { last: Some(day), recent } => {
                write!(f, "last used on {day}; {recent} uses in the last {QUIET_DAYS} days")
            }
            Self::Contexts { required, default } => {
                let required = if *required { "is required" } else { "may be missing" };
                let default = if *default { "has a default" } else { "has no default" };
                write!(f, "the column {required} and {default}")
            }
            Self::Pending(count) => write!(f, "{count} pending"),
            Self::Backup(None) => f.write_str("there is none"),
            Self::Backup(Some(BackupFile { name, bytes, taken_at })) => {
                write!(f, "{name}, {bytes} bytes, taken {}", minutes(*taken_at))
            }
            Self::Processes(kinds) if kinds.is_empty() => f.write_str("no process is running"),
            Self::Processes(kinds) => {
                let told: Vec<String> = kinds.iter().map(ToString::to_string).collect();
                f.write_str(&told.join(", "))
            }
            Self::Migrated(None) => f.write_str("never migrated"),
            Self::Migrated(Some(at)) => write!(f, "last {}", minutes(*at)),
        }
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRedis => f.write_str("REDIS_URL is not set"),
            Self::Time(budget) => {
                write!(f, "not measured completely within {budget:?}; sessionctl cleanup check is")
            }
            Self::Error(reason) => f.write_str(reason),
        }
    }
}

impl fmt::Display for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, context, legacy_tokens } = self;
        write!(f, "{count} {context} with {legacy_tokens}")
    }
}

fn minutes(at: DateTime<Utc>) -> String {
    at.format("%F %R UTC").to_string()
}
