//! Ending one session, or all others.

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::account;
use http_kit::page::{Form, NoFields, PageRequest, Redirect, Refusal};
use http_kit::{Client, Current, Problem, localized};
use serde::Deserialize;
use session_management::{OthersEnded, OwnSession, Password, SessionService, Web};
use templates::Notice;

use super::{Faults, HERE, show_again};

#[derive(Deserialize)]
pub(crate) struct Proof {
    /// Absent for people who have no password; they need a recent login.
    password: Option<String>,
}

pub(crate) async fn end(
    request: HttpRequest,
    service: web::Data<SessionService>,
    current: Current<Web>,
    client: Client,
    (id, Form(NoFields {})): (web::Path<String>, Form<NoFields>),
) -> Result<HttpResponse, Problem> {
    let ended = account::end_one(&service, current.principal.user().id, &id, client.origin()).await;
    localized(&request, ended)?;
    Ok(Redirect::to(&request, HERE).saying(Notice::SessionEnded).finish())
}

pub(crate) async fn end_others(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    current: Current<Web>,
    (client, Form(proof)): (Client, Form<Proof>),
) -> Result<HttpResponse, Problem> {
    let ended = prove_and_end(&service, current.own_session(&client), proof).await;
    match localized(&request, ended) {
        Ok(ended) => Ok(Redirect::to(&request, HERE).keeping(&ended).saying(Notice::OthersEnded).finish()),
        Err(problem) => {
            let refusal = Refusal::of(problem, &[("invalid_credentials", "password")])?;
            let faults = Faults { others: Some(refusal.fault.clone()), ..Faults::default() };
            show_again(&request, &page, &service, &current, &refusal, faults).await
        }
    }
}

async fn prove_and_end(
    service: &SessionService,
    own: OwnSession,
    Proof { password }: Proof,
) -> Result<OthersEnded, Problem> {
    if let Some(password) = password {
        let password = Password::claimed(password).map_err(account::refused)?;
        service.reauthenticate(own.clone(), password).await?;
    }
    Ok(service.end_others(own).await?)
}
