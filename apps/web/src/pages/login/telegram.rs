//! Logging in by what Telegram hands over in an address. It counts when the person says so, and not when they come: a
//! link that somebody else made would otherwise log them in as that person.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::account::{self, Transport};
use http_kit::page::{Next, OwnPath, PageRequest, Redirect, Refusal, StrangerForm};
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
    let next = Next::of(&request).to_string();
    let signed = query.into_iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    let fields = signed.take(FIELDS).collect();
    page.show(&TelegramPage { frame: page.frame(), next, fields, fault: None })
}

pub(crate) async fn log_in(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    StrangerForm(form): StrangerForm<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let (own, fields): (Vec<_>, Vec<_>) =
        form.into_iter().partition(|(name, _)| OWN.contains(&name.as_str()));
    let next = own.into_iter().find(|(name, _)| name == "next");
    let next = Next::from(next.and_then(|(_, next)| OwnPath::parse(&next)));
    match localized(&request, prove(&request, &service, &fields).await) {
        Ok(logged_in) => Ok(Redirect::into_session(&request, &logged_in, &next, "/account").finish()),
        Err(problem) => {
            let refusal = Refusal::of(problem, &[])?;
            let (next, fault) = (next.to_string(), Some(refusal.fault.clone()));
            Ok(page.show_again(&refusal, &TelegramPage { frame: page.frame(), next, fields, fault }))
        }
    }
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
