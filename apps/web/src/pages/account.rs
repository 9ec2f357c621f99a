//! A person's own page, and what its forms do.

pub(crate) mod password;
pub(crate) mod preferences;
pub(crate) mod sessions;

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::page::{PageRequest, Redirect, Refusal, device_row};
use http_kit::{Current, Problem, localized};
use session_management::{Clock, Session, SessionService, SystemClock, Web};
use templates::Fault;
use templates::page::AccountPage;

/// Where every form of the page leads back to.
const HERE: &str = "/account";

/// What was wrong, by the form that it was wrong in.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    others: Option<Fault>,
    password: Option<Fault>,
}

pub(crate) async fn show(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    current: Current<Web>,
) -> Result<HttpResponse, Problem> {
    let account = account(&request, &page, &service, &current, Faults::default()).await?;
    Ok(page.show(&account))
}

/// A form's own address is none to look at.
pub(crate) async fn back(request: HttpRequest) -> HttpResponse {
    Redirect::to(&request, HERE).finish()
}

/// The page again, with what was wrong.
async fn show_again(
    request: &HttpRequest,
    page: &PageRequest,
    service: &SessionService,
    current: &Current<Web>,
    refusal: &Refusal,
    faults: Faults,
) -> Result<HttpResponse, Problem> {
    let account = account(request, page, service, current, faults).await?;
    Ok(page.show_again(refusal, &account))
}

async fn account(
    request: &HttpRequest,
    page: &PageRequest,
    service: &SessionService,
    current: &Current<Web>,
    faults: Faults,
) -> Result<AccountPage, Problem> {
    let own = current.principal.session();
    let mut sessions = localized(request, service.sessions(own.user_id).await)?;
    let has_password = localized(request, service.has_password(own.user_id).await)?;
    sessions.sort_by_key(|session| session.id != own.id);
    let now = SystemClock.now();
    let locale = page.locale();
    let row = |session: &Session| device_row(session, &own.id, now, locale);
    Ok(AccountPage {
        frame: page.frame(),
        devices: sessions.iter().map(row).collect(),
        has_password,
        others_fault: faults.others,
        password_fault: faults.password,
        language: locale.into(),
    })
}
