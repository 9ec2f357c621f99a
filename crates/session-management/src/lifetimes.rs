//! How long sessions live, read from settings.

use std::time::Duration;

use constants::ApplicationContext;
use identity_db::setting::{SettingError, set};

use crate::factory::Lifetimes;

const IDLE: &str = "SESSION_IDLE_SECONDS";
const ABSOLUTE: &str = "SESSION_ABSOLUTE_SECONDS";

/// Beyond it a date is out of Postgres' and everybody's reach.
const CENTURY: u64 = 100 * 366 * 86_400;

impl Lifetimes {
    /// The lifetimes that `SESSION_IDLE_SECONDS` and `SESSION_ABSOLUTE_SECONDS` say, or the defaults of a context.
    ///
    /// # Errors
    /// When one is no number of seconds up to a century, or an unused session would outlive a used one.
    pub fn checked(
        context: ApplicationContext,
        idle: Option<&str>,
        absolute: Option<&str>,
    ) -> Result<Self, SettingError> {
        let defaults = Self::of(context);
        let (idle, absolute) = (seconds(IDLE, idle)?, seconds(ABSOLUTE, absolute)?);
        if let (Some(idle), Some(absolute)) = (idle, absolute)
            && idle > absolute
        {
            let value = idle.as_secs().to_string();
            return Err(SettingError::wrong(IDLE, &value, "at most SESSION_ABSOLUTE_SECONDS"));
        }
        let absolute = absolute.unwrap_or(defaults.absolute).max(idle.unwrap_or_default());
        Ok(Self { idle: idle.unwrap_or(defaults.idle).min(absolute), absolute })
    }
}

fn seconds(name: &'static str, value: Option<&str>) -> Result<Option<Duration>, SettingError> {
    let Some(text) = set(value) else { return Ok(None) };
    match text.parse() {
        Ok(seconds) if (1..=CENTURY).contains(&seconds) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(SettingError::wrong(name, text, format!("a whole number from 1 to {CENTURY}"))),
    }
}
