//! `/api`: what staff do, for programs and for the pages.

pub(crate) mod audit;
mod cleanup;
mod stats;
pub(crate) mod users;

use http_kit::Routes;
use utoipa::OpenApi;

use users::{permissions, person, sessions};

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes
        .at("/api/users", |at| at.get(users::list))
        .at("/api/users/{id}", |at| at.get(person::show).patch(person::change))
        .at("/api/users/{id}/sessions", |at| at.get(sessions::list).delete(sessions::end_all))
        .at("/api/users/{id}/sessions/{sid}", |at| at.delete(sessions::end))
        .at("/api/users/{id}/permissions", |at| at.get(permissions::list).post(permissions::grant))
        .at("/api/users/{id}/permissions/{permission}", |at| at.delete(permissions::take))
        .at("/api/audit", |at| at.get(audit::list))
        .at("/api/cleanup", |at| at.get(cleanup::show))
        .at("/api/stats", |at| at.get(stats::show));
}

#[derive(OpenApi)]
#[openapi(
    paths(
        users::list,
        person::show,
        person::change,
        sessions::list,
        sessions::end_all,
        sessions::end,
        permissions::list,
        permissions::grant,
        permissions::take,
        audit::list,
        stats::show,
        cleanup::show,
    ),
    tags(
        (name = "users", description = "People, their sessions and permissions"),
        (name = "audit", description = "Who did what, to whom, when and from where"),
        (name = "stats", description = "Numbers"),
        (name = "operations", description = "For operators"),
    )
)]
pub(crate) struct Document;
