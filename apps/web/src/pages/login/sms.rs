//! Logging in by a code to a phone: one form asks for it, the next takes it. The number goes from one to the other in a
//! cookie, since an address stays in histories and logs.

use actix_web::{HttpRequest, HttpResponse, web};
use delivery::Postman;
use http_kit::account::{self, SentCode, Transport};
use http_kit::page::{LoginForms, Next, PageRequest, Redirect, Refusal, StrangerForm, carried};
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
    next: Next,
}

#[derive(Deserialize)]
pub(crate) struct Verification {
    phone: String,
    code: String,
    #[serde(default)]
    next: Next,
}

/// The form that asks for a code is on the login page.
pub(crate) async fn back(request: HttpRequest) -> HttpResponse {
    Redirect::to(&request, &Next::of(&request).by("/login")).finish()
}

pub(crate) async fn request_code(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    postman: web::Data<Postman>,
    form: StrangerForm<Request>,
) -> Result<HttpResponse, Problem> {
    let (Request { phone, next }, counts) = form.read();
    let sent = async {
        counts?;
        account::send_code(&request, &service, &postman, phone.clone(), page.locale()).await
    };
    match localized(&request, sent.await) {
        Ok(SentCode { phone, doubt }) => {
            let seconds = i64::try_from(lifetime::CODE.as_secs()).unwrap_or(0);
            let notice = if doubt.is_none() { Notice::CodeSent } else { Notice::CodeLate };
            let redirect = Redirect::to(&request, &next.by("/login/sms/verify")).saying(notice);
            Ok(redirect.carrying(cookie::PHONE, phone.as_str(), seconds).finish())
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
    let next = Next::of(&request).to_string();
    let is_phone =
        |text: &String| text.len() <= 16 && text.bytes().all(|byte| byte == b'+' || byte.is_ascii_digit());
    // Who comes without it types the number once more.
    let phone = carried(&request, cookie::PHONE).filter(is_phone).unwrap_or_default();
    page.show(&CodePage { frame: page.frame(), next, phone, fault: None })
}

pub(crate) async fn verify_code(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    form: StrangerForm<Verification>,
) -> Result<HttpResponse, Problem> {
    let (Verification { phone, code, next }, counts) = form.read();
    let proven = async {
        counts?;
        account::prove_code(&request, &service, phone.clone(), &code, Transport::Cookie).await
    };
    match localized(&request, proven.await) {
        Ok(logged_in) => {
            let redirect = Redirect::into_session(&request, &logged_in, &next, "/account");
            Ok(redirect.carrying(cookie::PHONE, "", 0).finish())
        }
        Err(problem) => {
            let refusal = Refusal::of(problem, &[("invalid_credentials", "code")])?;
            let (next, fault) = (next.to_string(), Some(refusal.fault.clone()));
            Ok(page.show_again(&refusal, &CodePage { frame: page.frame(), next, phone, fault }))
        }
    }
}
