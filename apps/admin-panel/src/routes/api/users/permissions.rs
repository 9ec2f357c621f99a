//! `/api/users/{id}/permissions`: what a person may do beyond what their role brings.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use constants::ApplicationContext;
use http_kit::{Body, Code, Failure, Gated, Params, Problem, WithBody, localized, rfc3339, rfc3339_or_null};
use serde::{Deserialize, Serialize};
use session_management::{Grant, NewGrant};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::staff::{PermissionsChange, Staff, Subject, UsersRead, not_found};

/// Characters of a permission's name at most.
const LENGTH: usize = 100;

/// A permission to be granted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPermission {
    /// Letters, digits, dots, colons, hyphens and underscores.
    #[schema(min_length = 1, max_length = 100, example = "users.block")]
    pub(crate) permission: String,
    #[schema(value_type = String, example = "admin")]
    pub(crate) application_context: ApplicationContext,
    /// Until when; without it, until it is taken.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl NewPermission {
    pub(crate) fn parse(self, now: DateTime<Utc>) -> Result<NewGrant, Problem> {
        let wrong = |message| Err(Problem::new(Code::ValidationFailed).because(message));
        let Self { permission, application_context, expires_at } = self;
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_".contains(&byte);
        if !(1..=LENGTH).contains(&permission.len()) || !permission.bytes().all(legal) {
            return wrong("validation-permission");
        }
        if expires_at.is_some_and(|end| end <= now) {
            return wrong("validation-expires-at");
        }
        Ok(NewGrant { permission, application_context, expires_at })
    }
}

/// The name of a permission as it may have been granted, also by the older software. `None` for what no text of Postgres
/// holds.
pub(crate) fn granted_name(name: &str) -> Option<String> {
    (!name.is_empty() && !name.contains('\0')).then(|| name.to_owned())
}

/// In which application a permission is to be taken.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Where {
    #[param(value_type = String, example = "admin")]
    application_context: ApplicationContext,
}

/// A permission that was granted; it counts until `expires_at`.
#[derive(Serialize, ToSchema)]
#[schema(as = Permission)]
pub(crate) struct PermissionView {
    permission: String,
    #[schema(value_type = String, example = "admin")]
    application_context: ApplicationContext,
    #[serde(serialize_with = "rfc3339")]
    granted_at: DateTime<Utc>,
    /// `null` for the command line and what the older software granted.
    granted_by: Option<Uuid>,
    #[serde(serialize_with = "rfc3339_or_null")]
    expires_at: Option<DateTime<Utc>>,
}

impl From<Grant> for PermissionView {
    fn from(grant: Grant) -> Self {
        let Grant { permission, application_context, granted_at, granted_by, expires_at } = grant;
        let granted_by = granted_by.map(|id| id.0);
        Self { permission, application_context, granted_at, granted_by, expires_at }
    }
}

/// What was granted to a person, also what has ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct Permissions {
    permissions: Vec<PermissionView>,
}

/// The permission as it stands now.
#[derive(Serialize, ToSchema)]
pub(crate) struct GrantedView {
    permission: PermissionView,
}

/// What was granted to a person in every application.
#[utoipa::path(
    get, path = "/api/users/{id}/permissions", tag = "users", security(("cookie" = []), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = Permissions), Gated, (status = 404, response = Failure),
    ),
    extensions(("x-permission" = json!("users.read")))
)]
pub(crate) async fn list(
    request: HttpRequest,
    staff: Staff<UsersRead>,
    Subject(id): Subject,
) -> Result<HttpResponse, Problem> {
    let grants = localized(&request, staff.administration().grants_of(id).await)?;
    let grants = localized(&request, grants.ok_or_else(not_found))?;
    let permissions = grants.into_iter().map(PermissionView::from).collect();
    Ok(HttpResponse::Ok().json(Permissions { permissions }))
}

/// Grants a permission, or gives one that was granted before another end. Needs a recent proof of identity.
#[utoipa::path(
    post, path = "/api/users/{id}/permissions", tag = "users", security(("cookie" = []), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path)), request_body = NewPermission,
    responses(
        (status = 200, body = GrantedView, description = "It was granted before, and has another end now"),
        (status = 201, body = GrantedView), Gated, WithBody, (status = 404, response = Failure),
    ),
    extensions(("x-permission" = json!("permissions.change")))
)]
pub(crate) async fn grant(
    request: HttpRequest,
    staff: Staff<PermissionsChange>,
    Subject(id): Subject,
    Body(new): Body<NewPermission>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let new = new.parse(staff.now())?;
        let granted = staff.administration().grant(staff.actor(), id, new).await?;
        let granted = granted.ok_or_else(not_found)?;
        let mut response = if granted.is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
        Ok::<_, Problem>(response.json(GrantedView { permission: granted.grant.into() }))
    };
    localized(&request, outcome.await)
}

/// Takes a permission that was granted. Needs a recent proof of identity.
#[utoipa::path(
    delete, path = "/api/users/{id}/permissions/{permission}", tag = "users",
    security(("cookie" = []), ("bearer" = [])),
    params(("id" = uuid::Uuid, Path), ("permission" = String, Path), Where),
    responses(
        (status = 204), Gated, (status = 404, response = Failure), (status = 422, response = Failure),
    ),
    extensions(("x-permission" = json!("permissions.change")))
)]
pub(crate) async fn take(
    request: HttpRequest,
    staff: Staff<PermissionsChange>,
    (Subject(id), path): (Subject, web::Path<(String, String)>),
    Params(place): Params<Where>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let permission = granted_name(&path.1).ok_or_else(not_found)?;
        let context = place.application_context;
        let taken = staff.administration().take(staff.actor(), id, permission, context).await?;
        taken.map(|()| HttpResponse::NoContent().finish()).ok_or_else(not_found)
    };
    localized(&request, outcome.await)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn of_any_name_a_permission_to_be_granted_is_of_its_alphabet_and_as_it_stands_c2() {
        const EXAMPLES: &[&str] = &["users.block", "reports:read-all_2", "users block", "*", "users.block\0"];
        let long = "[a-z.:_-]{95,105}";
        for_all("permission", prop_oneof![any_or_almost(EXAMPLES), long], |name| {
            let new = NewPermission {
                permission: name.clone(),
                application_context: ApplicationContext::Admin,
                expires_at: None,
            };
            let legal = |char: char| char.is_ascii_alphanumeric() || ".:-_".contains(char);
            let is_name = !name.is_empty() && name.chars().count() <= 100 && name.chars().all(legal);
            let granted = new.parse(DateTime::UNIX_EPOCH).ok().map(|grant| grant.permission);
            prop_assert_eq!(granted, is_name.then_some(name));
            Ok(())
        });
    }
}
