//! Sending a person on after a form: 303, so that loading the next page again sends nothing again.

use actix_web::cookie::time::Duration;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use constants::cookie;
use session_management::{LoggedIn, OthersEnded, SessionToken};
use templates::Notice;

use super::Next;
use crate::settings::Settings;

/// Seconds for which a notice waits for its page.
const NOTICE: Duration = Duration::seconds(60);

/// The way on.
pub struct Redirect {
    response: HttpResponseBuilder,
    settings: Option<web::Data<Settings>>,
}

impl Redirect {
    /// To a path that the program names itself.
    #[must_use]
    pub fn to(request: &HttpRequest, path: &str) -> Self {
        let mut response = HttpResponse::SeeOther();
        response.insert_header((LOCATION, path));
        Self { response, settings: super::settings(request).cloned() }
    }

    /// Into a session that was just opened: the key of the stranger's forms has had its day.
    #[must_use]
    pub fn into_session(
        request: &HttpRequest,
        logged_in: &LoggedIn,
        next: &Next,
        usual: &'static str,
    ) -> Self {
        let redirect = Self::to(request, next.or(usual));
        redirect.session(&logged_in.token, logged_in.dual_written).without_form_key()
    }

    /// With what the next page says.
    #[must_use]
    pub fn saying(mut self, notice: Notice) -> Self {
        if let Some(settings) = &self.settings {
            let name = cookie::notice(settings.context());
            self.response.cookie(settings.cookies.aside(name, notice.name(), Some(NOTICE)));
        }
        self
    }

    /// With the new token of a session that goes on.
    #[must_use]
    pub fn keeping(self, ended: &OthersEnded) -> Self {
        self.session(&ended.token, ended.dual_written)
    }

    /// With a cookie beside the session's, for so many seconds; 0 takes it away.
    #[must_use]
    pub fn carrying(mut self, name: &str, value: &str, seconds: i64) -> Self {
        if let Some(settings) = &self.settings {
            let age = Some(Duration::seconds(seconds));
            self.response.cookie(settings.cookies.aside(name, value, age));
        }
        self
    }

    /// Out of every session.
    pub(super) fn without_session(mut self) -> Self {
        if let Some(settings) = &self.settings {
            settings.cookies.clear(&mut self.response);
        }
        self
    }

    /// The answer.
    #[must_use]
    pub fn finish(mut self) -> HttpResponse {
        self.response.finish()
    }

    fn session(mut self, token: &SessionToken, dual_written: bool) -> Self {
        if let Some(settings) = &self.settings {
            settings.cookies.set(&mut self.response, token, dual_written);
        }
        self
    }

    fn without_form_key(self) -> Self {
        let name = self.settings.as_ref().map(|settings| cookie::form_key(settings.context()));
        match name {
            Some(name) => self.carrying(name, "", 0),
            None => self,
        }
    }
}
