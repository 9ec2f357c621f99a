//! The page on which people log in, and the way out.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use session_management::SessionService;
use templates::page::{LoginPage, PhoneForm, Ways};
use templates::{Fault, Notice};

use super::{Form, Next, NoFields, PageRequest, Redirect, Refusal, StrangerForm, telegram};
use crate::account::{self, Transport};
use crate::carrier::Presented;
use crate::client::Client;
use crate::problem::{Problem, localized};
use crate::settings::Settings;

/// What a person logs in with.
#[derive(Deserialize)]
pub(super) struct Fields {
    email: String,
    password: String,
    #[serde(default)]
    next: Next,
}

/// A login page as it is shown: at first, or again.
#[derive(Debug, Default)]
pub struct LoginForms {
    /// Where to go then.
    pub next: Next,
    /// The address as it was typed.
    pub email: String,
    /// What was wrong with address or password.
    pub fault: Option<Fault>,
    /// The form that asks for a code.
    pub phone: PhoneForm,
}

impl LoginForms {
    /// The page with every way that this application offers; with what was refused, if something was.
    #[must_use]
    pub fn show(self, request: &HttpRequest, page: &PageRequest, refusal: Option<&Refusal>) -> HttpResponse {
        let Self { next, email, fault, phone } = self;
        let settings = super::settings(request);
        let sign_up = settings.is_some_and(|settings| settings.context().application().sign_up);
        let telegram =
            settings.filter(|_| sign_up).and_then(|settings| telegram::way(request, settings, &next));
        let ways =
            if sign_up { Ways { register: true, phone: Some(phone), telegram } } else { Ways::default() };
        let login = LoginPage { frame: page.frame(), next: next.to_string(), email, fault, ways };
        match refusal {
            Some(refusal) => page.show_again(refusal, &login),
            None => page.show(&login),
        }
    }
}

pub(super) async fn show(request: HttpRequest, page: PageRequest) -> HttpResponse {
    LoginForms { next: Next::of(&request), ..LoginForms::default() }.show(&request, &page, None)
}

pub(super) async fn log_in(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    form: StrangerForm<Fields>,
) -> Result<HttpResponse, Problem> {
    let (Fields { email, password, next }, counts) = form.read();
    let proven = async {
        counts?;
        account::prove_password(&request, &service, &email, password, Transport::Cookie).await
    };
    match localized(&request, proven.await) {
        Ok(logged_in) => Ok(Redirect::into_session(&request, &logged_in, &next, usual(&request)).finish()),
        Err(problem) => {
            let refusal = Refusal::of(problem, &[])?;
            let fault = Some(refusal.fault.clone());
            let forms = LoginForms { next, email, fault, ..LoginForms::default() };
            Ok(forms.show(&request, &page, Some(&refusal)))
        }
    }
}

/// Ends every session that the request carries, like the API; here it must come from a page of the first of them.
pub(super) async fn log_out(
    request: HttpRequest,
    settings: web::Data<Settings>,
    service: web::Data<SessionService>,
    client: Client,
    form: Result<Form<NoFields>, Problem>,
) -> Result<HttpResponse, Problem> {
    let tokens = Presented::of(request.headers(), settings.cookies.names()).all();
    if !tokens.is_empty() {
        let Form(NoFields {}) = form?;
        localized(&request, service.log_out(&tokens, client.origin()).await)?;
    }
    Ok(Redirect::to(&request, "/login").without_session().saying(Notice::LoggedOut).finish())
}

/// Who loads the address of the way out ends nothing by that.
pub(super) async fn after(request: HttpRequest) -> HttpResponse {
    Redirect::to(&request, "/").finish()
}

/// Where a login leads if nothing else was asked for.
fn usual(request: &HttpRequest) -> &'static str {
    super::settings(request).map_or("/", |settings| settings.context().application().home)
}
