//! The account API, the same in every application, each in its own context: logging in and out, who am I,
//! my sessions, my password.

mod asked;
mod login;
mod me;
mod password;
mod sessions;
mod sms;
mod telegram;

use session_management::AppContext;

use crate::routes::Routes;

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
pub(crate) fn public(routes: &mut Routes<'_>) {
    routes.at("/api/login", |at| at.post(log_in)).at("/api/logout", |at| at.post(log_out));
}

/// What needs a session.
pub(crate) fn private<C: AppContext>(routes: &mut Routes<'_>) {
    routes
        .at("/api/me", |at| at.get(me::<C>))
        .at(asked::VERIFY, |at| at.page(verify::<C>))
        .at(asked::VERIFY_BELOW, |at| at.any(verify::<C>))
        .at("/api/sessions", |at| at.get(list_sessions::<C>))
        .at("/api/sessions/revoke-others", |at| at.post(revoke_others::<C>))
        .at("/api/sessions/{id}", |at| at.delete(end_session::<C>))
        .at("/api/password", |at| at.post(change_password::<C>))
        .at("/api/reauthenticate", |at| at.post(reauthenticate::<C>));
}
