//! `/api/users`: people, found by what names them, their role and state.

pub(crate) mod permissions;
pub(crate) mod person;
pub(crate) mod sessions;

use actix_web::{HttpRequest, HttpResponse};
use constants::{ApplicationContext, Role};
use http_kit::{Failure, Gated, Params, Problem, UserView, localized};
use serde::{Deserialize, Serialize};
use session_management::SearchText;
use session_management::administration::Cursor;
use session_management::people::Search;
use utoipa::{IntoParams, ToSchema};

use crate::paging::{Paging, given, wrong_filter};
use crate::staff::{Staff, UsersRead};

/// Whom to list, and which page. An empty parameter is as good as none.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filters {
    /// The beginning of an e-mail address, phone number or id, or a whole Telegram id.
    pub(crate) query: Option<String>,
    /// user, admin, operator or support.
    pub(crate) role: Option<String>,
    /// blocked or active.
    pub(crate) state: Option<String>,
    /// From 1; with `per_page` it reaches 10,000 rows.
    pub(crate) page: Option<String>,
    /// 1 to 1000.
    pub(crate) per_page: Option<String>,
    /// What an earlier page said comes next; `page` then decides nothing.
    #[serde(alias = "cursor")]
    pub(crate) next: Option<String>,
}

/// A page of people: the newest first, or by the name that matches.
#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    users: Vec<UserView>,
    page: i64,
    per_page: i64,
    /// Exact up to 10,000.
    total: i64,
    /// Whether there are more than `total`.
    total_capped: bool,
    /// Hand it back as `next` for the page after this one; `null` on the last.
    next: Option<String>,
}

impl Filters {
    pub(crate) fn search(&self) -> Result<Search, Problem> {
        let text = given(self.query.as_deref()).map(|text| SearchText::parse(text).ok_or_else(wrong_filter));
        let role = given(self.role.as_deref()).map(|name| name.parse::<Role>().map_err(|_| wrong_filter()));
        let blocked = match given(self.state.as_deref()) {
            None => None,
            Some("blocked") => Some(true),
            Some("active") => Some(false),
            Some(_) => return Err(wrong_filter()),
        };
        Ok(Search { text: text.transpose()?, role: role.transpose()?, blocked })
    }

    /// Every parameter as it came.
    pub(crate) fn asked(&self) -> [(&'static str, Option<&str>); 6] {
        [
            ("query", self.query.as_deref()),
            ("role", self.role.as_deref()),
            ("state", self.state.as_deref()),
            ("page", self.page.as_deref()),
            ("per_page", self.per_page.as_deref()),
            ("next", self.next.as_deref()),
        ]
    }

    pub(crate) fn paging(&self) -> Result<Paging, Problem> {
        let of_people = |cursor: &Cursor| matches!(cursor, Cursor::People(_));
        Paging::parse(self.page.as_deref(), self.per_page.as_deref(), self.next.as_deref(), of_people)
    }
}

/// People who match.
#[utoipa::path(
    get, path = "/api/users", tag = "users", security(("cookie" = []), ("bearer" = [])), params(Filters),
    responses(
        (status = 200, body = Users), Gated, (status = 422, response = Failure),
    ),
    extensions(("x-permission" = json!("users.read")))
)]
pub(crate) async fn list(
    request: HttpRequest,
    staff: Staff<UsersRead>,
    Params(filters): Params<Filters>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let (search, Paging { page, number, per_page }) = (filters.search()?, filters.paging()?);
        let found = staff.administration().people(search, page, per_page).await?;
        Ok::<_, Problem>(HttpResponse::Ok().json(Users {
            users: found.people.iter().map(|user| UserView::new(user, ApplicationContext::Admin)).collect(),
            page: number,
            per_page,
            total: found.total,
            total_capped: found.total_capped,
            next: found.next.map(|cursor| cursor.to_string()),
        }))
    };
    localized(&request, outcome.await)
}
