//! What staff type to find a person: the beginning of an address, a phone number or an id, or a Telegram id.

use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::user::User;

/// Characters of a text at most.
const LENGTH: usize = 255;

/// Of an id fewer characters than these would match people by chance.
const ID_LENGTH: usize = 4;

/// No id comes before this one.
const LEAST: &str = "00000000-0000-0000-0000-000000000000";

/// No id comes after this one.
const GREATEST: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/// Above every character that may follow a prefix.
const BEYOND: char = '\u{10ffff}';

/// A text that may be looked for, as the names by which a person may match it.
#[derive(Debug, Clone)]
pub struct SearchText(Vec<Name>);

/// One of the names of a person, and where it must lie.
#[derive(Debug, Clone)]
pub(super) enum Name {
    Email { from: String, to: String },
    Phone { from: String, to: String },
    Telegram(i64),
    Id { from: Uuid, to: Uuid },
}

impl SearchText {
    /// The text without the space around it; `None` for one that no name can begin with.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        if text.is_empty() || text.chars().count() > LENGTH || text.contains(char::is_control) {
            return None;
        }
        let names = [telegram(&text), phone(&text), id(&text)];
        let to = beyond(&text);
        let names = [Some(Name::Email { from: text, to })].into_iter().chain(names).flatten();
        Some(Self(names.collect()))
    }

    /// By which of their names a person matches, and what it is; the same as Postgres says.
    #[must_use]
    pub fn matched(&self, user: &User) -> Option<(i32, String)> {
        let by = |name: &Name| match name {
            Name::Email { from, .. } => user.email.clone().filter(|email| email.starts_with(from)),
            Name::Phone { from, .. } => user.phone.clone().filter(|phone| phone.starts_with(from)),
            Name::Telegram(id) => user.telegram_id.filter(|known| known == id).map(|id| id.to_string()),
            Name::Id { from, to } => (*from..=*to).contains(&user.id.0).then(|| user.id.to_string()),
        };
        (0..).zip(&self.0).find_map(|(number, name)| Some((number, by(name)?)))
    }

    pub(super) fn names(&self) -> &[Name] {
        &self.0
    }
}

impl Name {
    /// The name itself, as text.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Email { .. } => "email::text",
            Self::Phone { .. } => "phone::text",
            Self::Telegram(_) => "telegram_id::text",
            Self::Id { .. } => "id::text",
        }
    }

    /// Its order, which is that of its index.
    pub(super) fn order(&self) -> &'static str {
        match self {
            Self::Email { .. } => "email COLLATE \"C\"",
            Self::Phone { .. } => "phone COLLATE \"C\"",
            Self::Telegram(_) => "telegram_id",
            Self::Id { .. } => "id",
        }
    }

    /// That the name begins as it must.
    pub(super) fn matches<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Email { from, to } | Self::Phone { from, to } => {
                out.push_sql(self.order());
                out.push_sql(" >= ");
                out.push_bind_param::<Text, _>(from)?;
                out.push_sql(" AND ");
                out.push_sql(self.order());
                out.push_sql(" < ");
                out.push_bind_param::<Text, _>(to)
            }
            Self::Telegram(id) => {
                out.push_sql("telegram_id = ");
                out.push_bind_param::<BigInt, _>(id)
            }
            Self::Id { from, to } => {
                out.push_sql("id >= ");
                out.push_bind_param::<SqlUuid, _>(from)?;
                out.push_sql(" AND id <= ");
                out.push_bind_param::<SqlUuid, _>(to)
            }
        }
    }

    /// That it comes after the last one of the page before.
    pub(super) fn comes_after<'b>(
        &'b self,
        key: &'b String,
        mut out: AstPass<'_, 'b, Pg>,
    ) -> QueryResult<()> {
        out.push_sql(" AND ");
        out.push_sql(match self {
            Self::Email { .. } | Self::Phone { .. } => self.order(),
            Self::Telegram(_) | Self::Id { .. } => self.key(),
        });
        out.push_sql(" > ");
        out.push_bind_param::<Text, _>(key)
    }
}

fn beyond(prefix: &str) -> String {
    format!("{prefix}{BEYOND}")
}

/// As people write a number, with or without the plus before the country code.
fn phone(text: &str) -> Option<Name> {
    let bare: String =
        text.chars().filter(|char| !matches!(char, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
    let digits = bare.strip_prefix('+').or(bare.strip_prefix("00")).unwrap_or(&bare);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let from = format!("+{digits}");
    let to = beyond(&from);
    Some(Name::Phone { from, to })
}

fn telegram(text: &str) -> Option<Name> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok().map(Name::Telegram))?
}

fn id(text: &str) -> Option<Name> {
    let legal =
        |(char, example): (char, char)| if example == '-' { char == '-' } else { char.is_ascii_hexdigit() };
    if !(ID_LENGTH..=LEAST.len()).contains(&text.len()) || !text.chars().zip(LEAST.chars()).all(legal) {
        return None;
    }
    let filled = |rest: &str| format!("{text}{}", &rest[text.len()..]).parse().ok();
    Some(Name::Id { from: filled(LEAST)?, to: filled(GREATEST)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<&'static str> {
        SearchText::parse(text).unwrap().names().iter().map(Name::key).collect()
    }

    #[test]
    fn a_text_is_looked_for_where_it_can_stand_c2() {
        assert_eq!(kinds("Alice@Example"), ["email::text"]);
        assert_eq!(kinds("+44 7946-000"), ["email::text", "phone::text"]);
        assert_eq!(kinds("447946"), ["email::text", "telegram_id::text", "phone::text", "id::text"]);
        assert_eq!(kinds("6a2f41a3-c54c"), ["email::text", "id::text"]);
        assert_eq!(kinds("bea"), ["email::text"]);
        assert_eq!(kinds("%_'\""), ["email::text"]);
        assert_eq!(kinds(&"9".repeat(40)), ["email::text", "phone::text"]);
    }

    #[test]
    fn what_nothing_begins_with_is_no_text_c2() {
        for none in ["", "  ", "a\0b", "\u{7}", &"x".repeat(256)] {
            assert!(SearchText::parse(none).is_none(), "{none:?}");
        }
    }
}
