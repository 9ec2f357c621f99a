//! Making an account with an address and a password.

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::account::{self, Transport};
use http_kit::page::{Next, PageRequest, Redirect, Refusal, StrangerForm};
use http_kit::{Problem, localized};
use serde::Deserialize;
use session_management::SessionService;
use templates::page::RegisterPage;

#[derive(Deserialize)]
pub(crate) struct Fields {
    email: String,
    password: String,
    #[serde(default)]
    next: Next,
}

pub(crate) async fn show(request: HttpRequest, page: PageRequest) -> HttpResponse {
    let next = Next::of(&request).to_string();
    page.show(&RegisterPage { frame: page.frame(), next, email: String::new(), fault: None })
}

pub(crate) async fn register(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    form: StrangerForm<Fields>,
) -> Result<HttpResponse, Problem> {
    let (Fields { email, password, next }, counts) = form.read();
    let opened = async {
        counts?;
        account::open_account(&request, &service, &email, password, Transport::Cookie).await
    };
    match localized(&request, opened.await) {
        Ok(logged_in) => Ok(Redirect::into_session(&request, &logged_in, &next, "/account").finish()),
        Err(problem) => {
            let next = next.to_string();
            let refusal = Refusal::of(problem, &[])?;
            let fault = Some(refusal.fault.clone());
            Ok(page.show_again(&refusal, &RegisterPage { frame: page.frame(), next, email, fault }))
        }
    }
}
