//! Names of cookies.

use crate::ApplicationContext;

/// The cookie in which the older software kept its token, and into which dual writing puts ours.
pub const LEGACY_AUTH_TOKEN: &str = "auth_token";

/// The session cookie of web without the `__Host-` prefix, which the older software also used.
pub const LEGACY_SESSION_ID: &str = "sessionId";

/// Prefix by which a browser enforces `Secure`, `Path=/` and no `Domain`.
pub const HOST_PREFIX: &str = "__Host-";

/// The session cookie of a context, without [`HOST_PREFIX`]. Cookies ignore the port, so two
/// applications on one host would overwrite each other's if the names were the same.
#[must_use]
pub const fn session(context: ApplicationContext) -> &'static str {
    context.application().cookies.session
}

/// The cookie whose value is the key of a stranger's forms. Like all names here it differs per application.
#[must_use]
pub const fn form_key(context: ApplicationContext) -> &'static str {
    context.application().cookies.form_key
}

/// The cookie that tells the next page which message it shows.
#[must_use]
pub const fn notice(context: ApplicationContext) -> &'static str {
    context.application().cookies.notice
}

/// The cookie that carries the phone number from the form that asks for a code to the one that takes it. Web's alone.
pub const PHONE: &str = "loginPhone";
