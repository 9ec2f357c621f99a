//! Every route of admin-panel that web has not. Logging in and out are every application's.

mod api;
mod audit;
mod cleanup;
mod dashboard;
mod users;

use actix_web::web::{self, ServiceConfig};
use http_kit::page::{get, resource};
use utoipa::OpenApi;

use users::{act, person};

/// What needs a session.
pub(crate) fn private(config: &mut ServiceConfig) {
    api::routes(config);
    config
        .service(resource("/").route(get().to(dashboard::show)))
        .service(resource("/users").route(get().to(users::show)))
        .service(resource("/users/{id}").route(get().to(person::show)))
        .service(resource("/users/{id}/{act}").route(get().to(act::ask)).route(web::post().to(act::perform)))
        .service(resource("/audit").route(get().to(audit::show)))
        .service(resource("/cleanup").route(get().to(cleanup::show)));
}

/// The document of these routes.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    api::Document::openapi()
}
