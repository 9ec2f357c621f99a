//! The site that customers use.

mod pages;

use std::process::ExitCode;

use actix_web::web::{self, ServiceConfig};
use http_kit::{App, account, preferences, resource, run};
use session_management::Web;
use utoipa::OpenApi;

fn main() -> ExitCode {
    run(App::<Web>::new().public(public).private(private).document(Document::openapi))
}

/// What web has and no other application: customers make their accounts themselves, also by the first login
/// with a phone or by Telegram.
fn public(config: &mut ServiceConfig) {
    config
        .service(resource("/api/register").route(web::post().to(account::register)))
        .service(resource("/api/login/sms/request").route(web::post().to(account::request_code)))
        .service(resource("/api/login/sms/verify").route(web::post().to(account::verify_code)))
        .service(resource("/api/login/telegram").route(web::post().to(account::log_in_by_telegram)))
        .configure(pages::public);
}

/// How a person wants the site to be, and their own page.
fn private(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/preferences")
                .route(web::get().to(preferences::show_preferences))
                .route(web::put().to(preferences::choose_preferences)),
        )
        .configure(pages::private);
}

#[derive(OpenApi)]
#[openapi(paths(
    account::register,
    account::request_code,
    account::verify_code,
    account::log_in_by_telegram,
    preferences::show_preferences,
    preferences::choose_preferences
))]
struct Document;
