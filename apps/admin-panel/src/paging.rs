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
