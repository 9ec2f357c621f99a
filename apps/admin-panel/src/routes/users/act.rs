//! `/users/{id}/{act}`: asks whether something is to be done to a person, and does it.

mod form;
mod kind;

use actix_web::{HttpRequest, HttpResponse};
use http_kit::page::{Form, PageRequest, Redirect, Refusal};
use http_kit::{Params, Problem, localized};
use session_management::UserId;
use templates::page::{ActForm, ActPage};

use super::person::session_row;
use super::row;
use crate::staff::{Staff, Subject, UsersRead, not_found};
use form::Fields;
pub(crate) use kind::Kind;

/// Where messages belong in these forms.
const PLACES: &[(&str, &str)] = &[
    ("invalid_credentials", "password"),
    ("validation-permission", "permission"),
    ("validation-expires-at", "expires_at"),
];

/// The question, with a form that does it.
pub(crate) async fn ask(
    request: HttpRequest,
    page: PageRequest,
    staff: Staff<UsersRead>,
    (Subject(id), kind): (Subject, Kind),
    Params(fields): Params<Fields>,
) -> Result<HttpResponse, Problem> {
    let question = question(&page, &staff, id, kind, &fields).await;
    localized(&request, question).map(|question| page.show(&question))
}

pub(crate) async fn perform(
    request: HttpRequest,
    page: PageRequest,
    staff: Staff<UsersRead>,
    (Subject(id), kind): (Subject, Kind),
    Form(fields): Form<Fields>,
) -> Result<HttpResponse, Problem> {
    let done = prove_and_perform(&staff, id, kind, fields.clone()).await;
    match localized(&request, done) {
        Ok(()) => Ok(Redirect::to(&request, &format!("/users/{id}")).saying(kind.notice()).finish()),
        Err(problem) => {
            let refusal = Refusal::of(problem, PLACES)?;
            let question = question(&page, &staff, id, kind, &fields).await;
            let question = localized(&request, question)?;
            let asks_password = question.asks_password || refusal.fault.field == "password";
            let fault = Some(refusal.fault.clone());
            Ok(page.show_again(&refusal, &ActPage { fault, asks_password, ..question }))
        }
    }
}

async fn prove_and_perform(
    staff: &Staff<UsersRead>,
    id: UserId,
    kind: Kind,
    fields: Fields,
) -> Result<(), Problem> {
    staff.require(kind.deed().permission())?;
    let password = fields.password.clone().filter(|_| kind.deed().needs_proof());
    let act = fields.act(kind, staff.now())?;
    let actor = staff.proving(password).await?;
    act.perform(staff.administration(), actor, id).await?.ok_or_else(not_found)
}

async fn question(
    page: &PageRequest,
    staff: &Staff<UsersRead>,
    id: UserId,
    kind: Kind,
    fields: &Fields,
) -> Result<ActPage, Problem> {
    staff.require(kind.deed().permission())?;
    let user = staff.administration().person(id).await?.ok_or_else(not_found)?;
    let form = match kind {
        Kind::EndSession => session_form(page, staff, id, fields).await?,
        Kind::Role => fields.role_form(user.role, staff.role()),
        Kind::Grant => fields.grant_form(),
        Kind::Take => fields.take_form()?,
        _ => ActForm::Plain,
    };
    Ok(ActPage {
        frame: page.frame(),
        name: kind.name(),
        person: row(&user, staff.now(), page.locale()),
        form,
        is_danger: kind.is_danger(),
        asks_password: kind.deed().needs_proof() && !staff.is_proven(),
        fault: None,
    })
}

async fn session_form(
    page: &PageRequest,
    staff: &Staff<UsersRead>,
    id: UserId,
    fields: &Fields,
) -> Result<ActForm, Problem> {
    let asked = fields.session_id()?;
    let sessions = staff.administration().sessions_of(id).await?.ok_or_else(not_found)?;
    let session = sessions.iter().find(|session| session.id == asked).ok_or_else(not_found)?;
    Ok(ActForm::Session(Box::new(session_row(session, staff.session(), staff.now(), page.locale()))))
}
