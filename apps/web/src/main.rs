//! The site that customers use.

use std::process::ExitCode;

use actix_web::web::{self, ServiceConfig};
use http_kit::{App, account, resource, run};
use session_management::Web;
use utoipa::OpenApi;

fn main() -> ExitCode {
    run(App::<Web>::new().public(public).document(Document::openapi))
}

/// What web has and no other application: customers make their accounts themselves.
fn public(config: &mut ServiceConfig) {
    config.service(resource("/api/register").route(web::post().to(account::register)));
}

#[derive(OpenApi)]
#[openapi(paths(account::register))]
struct Document;
