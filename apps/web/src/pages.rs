//! Web's own pages; the folder below is the site map. Logging in by password and logging out are every application's.

mod account;
mod home;
mod login;
mod register;

use http_kit::Routes;
use session_management::Web;

/// What a stranger may see.
pub(crate) fn public(routes: &mut Routes<'_>) {
    routes
        .at_greeting::<Web>("/", |at| at.page(home::show))
        .at("/register", |at| at.page(register::show).post(register::register))
        .at("/login/sms", |at| at.page(login::sms::back).post(login::sms::request_code))
        .at("/login/sms/verify", |at| at.page(login::sms::show).post(login::sms::verify_code))
        .at("/login/telegram", |at| at.page(login::telegram::show).post(login::telegram::log_in));
}

/// What needs a session.
pub(crate) fn private(routes: &mut Routes<'_>) {
    routes
        .at("/account", |at| at.page(account::show))
        .at("/account/password", |at| at.page(account::back).post(account::password::change))
        .at("/account/preferences", |at| at.page(account::back).post(account::preferences::choose))
        .at("/account/sessions/end-others", |at| at.page(account::back).post(account::sessions::end_others))
        .at("/account/sessions/{id}/end", |at| at.page(account::back).post(account::sessions::end));
}
