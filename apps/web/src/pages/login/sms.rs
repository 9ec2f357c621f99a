//! Logging in by a code to a phone: one form asks for it, the next takes it. The number goes from one to the other in a
//! cookie, since an address stays in histories and logs.

use actix_web::{HttpRequest, HttpResponse, web};
use delivery::Postman;
use http_kit::account::{self, Transport};
use http_kit::page::{LoginForms, OwnPath, PageRequest, Redirect, Refusal, StrangerForm, carried};
use http_kit::{Problem, localized};
use serde::Deserialize;
use session_management::SessionService;
use templates::Notice;
use templates::page::{CodePage, PhoneForm};

use constants::{cookie, lifetime};

#[derive(Deserialize)]
pub(crate) struct Request {
    phone: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct Verification {
    phone: String,
    code: String,
    #[serde(default)]
    next: String,
}

/// The form that asks for a code is on the login page.
pub(crate) async fn back(request: HttpRequest) -> HttpResponse {
    Redirect::to(&request, &with_next("/login", OwnPath::of_query(&request))).finish()
}

pub(crate) async fn request_code(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    postman: web::Data<Postman>,
    StrangerForm(Request { phone, next }): StrangerForm<Request>,
) -> Result<HttpResponse, Problem> {
    let sent = account::send_code(&request, &service, &postman, phone.clone(), page.locale()).await;
    match localized(&request, sent) {
        Ok(sent) => {
            let seconds = i64::try_from(lifetime::CODE.as_secs()).unwrap_or(0);
            let redirect = Redirect::to(&request, &with_next("/login/sms/verify", OwnPath::parse(&next)));
            Ok(redirect.carrying(cookie::PHONE, sent.as_str(), seconds).saying(Notice::CodeSent).finish())
        }
        Err(problem) => {
            let refusal = Refusal::of(problem, &[])?;
            let phone = PhoneForm { phone, fault: Some(refusal.fault.clone()) };
            let forms = LoginForms { next, phone, ..LoginForms::default() };
            Ok(forms.show(&request, &page, Some(&refusal)))
        }
    }
}

pub(crate) async fn show(request: HttpRequest, page: PageRequest) -> HttpResponse {
    let next = OwnPath::of_query(&request).map(|next| next.to_string()).unwrap_or_default();
    let is_phone =
        |text: &String| text.len() <= 16 && text.bytes().all(|byte| byte == b'+' || byte.is_ascii_digit());
    let phone = carried(&request, cookie::PHONE).filter(is_phone).unwrap_or_default();
    page.show(&CodePage { frame: page.frame(), next, phone, fault: None })
}

pub(crate) async fn verify_code(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    StrangerForm(form): StrangerForm<Verification>,
) -> Result<HttpResponse, Problem> {
    let Verification { phone, code, next } = form;
    let proven = account::prove_code(&request, &service, phone.clone(), &code, Transport::Cookie).await;
    match localized(&request, proven) {
        Ok(logged_in) => {
            let redirect = Redirect::into_session(&request, &logged_in, &next, "/account");
            Ok(redirect.carrying(cookie::PHONE, "", 0).finish())
        }
        Err(problem) => {
            let refusal = Refusal::of(problem, &[("invalid_credentials", "code")])?;
            let fault = Some(refusal.fault.clone());
            Ok(page.show_again(&refusal, &CodePage { frame: page.frame(), next, phone, fault }))
        }
    }
}

fn with_next(path: &str, next: Option<OwnPath>) -> String {
    next.map_or_else(|| path.to_owned(), |next| format!("{path}?next={}", next.encoded()))
}
