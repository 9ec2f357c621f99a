//! Logging in by what Telegram hands over in an address. It counts when the person says so, and not when they come: a
//! link that somebody else made would otherwise log them in as that person.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::account::{self, Transport};
use http_kit::page::{Next, OwnPath, PageRequest, Redirect, Refusal, StrangerForm, TelegramButtonPage};
use http_kit::{Params, Problem, localized};
use session_management::{LoggedIn, SessionService, TelegramFields};
use templates::page::TelegramPage;

/// Fields of ours, which Telegram did not sign.
const OWN: &[&str] = &["next", "form_token"];

/// Fields of Telegram's at most; it has seven.
const FIELDS: usize = 20;

pub(crate) async fn show(
    request: HttpRequest,
    page: PageRequest,
    Params(query): Params<Vec<(String, String)>>,
) -> HttpResponse {
    let next = Next::of(&request);
    let signed = query.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    let fields: Vec<_> = signed.take(FIELDS).collect();
    match TelegramButtonPage::of(&request, &next).filter(|_| fields.is_empty()) {
        Some(button) => button.show(&page, &next),
        None => page.show(&handed_over(&page, &next, fields)),
    }
}

pub(crate) async fn log_in(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    form: StrangerForm<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let (form, counts) = form.read();
    let (own, fields): (Vec<_>, Vec<_>) =
        form.into_iter().partition(|(name, _)| OWN.contains(&name.as_str()));
    let next = own.into_iter().find(|(name, _)| name == "next");
    let next = Next::from(next.and_then(|(_, next)| OwnPath::parse(&next)));
    let proven = async {
        counts?;
        prove(&request, &service, &fields).await
    };
    match localized(&request, proven.await) {
        Ok(logged_in) => Ok(Redirect::into_session(&request, &logged_in, &next, "/account").finish()),
        Err(problem) => {
            let refusal = Refusal::of(problem, &[])?;
            let fault = Some(refusal.fault.clone());
            let handed_over = handed_over(&page, &next, fields);
            Ok(page.show_again(&refusal, &TelegramPage { fault, ..handed_over }))
        }
    }
}

fn handed_over(page: &PageRequest, next: &Next, fields: Vec<(String, String)>) -> TelegramPage {
    TelegramPage { frame: page.frame(), next: next.to_string(), fields, fault: None, button: None }
}

async fn prove(
    request: &HttpRequest,
    service: &SessionService,
    fields: &[(String, String)],
) -> Result<LoggedIn, Problem> {
    let login = account::login_of(request, Transport::Cookie)?;
    let signed: BTreeMap<String, String> = fields.iter().cloned().collect();
    // A field that came twice is one of which nobody knows which was signed.
    let signed = if signed.len() == fields.len() { signed } else { BTreeMap::new() };
    Ok(service.log_in_by_telegram(&TelegramFields::new(signed), login).await?)
}
