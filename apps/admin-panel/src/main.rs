//! The panel that staff use.

mod cleanup;

use std::process::ExitCode;

use actix_web::web::{self, ServiceConfig};
use http_kit::{App, resource, run};
use session_management::Admin;
use utoipa::OpenApi;

fn main() -> ExitCode {
    run(App::<Admin>::new().private(private).document(Document::openapi))
}

/// What staff may see and do.
fn private(config: &mut ServiceConfig) {
    config.service(resource("/api/cleanup").route(web::get().to(cleanup::show_cleanup)));
}

#[derive(OpenApi)]
#[openapi(paths(cleanup::show_cleanup))]
struct Document;
