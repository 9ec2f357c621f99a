//! In which language a person is answered.

use std::borrow::Cow;
use std::collections::HashMap;

use constants::{ApplicationContext, Language};
use fluent_langneg::{NegotiationStrategy, negotiate_languages, parse_accepted_languages};
use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{Loader, static_loader};
use unic_langid::{LanguageIdentifier, langid};

static_loader! {
    static LOCALES = {
        locales: "./locales",
        fallback_language: "en",
        // The marks around what is put in are for bidirectional text, and an SMS that has them costs more.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

const ENGLISH: LanguageIdentifier = langid!("en");
const RUSSIAN: LanguageIdentifier = langid!("ru");

/// A language that we speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Locale {
    /// The default.
    #[default]
    English,
    /// For those who ask for it.
    Russian,
}

impl Locale {
    /// The first language of an `Accept-Language` header that we speak.
    #[must_use]
    pub fn negotiate(header: &str) -> Self {
        let requested = parse_accepted_languages(&by_preference(header));
        let available = [ENGLISH, RUSSIAN];
        let chosen = negotiate_languages(&requested, &available, None, NegotiationStrategy::Lookup);
        match chosen.first() {
            Some(chosen) if **chosen == RUSSIAN => Self::Russian,
            _ => Self::English,
        }
    }

    const fn language(self) -> LanguageIdentifier {
        match self {
            Self::English => ENGLISH,
            Self::Russian => RUSSIAN,
        }
    }

    /// The message of this name, if there is one.
    #[must_use]
    pub fn find(self, name: &str) -> Option<String> {
        LOCALES.try_lookup(&self.language(), name)
    }

    /// The message of this name; the name itself if there is none, which tests rule out for all that we name.
    #[must_use]
    pub fn text(self, name: &str) -> String {
        self.find(name).unwrap_or_else(|| name.to_owned())
    }

    /// The message of this name with what is to be put in.
    #[must_use]
    pub fn text_with(self, name: &str, arguments: &[(&'static str, &str)]) -> String {
        let pairs = arguments.iter().map(|(name, value)| (Cow::Borrowed(*name), (*value).to_owned().into()));
        let arguments: HashMap<Cow<'static, str>, FluentValue<'_>> = pairs.collect();
        LOCALES.try_lookup_with_args(&self.language(), name, &arguments).unwrap_or_else(|| name.to_owned())
    }

    /// The message of this name for so many of something.
    #[must_use]
    pub fn text_for(self, name: &str, count: i64) -> String {
        let arguments = HashMap::from([(Cow::Borrowed("count"), FluentValue::from(count))]);
        LOCALES.try_lookup_with_args(&self.language(), name, &arguments).unwrap_or_else(|| name.to_owned())
    }

    /// The name of the application of a context.
    #[must_use]
    pub const fn application(self, context: ApplicationContext) -> &'static str {
        let title = &context.application().title;
        match self {
            Self::English => title.english,
            Self::Russian => title.russian,
        }
    }

    /// The tag for `Content-Language`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }
}

/// The languages of a header in the order of their weights, without those that are refused by a weight of 0.
fn by_preference(header: &str) -> String {
    let mut parts: Vec<(f32, &str)> = header
        .split(',')
        .filter_map(|part| {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse().ok())?;
            (weight > 0.0).then_some((weight, tag.trim()))
        })
        .collect();
    parts.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let tags: Vec<&str> = parts.into_iter().map(|(_, tag)| tag).collect();
    tags.join(",")
}

impl From<Language> for Locale {
    fn from(language: Language) -> Self {
        match language {
            Language::English => Self::English,
            Language::Russian => Self::Russian,
        }
    }
}

impl From<Locale> for Language {
    fn from(locale: Locale) -> Self {
        match locale {
            Locale::English => Self::English,
            Locale::Russian => Self::Russian,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn the_first_language_that_we_speak_is_chosen_a10() {
        for (header, locale) in [
            ("ru", Locale::Russian),
            ("ru-RU,ru;q=0.9,en;q=0.8", Locale::Russian),
            ("de, ru;q=0.5", Locale::Russian),
            ("en;q=0.3, ru;q=0.7", Locale::Russian),
            ("ru;q=0,en", Locale::English),
            ("en-GB,en;q=0.9,ru;q=0.8", Locale::English),
            ("de", Locale::English),
            ("", Locale::English),
            (";;;q=ru", Locale::English),
        ] {
            assert_eq!(Locale::negotiate(header), locale, "{header}");
        }
    }

    const ENGLISH_TEXTS: &str = concat!(
        include_str!("../locales/en/problem.ftl"),
        include_str!("../locales/en/message.ftl"),
        include_str!("../locales/en/page.ftl"),
        include_str!("../locales/en/admin.ftl")
    );
    const RUSSIAN_TEXTS: &str = concat!(
        include_str!("../locales/ru/problem.ftl"),
        include_str!("../locales/ru/message.ftl"),
        include_str!("../locales/ru/page.ftl"),
        include_str!("../locales/ru/admin.ftl")
    );

    fn names(text: &str) -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with(['#', ' ']));
        lines.filter_map(|line| line.split_once(" =")).map(|(name, _)| name.to_owned()).collect()
    }

    /// Names of the product, which are the same in both.
    const SAME: &[&str] = &["brand", "language-en", "language-ru", "telegram"];

    #[test]
    fn both_languages_have_the_same_messages() {
        let english = names(ENGLISH_TEXTS);
        assert_eq!(english, names(RUSSIAN_TEXTS));
        for name in english.iter().filter(|name| !SAME.contains(&name.as_str())) {
            let text = |locale: Locale| {
                let is_counted = name.starts_with("ago-") && name != "ago-now";
                if is_counted { locale.text_for(name, 3) } else { locale.text_with(name, &ARGUMENTS) }
            };
            assert_ne!(text(Locale::English), *name);
            assert_ne!(text(Locale::Russian), text(Locale::English), "{name}");
        }
    }

    const ARGUMENTS: [(&str, &str); 14] = [
        ("code", "123456"),
        ("minutes", "10"),
        ("browser", "b"),
        ("system", "s"),
        ("count", "2"),
        ("when", "w"),
        ("found", "1"),
        ("seen", "2"),
        ("total", "3"),
        ("day", "d"),
        ("file", "f"),
        ("bytes", "4"),
        ("application", "a"),
        ("tokens", "t"),
    ];

    #[test]
    fn every_text_that_a_page_names_is_there() {
        let known = names(ENGLISH_TEXTS);
        let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/pages");
        let mut named = 0;
        for page in std::fs::read_dir(pages).unwrap() {
            let page = page.unwrap().path();
            let text = std::fs::read_to_string(&page).unwrap();
            for (_, rest) in
                text.match_indices("frame.t(\"").map(|(at, found)| (at, &text[at + found.len()..]))
            {
                let name = rest.split('"').next().unwrap();
                assert!(known.iter().any(|known| known == name), "{}: {name}", page.display());
                named += 1;
            }
        }
        assert!(named > 50, "{named}");
    }

    #[test]
    fn numbers_are_in_the_plural_of_their_language() {
        for (count, english, russian) in [
            (1, "1 minute ago", "1 минуту назад"),
            (3, "3 minutes ago", "3 минуты назад"),
            (11, "11 minutes ago", "11 минут назад"),
        ] {
            assert_eq!(Locale::English.text_for("ago-minutes", count), english);
            assert_eq!(Locale::Russian.text_for("ago-minutes", count), russian);
        }
    }

    #[test]
    fn of_any_header_the_language_is_the_one_that_is_liked_best_of_those_there_are() {
        const EXAMPLES: &[&str] = &[
            "ru",
            "ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7",
            "en;q=0.1, ru;q=0.9",
            "*",
            "de, *;q=0.5",
            "ru;q=0",
        ];
        for_all("Accept-Language", any_or_almost(EXAMPLES), |header| {
            let chosen = Locale::negotiate(&header);
            prop_assert!(chosen == Locale::English || header.to_lowercase().contains("ru"), "{header:?}");
            Ok(())
        });
        let weight = || 1..1000_u32;
        let others = prop::collection::vec(
            (select(vec!["de", "fr-CA", "zh-Hant-TW", "x-klingon", "tlh"]), weight()),
            0..4,
        );
        for_all("Accept-Language, by weight", (weight(), weight(), others), |(english, russian, others)| {
            prop_assume!(english != russian);
            let mut parts = vec![format!("en;q=0.{english:03}"), format!("ru;q=0.{russian:03}")];
            parts.extend(others.iter().map(|(name, weight)| format!("{name};q=0.{weight:03}")));
            let liked = if russian > english { Locale::Russian } else { Locale::English };
            prop_assert_eq!(Locale::negotiate(&parts.join(", ")), liked);
            parts.reverse();
            prop_assert_eq!(Locale::negotiate(&parts.join(",")), liked);
            Ok(())
        });
    }
}
