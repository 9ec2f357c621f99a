//! Which page of a list a request asks for.

use http_kit::{Code, Problem};
use session_management::administration::{Cursor, PageOf};
use session_management::people;
use templates::page::Pages;

/// Rows on a page when nothing is said.
const PER_PAGE: i64 = 50;

/// Rows on a page at most.
const MOST: i64 = 1_000;

/// A page of a list.
pub(crate) struct Paging {
    pub(crate) page: PageOf,
    /// As it was asked for, also when `next` decides.
    pub(crate) number: i64,
    pub(crate) per_page: i64,
}

impl Paging {
    /// A parameter that is empty is as good as absent. `of_list` tells the cursors of this list from others.
    pub(crate) fn parse(
        number: Option<&str>,
        per_page: Option<&str>,
        next: Option<&str>,
        of_list: fn(&Cursor) -> bool,
    ) -> Result<Self, Problem> {
        let wrong = || Problem::new(Code::ValidationFailed).because("validation-page");
        let parse = |text: Option<&str>, default: i64| match given(text) {
            Some(text) => text.parse().map_err(|_| wrong()),
            None => Ok(default),
        };
        let (number, per_page) = (parse(number, 1)?, parse(per_page, PER_PAGE)?);
        let page = match given(next) {
            Some(text) => PageOf::After(Cursor::parse(text).filter(of_list).ok_or_else(wrong_cursor)?),
            None => PageOf::Number(number),
        };
        let reached = number.checked_mul(per_page).ok_or_else(wrong)?;
        let too_far = matches!(page, PageOf::Number(_)) && reached > people::COUNTED;
        if number < 1 || !(1..=MOST).contains(&per_page) || too_far {
            return Err(wrong());
        }
        Ok(Self { page, number, per_page })
    }
}

/// The other pages of a list at `path`, by what was asked for: every parameter but `page` and `next` goes along.
pub(crate) fn pages(path: &str, asked: &[(&str, Option<&str>)], next: Option<&Cursor>) -> Pages {
    let value = |wanted: &str| given(asked.iter().find(|(name, _)| *name == wanted)?.1);
    let number = value("page").and_then(|number| number.parse::<i64>().ok());
    let is_later = value("next").is_some() || number.is_some_and(|number| number > 1);
    let address = |next: Option<String>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, text) in asked.iter().filter(|(name, _)| !matches!(*name, "page" | "next")) {
            query.extend_pairs(given(*text).map(|text| (name, text)));
        }
        let query = query.extend_pairs(next.map(|next| ("next", next))).finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    };
    Pages { first: is_later.then(|| address(None)), next: next.map(|next| address(Some(next.to_string()))) }
}

/// A parameter that says something.
pub(crate) fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// What a field of a form shows again: nothing where nothing was typed.
pub(crate) fn typed(text: Option<&String>) -> String {
    given(text.map(String::as_str)).unwrap_or_default().to_owned()
}

fn wrong_cursor() -> Problem {
    Problem::new(Code::ValidationFailed).because("validation-next")
}

/// A filter by which nothing can be found.
pub(crate) fn wrong_filter() -> Problem {
    Problem::new(Code::ValidationFailed).because("validation-filter")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, any_text, for_all};

    use super::*;

    const EXAMPLES: &[&str] =
        &["1", "50", " 7 ", "0", "-1", "1000", "9223372036854775807", "1e3", "1;DROP TABLE users", ""];

    fn parameter() -> impl Strategy<Value = Option<String>> {
        let number = (-2..1200_i64).prop_map(|number| number.to_string());
        prop::option::of(prop_oneof![any_or_almost(EXAMPLES), number])
    }

    #[test]
    fn of_any_parameters_a_page_lies_within_what_is_counted_c2() {
        for_all("paging", (parameter(), parameter(), parameter()), |(page, per_page, next)| {
            let parsed = Paging::parse(page.as_deref(), per_page.as_deref(), next.as_deref(), |_| true);
            let wanted = |text: &Option<String>, default: i64| {
                given(text.as_deref()).map_or(Some(default), |text| text.parse().ok())
            };
            match parsed {
                Ok(Paging { page: of, number, per_page: rows }) => {
                    prop_assert_eq!(
                        (wanted(&page, 1), wanted(&per_page, PER_PAGE)),
                        (Some(number), Some(rows))
                    );
                    prop_assert!(number >= 1 && (1..=MOST).contains(&rows));
                    match of {
                        PageOf::Number(of) => prop_assert!(of == number && of * rows <= people::COUNTED),
                        PageOf::After(cursor) => {
                            prop_assert_eq!(
                                Cursor::parse(given(next.as_deref()).unwrap_or_default()),
                                Some(cursor)
                            );
                        }
                    }
                }
                Err(problem) => prop_assert_eq!(problem.code(), Code::ValidationFailed),
            }
            Ok(())
        });
    }

    #[test]
    fn the_address_of_the_next_page_asks_for_the_same_with_whatever_was_typed_c2() {
        let asked = (prop::option::of(any_text()), prop::option::of(any_text()), parameter());
        for_all("address of the next page", asked, |(query, role, page)| {
            let asked = [("query", query.as_deref()), ("role", role.as_deref()), ("page", page.as_deref())];
            let cursor = Cursor::Audit(session_management::audit::Position {
                at: chrono::DateTime::UNIX_EPOCH,
                id: 7,
            });
            let address = pages("/users", &asked, Some(&cursor)).next.unwrap();
            prop_assert!(address.is_ascii() && !address.contains([' ', '"', '<', '\'', '\n']), "{address}");
            let (path, search) = address.split_once('?').unwrap();
            prop_assert_eq!(path, "/users");
            let read: Vec<(String, String)> =
                form_urlencoded::parse(search.as_bytes()).into_owned().collect();
            let mut expected: Vec<(String, String)> = Vec::new();
            for (name, text) in &asked[..2] {
                expected.extend(given(*text).map(|text| ((*name).to_owned(), text.to_owned())));
            }
            expected.push(("next".into(), cursor.to_string()));
            prop_assert_eq!(read, expected);
            Ok(())
        });
    }
}
