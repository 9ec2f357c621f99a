//! Web's own pages; the folder below is the site map. Logging in by password and logging out are every application's.

mod account;
mod home;
mod login;
mod register;

use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use http_kit::page::{self, get, resource};
use session_management::Web;

/// What a stranger may see.
pub(crate) fn public(config: &mut ServiceConfig) {
    config
        .service(resource("/").wrap(from_fn(page::greet::<Web>)).route(get().to(home::show)))
        .service(
            resource("/register").route(get().to(register::show)).route(web::post().to(register::register)),
        )
        .service(
            resource("/login/sms")
                .route(get().to(login::sms::back))
                .route(web::post().to(login::sms::request_code)),
        )
        .service(
            resource("/login/sms/verify")
                .route(get().to(login::sms::show))
                .route(web::post().to(login::sms::verify_code)),
        )
        .service(
            resource("/login/telegram")
                .route(get().to(login::telegram::show))
                .route(web::post().to(login::telegram::log_in)),
        );
}

/// What needs a session.
pub(crate) fn private(config: &mut ServiceConfig) {
    let act = |path: &str| resource(path).route(get().to(account::back));
    config
        .service(resource("/account").route(get().to(account::show)))
        .service(act("/account/password").route(web::post().to(account::password::change)))
        .service(act("/account/preferences").route(web::post().to(account::preferences::choose)))
        .service(act("/account/sessions/end-others").route(web::post().to(account::sessions::end_others)))
        .service(act("/account/sessions/{id}/end").route(web::post().to(account::sessions::end)));
}
