//! Every route of admin-panel that web has not. Logging in and out are every application's.

mod api;
mod audit;
mod cleanup;
mod dashboard;
mod users;

use http_kit::Routes;
use utoipa::OpenApi;

use users::{act, person};

/// What needs a session.
pub(crate) fn private(routes: &mut Routes<'_>) {
    api::routes(routes);
    routes
        .at("/", |at| at.page(dashboard::show))
        .at("/users", |at| at.page(users::show))
        .at("/users/{id}", |at| at.page(person::show))
        .at("/users/{id}/{act}", |at| at.page(act::ask).post(act::perform))
        .at("/audit", |at| at.page(audit::show))
        .at("/cleanup", |at| at.page(cleanup::show));
}

/// The document of these routes.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    api::Document::openapi()
}
