//! `/api/users/{id}`: one person.

use actix_web::{HttpRequest, HttpResponse};
use constants::{ApplicationContext, Role};
use http_kit::{Body, Failure, Gated, Problem, UserView, WithBody, localized};
use serde::{Deserialize, Deserializer, Serialize};
use session_management::User;
use session_management::administration::PersonChange;
use utoipa::ToSchema;

use crate::staff::{Staff, Subject, UsersRead, not_found};

/// What is to be changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// Needs `roles.change`, and a recent proof of identity.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<String>, nullable = false, example = "support")]
    role: Option<Role>,
    /// Needs `users.block`. Blocking ends every session.
    #[serde(default, deserialize_with = "some")]
    #[schema(nullable = false)]
    blocked: Option<bool>,
    /// Needs `users.verify`.
    #[serde(default, deserialize_with = "some")]
    #[schema(nullable = false)]
    is_verified: Option<bool>,
}

/// `null` is no value; what is to stay is left out.
fn some<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A person.
#[derive(Serialize, ToSchema)]
pub(crate) struct Person {
    user: UserView,
}

fn answer(user: &User) -> HttpResponse {
    HttpResponse::Ok().json(Person { user: UserView::new(user, ApplicationContext::Admin) })
}

/// One person.
#[utoipa::path(
    get, path = "/api/users/{id}", tag = "users", security(("cookie" = []), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = Person), Gated, (status = 404, response = Failure),
    ),
    extensions(("x-permission" = json!("users.read")))
)]
pub(crate) async fn show(
    request: HttpRequest,
    staff: Staff<UsersRead>,
    Subject(id): Subject,
) -> Result<HttpResponse, Problem> {
    let person = localized(&request, staff.administration().person(id).await)?;
    localized(&request, person.map(|user| answer(&user)).ok_or_else(not_found))
}

/// Changes a person's role, block or verification: all that is asked for, or nothing.
#[utoipa::path(
    patch, path = "/api/users/{id}", tag = "users", security(("cookie" = []), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path)), request_body = Change,
    responses(
        (status = 200, body = Person), Gated, WithBody, (status = 404, response = Failure),
        (status = 409, response = Failure),
    ),
    extensions(("x-permission" = json!("users.read")))
)]
pub(crate) async fn change(
    request: HttpRequest,
    staff: Staff<UsersRead>,
    Subject(id): Subject,
    Body(change): Body<Change>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let Change { role, blocked, is_verified } = change;
        let change = PersonChange { role, blocked, is_verified };
        change.deeds().try_for_each(|deed| staff.require(deed.permission()))?;
        let changed = staff.administration().change_person(staff.actor(), id, change).await?;
        changed.map(|user| answer(&user)).ok_or_else(not_found)
    };
    localized(&request, outcome.await)
}
