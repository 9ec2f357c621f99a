//! `/api`: what staff do, for programs and for the pages.

pub(crate) mod audit;
mod cleanup;
mod stats;
pub(crate) mod users;

use actix_web::web::{self, ServiceConfig};
use http_kit::resource;
use utoipa::OpenApi;

use users::{permissions, person, sessions};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/api/users").route(web::get().to(users::list)))
        .service(
            resource("/api/users/{id}")
                .route(web::get().to(person::show))
                .route(web::patch().to(person::change)),
        )
        .service(
            resource("/api/users/{id}/sessions")
                .route(web::get().to(sessions::list))
                .route(web::delete().to(sessions::end_all)),
        )
        .service(resource("/api/users/{id}/sessions/{sid}").route(web::delete().to(sessions::end)))
        .service(
            resource("/api/users/{id}/permissions")
                .route(web::get().to(permissions::list))
                .route(web::post().to(permissions::grant)),
        )
        .service(
            resource("/api/users/{id}/permissions/{permission}").route(web::delete().to(permissions::take)),
        )
        .service(resource("/api/audit").route(web::get().to(audit::list)))
        .service(resource("/api/cleanup").route(web::get().to(cleanup::show)))
        .service(resource("/api/stats").route(web::get().to(stats::show)));
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
