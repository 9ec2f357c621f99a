//! When something was, in words.

use chrono::{DateTime, Utc};

use crate::Locale;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// How long ago something was, seen from `now`; a date once that says more. Uses are written down once a minute, so
/// nothing finer is told.
#[must_use]
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>, locale: Locale) -> String {
    match now.signed_duration_since(at).num_minutes() {
        ..2 => locale.text("ago-now"),
        minutes @ 2..HOUR => locale.text_for("ago-minutes", minutes),
        minutes @ HOUR..DAY => locale.text_for("ago-hours", minutes / HOUR),
        minutes if minutes < 30 * DAY => locale.text_for("ago-days", minutes / DAY),
        _ => date(at, locale),
    }
}

/// Day and minute, for where the exact time matters. The zone is named: a server knows nobody's.
#[must_use]
pub fn moment(at: DateTime<Utc>, locale: Locale) -> String {
    format!("{}, {} UTC", date(at, locale), at.format("%H:%M"))
}

fn date(at: DateTime<Utc>, locale: Locale) -> String {
    let month = locale.text(&format!("month-{}", at.format("%-m")));
    format!("{} {month} {}", at.format("%-d"), at.format("%Y"))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_past_is_told_in_words_until_a_date_says_more_c1() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        for (minutes, english, russian) in [
            (-5, "just now", "только что"),
            (0, "just now", "только что"),
            (2, "2 minutes ago", "2 минуты назад"),
            (59, "59 minutes ago", "59 минут назад"),
            (60, "1 hour ago", "1 час назад"),
            (1439, "23 hours ago", "23 часа назад"),
            (1440, "1 day ago", "1 день назад"),
            (43_199, "29 days ago", "29 дней назад"),
            (43_200, "15 October 2023", "15 октября 2023"),
        ] {
            let at = now - TimeDelta::minutes(minutes);
            assert_eq!(ago(at, now, Locale::English), english);
            assert_eq!(ago(at, now, Locale::Russian), russian);
        }
        assert_eq!(moment(now, Locale::English), "14 November 2023, 22:13 UTC");
    }
}
