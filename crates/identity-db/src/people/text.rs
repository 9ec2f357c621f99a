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
    use chrono::DateTime;
    use constants::Role;
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use crate::UserId;

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

    fn person(email: Option<String>, phone: Option<String>, telegram_id: Option<i64>, id: u128) -> User {
        User {
            id: UserId(Uuid::from_u128(id)),
            email,
            phone,
            telegram_id,
            is_verified: false,
            role: Role::User,
            created_at: DateTime::UNIX_EPOCH,
            last_login_at: None,
            blocked_at: None,
            session_epoch: 0,
            credential_version: 0,
            version: 0,
        }
    }

    #[test]
    fn a_person_is_found_by_each_beginning_of_what_names_them_c2() {
        let people = ("[a-z]{1,8}@[a-z]{1,8}\\.example", "\\+[1-9][0-9]{6,14}", 1..i64::MAX, any::<u128>());
        for_all("search, beginnings", (people, 1..40_usize), |((email, phone, telegram_id, id), length)| {
            let person = person(Some(email.clone()), Some(phone.clone()), Some(telegram_id), id);
            let found = |text: &str| SearchText::parse(text).and_then(|text| text.matched(&person)).is_some();
            let beginning = |text: &str| text.chars().take(length).collect::<String>();
            prop_assert!(found(&beginning(&email)));
            prop_assert!(found(&beginning(&email).to_uppercase()));
            prop_assert!(length < 2 || found(&beginning(&phone)));
            prop_assert!(found(&telegram_id.to_string()));
            prop_assert!(length < ID_LENGTH || found(&beginning(&person.id.to_string())));
            Ok(())
        });
    }

    #[test]
    fn of_any_text_every_bound_is_one_that_postgres_can_take_and_in_order_c2() {
        const EXAMPLES: &[&str] = &[
            "Alice@Example.com",
            "+44 7946-000",
            "00447946",
            "6a2f41a3-c54c-4ce8-b2d2-0324e1c32e22",
            "42",
            "%_'\"\\",
        ];
        for_all("search", any_or_almost(EXAMPLES), |text| {
            let Some(search) = SearchText::parse(&text) else {
                let empty = text.trim().is_empty();
                let odd = text.trim().to_lowercase().contains(char::is_control);
                prop_assert!(empty || odd || text.chars().count() > LENGTH, "{text:?} is refused");
                return Ok(());
            };
            prop_assert!(!search.names().is_empty());
            for name in search.names() {
                match name {
                    Name::Email { from, to } | Name::Phone { from, to } => {
                        prop_assert!(from < to && !from.contains('\0') && to.starts_with(from.as_str()));
                    }
                    Name::Telegram(id) => prop_assert!(*id >= 0),
                    Name::Id { from, to } => prop_assert!(from <= to),
                }
            }
            Ok(())
        });
    }
}
