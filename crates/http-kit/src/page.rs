//! Pages: how a request for one is told from a program's, what stands around every page, how forms come in and how
//! people are sent on. What an application's own pages are, it says itself.

mod asset;
mod device_row;
mod form;
mod form_token;
mod login;
mod own_path;
mod redirect;
mod refusal;
mod telegram;
mod visitor;

use std::fmt;
use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::http::header::{ACCEPT, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use constants::cookie;
use templates::{FormToken, Frame, Locale, Notice, Template};

use crate::problem::{Code, Problem};
use crate::routes::Routes;
use crate::settings::Settings;
use crate::{carrier, locale};
use form_token::FormKey;

pub use device_row::device_row;
pub use form::{Form, NoFields, StrangerForm};
pub use login::LoginForms;
pub use own_path::{Next, OwnPath};
pub use redirect::Redirect;
pub use refusal::Refusal;
pub use telegram::TelegramButtonPage;
pub(crate) use visitor::Visitor;

/// Paths that programs ask for, also where a browser shows their answer.
const FOR_PROGRAMS: &[&str] = &["/api", "/docs", "/healthz", "/readyz", "/metrics", "/openapi.json"];

/// The files of pages, and the ways in and out.
pub(crate) fn public(routes: &mut Routes<'_>) {
    routes
        .at("/assets/{version}/{name}", |at| at.page(asset::asset))
        .at("/login", |at| at.page(login::show).post(login::log_in))
        .at("/logout", |at| at.page(login::after).post(login::log_out));
}

/// Whether the answer is to be a page: every path of ours that is none of a program's, and every other that a browser
/// asks for.
pub(crate) fn is_for_page(request: &HttpRequest) -> bool {
    if FOR_PROGRAMS.iter().any(|root| is_at_or_below(request.path(), root)) {
        return false;
    }
    let asked = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    asked.is_some_and(|asked| asked.contains("text/html"))
        || request.match_pattern().is_some_and(|pattern| !pattern.is_empty())
}

/// Whether a path is this one, or below it.
pub(crate) fn is_at_or_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What stands around the pages of a request, and where it may go on.
#[derive(Debug, Clone)]
pub(crate) struct Around {
    pub(crate) frame: Frame,
    /// The page itself, if it can be asked for again.
    pub(crate) again: Option<OwnPath>,
}

impl Around {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let again = is_read.then(|| OwnPath::parse(here)).flatten();
        Self { frame: frame(request, FormToken::default(), None), again }
    }

    /// The way to the login and back.
    pub(crate) fn login(&self) -> String {
        Next::from(self.again.clone()).by("/login")
    }
}

/// The frame of a page: of who is known to be logged in, or of a stranger with the token for their forms.
fn frame(request: &HttpRequest, stranger_token: FormToken, notice: Option<Notice>) -> Frame {
    let context = settings(request).map(|settings| settings.context());
    let app = context.unwrap_or(constants::ApplicationContext::Web).scope();
    let path = request.path().to_owned();
    match request.extensions().get::<Visitor>() {
        Some(visitor) => Frame {
            app,
            locale: visitor.locale,
            theme: visitor.theme,
            path,
            account: Some(visitor.name.clone()),
            form_token: visitor.form_token.clone(),
            notice,
        },
        None => Frame {
            app,
            locale: locale::of(request),
            theme: constants::Theme::System,
            path,
            account: None,
            form_token: stranger_token,
            notice,
        },
    }
}

fn settings(request: &HttpRequest) -> Option<&web::Data<Settings>> {
    request.app_data::<web::Data<Settings>>()
}

/// The value of a cookie that [`Redirect::carrying`] set.
#[must_use]
pub fn carried(request: &HttpRequest, name: &str) -> Option<String> {
    let name = settings(request)?.cookies.aside_name(name);
    carrier::cookie(request.headers(), &name).map(str::to_owned)
}

/// A request that is answered with a page.
pub struct PageRequest {
    frame: Frame,
    cookies: Vec<Cookie<'static>>,
}

impl PageRequest {
    /// What stands around the page.
    #[must_use]
    pub fn frame(&self) -> Frame {
        self.frame.clone()
    }

    /// In which language the page speaks.
    #[must_use]
    pub const fn locale(&self) -> Locale {
        self.frame.locale
    }

    /// The page as an answer.
    #[must_use]
    pub fn show(&self, page: &impl Template) -> HttpResponse {
        self.with_cookies(render(StatusCode::OK, page))
    }

    /// The page of a form that was refused, with what was wrong in it.
    #[must_use]
    pub fn show_again(&self, refusal: &Refusal, page: &impl Template) -> HttpResponse {
        let mut response = self.with_cookies(render(refusal.status, page));
        if let Some(seconds) = refusal.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }

    fn with_cookies(&self, mut response: HttpResponse) -> HttpResponse {
        for cookie in &self.cookies {
            if let Err(error) = response.add_cookie(cookie) {
                log::error!("a cookie cannot be set: {error}");
            }
        }
        response
    }

    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let settings = settings(request).ok_or(Problem::new(Code::Internal))?;
        let jar = &settings.cookies;
        let mut cookies = Vec::new();
        let name = jar.aside_name(cookie::notice(settings.context()));
        let said = carrier::cookie(request.headers(), &name);
        let notice = said.and_then(Notice::named);
        if said.is_some() {
            let gone = Some(actix_web::cookie::time::Duration::ZERO);
            cookies.push(jar.aside(cookie::notice(settings.context()), "", gone));
        }
        let mut token = FormToken::default();
        if request.extensions().get::<Visitor>().is_none() {
            let key = match FormKey::of_stranger(request, settings) {
                Some(key) => key,
                None => {
                    let key = FormKey::draw()?;
                    cookies.push(jar.aside(cookie::form_key(settings.context()), key.expose(), None));
                    key
                }
            };
            token = key.token();
        }
        Ok(Self { frame: frame(request, token, notice), cookies })
    }
}

/// The cookies are left out: one may be the key of a stranger's forms.
impl fmt::Debug for PageRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageRequest").field("frame", &self.frame).finish_non_exhaustive()
    }
}

impl FromRequest for PageRequest {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request).map_err(|problem| problem.for_request(request)))
    }
}

/// A page as it goes out.
pub(crate) fn render(status: StatusCode, page: &impl Template) -> HttpResponse<BoxBody> {
    match page.render() {
        Ok(body) => HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body),
        Err(error) => {
            log::error!("a page cannot be rendered: {error}");
            HttpResponse::InternalServerError().finish()
        }
    }
}
