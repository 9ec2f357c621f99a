//! Every route of admin-panel that web has not.

mod api;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

/// What needs a session.
pub(crate) fn private(config: &mut ServiceConfig) {
    api::routes(config);
}

/// The document of these routes.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    api::Document::openapi()
}
