//! Where the next page of a list begins, as a text that clients hand back as it is.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike};
use identity_db::{UserId, audit, people};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::SessionError;

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    /// Of people.
    People(people::Position),
    /// Of the audit log.
    Audit(audit::Position),
}

#[derive(Serialize, Deserialize)]
enum Packed<'a> {
    Newest { created_at: i64, id: [u8; 16] },
    Match { name: i32, key: &'a str },
    Audit { at: i64, id: i64 },
}

impl Cursor {
    /// What is said of the cursor of one list where another is asked for; the edge tells them apart.
    pub(crate) fn foreign() -> SessionError {
        SessionError::Internal("a cursor of another list".into())
    }

    /// The cursor of a text; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        // As far as Postgres' calendar goes, too.
        let moment =
            |micros| DateTime::from_timestamp_micros(micros).filter(|at| (1970..10_000).contains(&at.year()));
        Some(match postcard::from_bytes(&bytes).ok()? {
            Packed::Newest { created_at, id } => Self::People(people::Position::Newest {
                created_at: moment(created_at)?,
                id: UserId(Uuid::from_bytes(id)),
            }),
            // What no text of Postgres can hold is no key.
            Packed::Match { key, .. } if key.contains('\0') => return None,
            Packed::Match { name, key } => {
                Self::People(people::Position::Match { name, key: key.to_owned() })
            }
            Packed::Audit { at, id } => Self::Audit(audit::Position { at: moment(at)?, id }),
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packed = match self {
            Self::People(people::Position::Newest { created_at, id }) => {
                Packed::Newest { created_at: created_at.timestamp_micros(), id: id.0.into_bytes() }
            }
            Self::People(people::Position::Match { name, key }) => Packed::Match { name: *name, key },
            Self::Audit(audit::Position { at, id }) => Packed::Audit { at: at.timestamp_micros(), id: *id },
        };
        let bytes = postcard::to_allocvec(&packed).map_err(|_| fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, any_text, for_all};

    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_c2() {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        for cursor in [
            Cursor::People(people::Position::Newest { created_at: at, id: UserId(Uuid::from_u128(7)) }),
            Cursor::People(people::Position::Match { name: 2, key: "ü@example.com".into() }),
            Cursor::Audit(audit::Position { at, id: 9 }),
        ] {
            assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }
    }

    #[test]
    fn every_cursor_is_read_as_it_was_written_c2() {
        // To the year 9999, as far as Postgres' calendar goes, too.
        let at = (0..253_402_300_799_999_999_i64)
            .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap());
        let newest = (at.clone(), any::<u128>()).prop_map(|(created_at, id)| {
            Cursor::People(people::Position::Newest { created_at, id: UserId(Uuid::from_u128(id)) })
        });
        let key = any_text().prop_map(|text| text.replace('\0', ""));
        let matching =
            (any::<i32>(), key).prop_map(|(name, key)| Cursor::People(people::Position::Match { name, key }));
        let audit = (at, any::<i64>()).prop_map(|(at, id)| Cursor::Audit(audit::Position { at, id }));
        for_all("cursor, round trip", prop_oneof![newest, matching, audit], |cursor| {
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
            Ok(())
        });
    }

    #[test]
    fn whatever_a_client_hands_in_is_no_cursor_or_one_that_postgres_can_take_c2() {
        let packed = prop::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..40);
        let packed = packed.prop_map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        const EXAMPLES: &[&str] =
            &["AICAqvmxjq4GAAAAAAAAAAAAAAAAAAAABw", "AQQNdWV4YW1wbGUuY29t", "AoCAqvmxjq4GEg"];
        for_all("cursor", prop_oneof![any_or_almost(EXAMPLES), packed, "[A-Za-z0-9_-]{0,60}"], |text| {
            let Some(cursor) = Cursor::parse(&text) else { return Ok(()) };
            let at = match &cursor {
                Cursor::People(people::Position::Newest { created_at, .. }) => *created_at,
                Cursor::People(people::Position::Match { key, .. }) => {
                    prop_assert!(!key.contains('\0'));
                    DateTime::UNIX_EPOCH
                }
                Cursor::Audit(audit::Position { at, .. }) => *at,
            };
            prop_assert!((1970..10_000).contains(&at.year()), "{at}");
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
            Ok(())
        });
    }
}
