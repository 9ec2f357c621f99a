//! A value as SQLite has it, where a column may hold anything, and what can be made of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDateTime, Utc};
use rusqlite::types::ValueRef;
use serde_json::json;
use session_management::Email;

/// A cell of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    /// A blob.
    Blob(Vec<u8>),
    /// A text that Postgres has no place for: not UTF-8, or with a NUL.
    Unclean(Vec<u8>),
    /// Longer than what is read of one cell.
    Omitted {
        bytes: i64,
    },
}

impl Value {
    /// A cell that was read, and how long it is in the file.
    pub(super) fn new(cell: ValueRef<'_>, bytes: i64) -> Self {
        match cell {
            ValueRef::Null if bytes > 0 => Self::Omitted { bytes },
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => Self::Text(text.to_owned()),
                _ => Self::Unclean(bytes.to_vec()),
            },
        }
    }

    /// Whether there is nothing: NULL, or a text without a character in it.
    pub(super) fn is_absent(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// The value for `users.legacy_attributes`. What JSON cannot say becomes an object that names its type.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Integer(number) => json!(number),
            Self::Real(number) if number.is_finite() => json!(number),
            Self::Real(number) => json!({ "type": "real", "text": number.to_string() }),
            Self::Text(text) => json!(text),
            Self::Blob(bytes) => json!({ "type": "blob", "base64": STANDARD.encode(bytes) }),
            Self::Unclean(bytes) => json!({ "type": "text", "base64": STANDARD.encode(bytes) }),
            Self::Omitted { bytes } => json!({ "omitted_bytes": bytes }),
        }
    }

    pub(super) fn to_email(&self) -> Option<Email> {
        match self {
            Self::Text(text) => Email::parse(text),
            _ => None,
        }
    }

    /// The phone number in E.164.
    pub(super) fn to_phone(&self, region: Option<phonenumber::country::Id>) -> Option<String> {
        /// What the column of `users` holds; no number is longer than 15 digits.
        const LONGEST: usize = 32;
        let text = match self {
            // A column that was declared a number has lost the plus sign, and a region may still know it.
            Self::Integer(number) => number.to_string(),
            Self::Text(text) if text.len() <= 2 * LONGEST => text.trim().to_owned(),
            _ => return None,
        };
        let number = phonenumber::parse(region, text).ok()?;
        // An extension is behind somebody's switchboard, where no code arrives.
        if !phonenumber::is_valid(&number) || number.extension().is_some() {
            return None;
        }
        let text = number.format().mode(phonenumber::Mode::E164).to_string();
        (text.len() <= LONGEST).then_some(text)
    }

    /// Telegram's id of a person, which is positive.
    pub(super) fn to_telegram_id(&self) -> Option<i64> {
        /// Up to here a REAL column keeps whole numbers.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let id = match self {
            Self::Integer(id) => *id,
            Self::Text(text) => text.trim().parse().ok()?,
            #[expect(clippy::cast_possible_truncation, reason = "a whole number within what i64 can say")]
            Self::Real(number) if number.fract() == 0.0 && (1.0..EXACT).contains(number) => *number as i64,
            _ => return None,
        };
        (id > 0).then_some(id)
    }

    /// A time as that software wrote it: `YYYY-MM-DD HH:MM:SS[.ffffff]`, in UTC.
    pub(super) fn to_time(&self) -> Option<DateTime<Utc>> {
        let Self::Text(text) = self else { return None };
        let digits = |range: std::ops::Range<usize>| {
            text.as_bytes().get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
        };
        // chrono would also take other lengths, signs and spaces, some of which no eye sees.
        let stands = |at: usize, sign: u8| text.as_bytes().get(at) == Some(&sign);
        let signs =
            stands(4, b'-') && stands(7, b'-') && stands(10, b' ') && stands(13, b':') && stands(16, b':');
        let numbers = digits(0..4) && [5, 8, 11, 14, 17].into_iter().all(|at| digits(at..at + 2));
        let fraction = text.len() == 19
            || (stands(19, b'.') && (21..=26).contains(&text.len()) && digits(20..text.len()));
        if !signs || !numbers || !fraction {
            return None;
        }
        let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
        Some(time.and_utc())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_time_is_read_as_that_software_wrote_it_b10() {
        let read = |value: &str| text(value).to_time().map(|time| time.to_rfc3339());
        assert_eq!(read("2026-02-05 10:11:12").unwrap(), "2026-02-05T10:11:12+00:00");
        assert_eq!(read("2026-02-05 10:11:12.345678").unwrap(), "2026-02-05T10:11:12.345678+00:00");
        for broken in [
            "",
            "2026-02-05",
            "2026-13-05 10:11:12",
            "2026-02-30 10:11:12",
            "2026-02-05 25:11:12",
            "2026-02-05 10:11",
            "2026-02-05 10:11:12.",
            "2026-02-05 10:11:12+03:00",
            " 2026-02-05 10:11:12",
            "2026-02-05 10:11:12 ",
            "+999-02-05 10:11:12",
            "2026-02-05\t10:11:12",
            "2026-02-05 \u{2028}10:11:12",
            "2026-02-05  0:11:12",
            "99999-02-05 10:11:12",
            "ключключключключкл",
        ] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
        assert_eq!(Value::Integer(1_770_286_272).to_time(), None);
    }

    #[test]
    fn a_phone_number_is_international_or_of_the_region_that_was_named_b10() {
        let russia = "RU".parse().ok();
        for (given, region, number) in [
            ("+79161234567", None, Some("+79161234567")),
            (" +7 (916) 123-45-67 ", None, Some("+79161234567")),
            ("79161234567", None, None),
            ("79161234567", russia, Some("+79161234567")),
            ("89161234567", russia, Some("+79161234567")),
            ("+447946000001", russia, Some("+447946000001")),
            ("+7916123456", None, None),
            ("+79161234567 ext. 5", None, None),
            ("", russia, None),
            ("+", russia, None),
            ("not a number", russia, None),
        ] {
            assert_eq!(text(given).to_phone(region).as_deref(), number, "{given:?} {region:?}");
        }
        assert_eq!(Value::Integer(79_161_234_567).to_phone(russia).as_deref(), Some("+79161234567"));
        assert_eq!(Value::Integer(i64::MIN).to_phone(russia), None);
        assert_eq!(text(&"1".repeat(1_000_000)).to_phone(russia), None);
    }

    #[test]
    fn a_telegram_id_is_a_positive_whole_number_whatever_its_type_b10() {
        for (given, id) in [
            (Value::Integer(42), Some(42)),
            (text(" 42 "), Some(42)),
            (Value::Real(42.0), Some(42)),
            (Value::Integer(i64::MAX), Some(i64::MAX)),
            (Value::Integer(0), None),
            (Value::Integer(i64::MIN), None),
            (Value::Real(42.5), None),
            (Value::Real(1e300), None),
            (Value::Real(f64::INFINITY), None),
            (text("forty-two"), None),
            (text("9223372036854775808"), None),
            (Value::Blob(b"42".to_vec()), None),
            (Value::Null, None),
        ] {
            assert_eq!(given.to_telegram_id(), id, "{given:?}");
        }
    }

    #[test]
    fn whatever_a_cell_holds_is_kept_in_json_b10() {
        for (value, kept) in [
            (Value::Null, json!(null)),
            (Value::Integer(i64::MIN), json!(i64::MIN)),
            (Value::Real(0.1), json!(0.1)),
            (Value::Real(f64::INFINITY), json!({"type": "real", "text": "inf"})),
            (text("про \u{1F600} \"'\\"), json!("про \u{1F600} \"'\\")),
            (Value::Blob(vec![0, 255]), json!({"type": "blob", "base64": "AP8="})),
            (Value::new(ValueRef::Text(b"a\0b"), 3), json!({"type": "text", "base64": "YQBi"})),
            (Value::new(ValueRef::Text(&[0xFF]), 1), json!({"type": "text", "base64": "/w=="})),
            (Value::new(ValueRef::Null, 99), json!({"omitted_bytes": 99})),
        ] {
            assert_eq!(value.to_json(), kept);
        }
    }

    #[test]
    fn of_any_cell_only_what_postgres_can_take_is_taken_b10() {
        const EXAMPLES: &[&str] = &[
            "2026-02-05 10:11:12.345678",
            "0000-01-01 00:00:00",
            "9999-12-31 23:59:60",
            "+79161234567",
            "79161234567",
            " 42 ",
            "9223372036854775807",
            "Ann@Example.com",
        ];
        let cells = prop_oneof![
            6 => any_or_almost(EXAMPLES).prop_map(String::into_bytes).prop_map(|text| Value::new(ValueRef::Text(&text), 1)),
            1 => prop::collection::vec(any::<u8>(), 0..30).prop_map(|text| Value::new(ValueRef::Text(&text), 1)),
            1 => any::<i64>().prop_map(Value::Integer),
            1 => any::<f64>().prop_map(Value::Real),
            1 => prop::collection::vec(any::<u8>(), 0..30).prop_map(Value::Blob),
        ];
        let region = prop_oneof![Just("RU"), Just("GB"), Just("US")];
        for_all("cell of an older file", (cells, prop::option::of(region)), |(cell, region)| {
            let kept = cell.to_json().to_string();
            prop_assert!(!kept.contains("\\u0000"), "{kept}");
            if let Some(phone) = cell.to_phone(region.and_then(|region| region.parse().ok())) {
                let digits = phone.strip_prefix('+').unwrap_or_default();
                prop_assert!((5..=17).contains(&digits.len()), "{phone}");
                prop_assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{phone}");
            }
            prop_assert!(cell.to_telegram_id().is_none_or(|id| id > 0));
            prop_assert!(cell.to_email().is_none_or(|email| !email.as_str().contains(char::is_control)));
            if let Some(time) = cell.to_time() {
                let Value::Text(text) = &cell else { panic!("a time of {cell:?}") };
                let written = time.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
                // Of a leap second chrono writes the one before it.
                prop_assert!(
                    written.starts_with(text.as_str().split('.').next().unwrap_or_default()),
                    "{text} {written}"
                );
            }
            Ok(())
        });
    }
}
