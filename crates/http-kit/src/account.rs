//! The account API, the same in every application, each in its own context: logging in and out, who am I,
//! my sessions, my password.

mod asked;
mod login;
mod me;
mod password;
mod sessions;
mod sms;
mod telegram;

use actix_web::web::{self, ServiceConfig};
use session_management::AppContext;

use crate::app::resource;
use crate::page;

pub(crate) use asked::answer_nobody;
pub use login::{Credentials, Transport, answer_login, login_of, open_account, refused, register};
pub use password::exchange_password;
pub use sessions::end_one;
pub use sms::{SentCode, prove_code, request_code, send_code, verify_code};
pub use telegram::log_in_by_telegram;

// The document of an application names its handlers by what the attribute on them made.
#[doc(hidden)]
pub use login::__path_register;
pub(crate) use login::{__path_log_in, __path_log_out, log_in, log_out, prove_password};
pub(crate) use me::{__path_me, __path_verify, answer_me, answer_verify, me, verify};
pub(crate) use password::{__path_change_password, __path_reauthenticate, change_password, reauthenticate};
pub(crate) use sessions::{
    __path_end_session, __path_list_sessions, __path_revoke_others, end_session, list_sessions, revoke_others,
};
#[doc(hidden)]
pub use sms::{__path_request_code, __path_verify_code};
#[doc(hidden)]
pub use telegram::__path_log_in_by_telegram;

/// What a stranger may call.
pub(crate) fn public(config: &mut ServiceConfig) {
    config
        .service(resource("/api/login").route(web::post().to(log_in)))
        .service(resource("/api/logout").route(web::post().to(log_out)));
}

/// What needs a session.
pub(crate) fn private<C: AppContext>(config: &mut ServiceConfig) {
    config
        .service(resource("/api/me").route(web::get().to(me::<C>)))
        .service(resource(asked::VERIFY).route(page::get().to(verify::<C>)))
        .service(resource(asked::VERIFY_BELOW).route(web::to(verify::<C>)))
        .service(resource("/api/sessions").route(web::get().to(list_sessions::<C>)))
        .service(resource("/api/sessions/revoke-others").route(web::post().to(revoke_others::<C>)))
        .service(resource("/api/sessions/{id}").route(web::delete().to(end_session::<C>)))
        .service(resource("/api/password").route(web::post().to(change_password::<C>)))
        .service(resource("/api/reauthenticate").route(web::post().to(reauthenticate::<C>)));
}
