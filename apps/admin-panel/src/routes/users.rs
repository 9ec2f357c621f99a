//! `/users`: people, found by what names them, their role and state.

pub(crate) mod act;
pub(crate) mod person;

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use http_kit::page::{PageRequest, Refusal};
use http_kit::{Params, Problem, localized, name_of};
use session_management::User;
use session_management::administration::PeoplePage;
use templates::page::{Pages, PersonRow, UsersPage};
use templates::{Locale, ago, moment};

use super::api::users::Filters;
use crate::paging::{Paging, pages, typed};
use crate::staff::{Staff, UsersRead};

pub(crate) async fn show(
    request: HttpRequest,
    page: PageRequest,
    staff: Staff<UsersRead>,
    Params(filters): Params<Filters>,
) -> Result<HttpResponse, Problem> {
    let users = empty(&page, &filters);
    let found = async {
        let (search, Paging { page, per_page, .. }) = (filters.search()?, filters.paging()?);
        Ok::<_, Problem>(staff.administration().people(search, page, per_page).await?)
    };
    match localized(&request, found.await) {
        Ok(found) => {
            let pages = pages("/users", &filters.asked(), found.next.as_ref());
            Ok(page.show(&UsersPage { pages, ..filled(users, &found, staff.now()) }))
        }
        Err(problem) => {
            let refusal = Refusal::of(problem, &[])?;
            let fault = Some(refusal.fault.clone());
            Ok(page.show_again(&refusal, &UsersPage { fault, ..users }))
        }
    }
}

fn empty(page: &PageRequest, filters: &Filters) -> UsersPage {
    UsersPage {
        frame: page.frame(),
        query: typed(filters.query.as_ref()),
        role: typed(filters.role.as_ref()),
        state: typed(filters.state.as_ref()),
        fault: None,
        people: Vec::new(),
        total: 0,
        total_capped: false,
        pages: Pages::default(),
    }
}

fn filled(users: UsersPage, found: &PeoplePage, now: DateTime<Utc>) -> UsersPage {
    let locale = users.frame.locale;
    UsersPage {
        people: found.people.iter().map(|user| row(user, now, locale)).collect(),
        total: found.total,
        total_capped: found.total_capped,
        ..users
    }
}

/// A person as every page of staff names them.
pub(crate) fn row(user: &User, now: DateTime<Utc>, locale: Locale) -> PersonRow {
    PersonRow {
        id: user.id.to_string(),
        name: name_of(user),
        role: user.role,
        is_blocked: user.blocked_at.is_some(),
        is_verified: user.is_verified,
        since: moment(user.created_at, locale),
        last_login: user.last_login_at.map(|at| ago(at, now, locale)),
    }
}
