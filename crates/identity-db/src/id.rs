//! One type per kind of id, so that one cannot be passed where another is meant.

use std::fmt;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A person.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = sql_types::Uuid)]
#[serde(transparent)]
pub struct UserId(pub Uuid);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromSql<sql_types::Uuid, Pg> for UserId {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Uuid as FromSql<sql_types::Uuid, Pg>>::from_sql(value).map(Self)
    }
}

impl ToSql<sql_types::Uuid, Pg> for UserId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <Uuid as ToSql<sql_types::Uuid, Pg>>::to_sql(&self.0, out)
    }
}

/// A session as the stores and the API know it: the SHA-256 of its token in base64url. It lets nobody in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Text)]
pub struct SessionId([u8; Self::LENGTH]);

impl SessionId {
    /// Characters of an id: 32 bytes in base64url without padding.
    pub const LENGTH: usize = 43;

    /// An id as it came from a store or a path; `None` for what no token could have as its digest.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; Self::LENGTH] = text.as_bytes().try_into().ok()?;
        let legal = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
        bytes.iter().all(legal).then_some(Self(bytes))
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The beginning of the id: enough to find a session again in a log.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.as_str()[..8]
    }

    /// A number that is as evenly spread as the digest is, for tables.
    #[must_use]
    pub fn spread(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        // Six bits of each character are random; the product carries them into all of the number.
        u64::from_le_bytes([a, b, c, d, e, f, g, h]).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a session id that is no digest"))
    }
}

impl FromSql<sql_types::Text, Pg> for SessionId {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let text = std::str::from_utf8(value.as_bytes())?;
        Self::parse(text).ok_or_else(|| "a session id that is no digest".into())
    }
}

impl ToSql<sql_types::Text, Pg> for SessionId {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<sql_types::Text, Pg>>::to_sql(self.as_str(), out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn of_any_text_an_id_is_43_characters_of_the_alphabet_as_they_stand() {
        const EXAMPLES: &[&str] =
            &["vvV-x_U6bUC-tkCngKY5yDvCmsipgW8fxsXG3Nk8RyE", "vvV-x_U6bUC-tkCngKY5yDvCmsipgW8fxsXG3Nk8Ry"];
        for_all("session id", prop_oneof![any_or_almost(EXAMPLES), "[A-Za-z0-9_-]{42,44}"], |text| {
            let legal = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
            let is_id = text.chars().count() == 43 && text.chars().all(legal);
            prop_assert_eq!(SessionId::parse(&text).map(|id| id.to_string()), is_id.then(|| text.clone()));
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::from_str(&json).ok(), SessionId::parse(&text));
            Ok(())
        });
    }
}
