//! The cookies of an application: their names, their attributes, how they are set and cleared.

use actix_web::HttpResponseBuilder;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use constants::{ApplicationContext, Environment, LegacyTokens, cookie};
use session_management::SessionToken;

/// What is fixed about the cookies of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCookies {
    names: Vec<String>,
    secure: bool,
    max_age: Duration,
}

impl SessionCookies {
    /// The cookies of a context. In production the own name carries `__Host-`; the names of the older
    /// software count in web as long as its tokens do.
    #[must_use]
    pub fn new(
        context: ApplicationContext,
        environment: Environment,
        legacy: LegacyTokens,
        max_age: std::time::Duration,
    ) -> Self {
        let secure = environment == Environment::Production;
        let plain = cookie::session(context);
        let own = if secure { format!("{}{plain}", cookie::HOST_PREFIX) } else { plain.to_owned() };
        let mut names = vec![own];
        if context.counts_legacy_tokens() && legacy != LegacyTokens::Off {
            for name in [cookie::LEGACY_SESSION_ID, cookie::LEGACY_AUTH_TOKEN] {
                if names[0] != name {
                    names.push(name.to_owned());
                }
            }
        }
        let seconds = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
        Self { names, secure, max_age: Duration::seconds(seconds) }
    }

    /// The names that count, the application's own first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The application's own name.
    #[must_use]
    pub fn own(&self) -> &str {
        &self.names[0]
    }

    /// The application's cookie with this token.
    #[must_use]
    pub fn session(&self, token: &SessionToken) -> Cookie<'static> {
        self.cookie(self.own(), token.expose(), self.max_age)
    }

    /// Sets the application's cookie, and the older software's when the token was written for it too.
    pub fn set(&self, response: &mut HttpResponseBuilder, token: &SessionToken, dual_written: bool) {
        response.cookie(self.session(token));
        if dual_written {
            response.cookie(self.cookie(cookie::LEGACY_AUTH_TOKEN, token.expose(), self.max_age));
        }
    }

    /// Clears every cookie that counts.
    pub fn clear(&self, response: &mut HttpResponseBuilder) {
        for name in &self.names {
            response.cookie(self.cookie(name, "", Duration::ZERO));
        }
    }

    /// A cookie beside the session's, under the name that [`Self::aside_name`] makes of `name`; without an age it goes
    /// when the browser is closed.
    pub(crate) fn aside(&self, name: &str, value: &str, max_age: Option<Duration>) -> Cookie<'static> {
        let mut cookie = self.cookie(&self.aside_name(name), value, Duration::ZERO);
        cookie.set_max_age(max_age);
        cookie
    }

    /// The same name under the prefix that the session's cookie has.
    pub(crate) fn aside_name(&self, name: &str) -> String {
        if self.secure { format!("{}{name}", cookie::HOST_PREFIX) } else { name.to_owned() }
    }

    fn cookie(&self, name: &str, value: &str, max_age: Duration) -> Cookie<'static> {
        Cookie::build(name.to_owned(), value.to_owned())
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(max_age)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(
        context: ApplicationContext,
        environment: Environment,
        legacy: LegacyTokens,
    ) -> SessionCookies {
        SessionCookies::new(context, environment, legacy, std::time::Duration::from_secs(60))
    }

    #[test]
    fn each_application_has_its_own_name_f11() {
        let names = |context, environment, legacy| cookies(context, environment, legacy).names.join(" ");
        use ApplicationContext::{Admin, Web};
        use Environment::{Development, Production};
        assert_eq!(names(Web, Development, LegacyTokens::DualWrite), "sessionId auth_token");
        assert_eq!(names(Web, Development, LegacyTokens::Off), "sessionId");
        assert_eq!(names(Web, Production, LegacyTokens::Read), "__Host-sessionId sessionId auth_token");
        assert_eq!(names(Web, Production, LegacyTokens::Off), "__Host-sessionId");
        assert_eq!(names(Admin, Development, LegacyTokens::DualWrite), "adminSessionId");
        assert_eq!(names(Admin, Production, LegacyTokens::Read), "__Host-adminSessionId");
    }

    #[test]
    fn attributes_are_those_that_the_prefix_demands() {
        let cookies = cookies(ApplicationContext::Web, Environment::Production, LegacyTokens::Off);
        let token = SessionToken::parse("abcdef").unwrap();
        assert_eq!(
            cookies.session(&token).to_string(),
            "__Host-sessionId=abcdef; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
        );
    }
}
