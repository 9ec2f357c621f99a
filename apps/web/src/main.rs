//! The site that customers use.

mod pages;

use std::process::ExitCode;

use http_kit::{App, Routes, account, preferences, run};
use session_management::Web;
use utoipa::OpenApi;

fn main() -> ExitCode {
    run(App::<Web>::new().public(public).private(private).document(Document::openapi))
}

/// What web has and no other application: customers make their accounts themselves, also by the first login
/// with a phone or by Telegram.
fn public(routes: &mut Routes<'_>) {
    routes
        .at("/api/register", |at| at.post(account::register))
        .at("/api/login/sms/request", |at| at.post(account::request_code))
        .at("/api/login/sms/verify", |at| at.post(account::verify_code))
        .at("/api/login/telegram", |at| at.post(account::log_in_by_telegram));
    pages::public(routes);
}

/// How a person wants the site to be, and their own page.
fn private(routes: &mut Routes<'_>) {
    routes.at("/api/preferences", |at| {
        at.get(preferences::show_preferences).put(preferences::choose_preferences)
    });
    pages::private(routes);
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
