//! Ending one session, or all others.

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::account;
use http_kit::page::{Form, PageRequest, Redirect, Refusal};
use http_kit::{Client, Code, Current, Problem, localized};
use serde::Deserialize;
use session_management::{OthersEnded, OwnSession, Password, SessionId, SessionService, Web};
use templates::Notice;

use super::{Faults, HERE, show_again};

/// A form that is only a button.
#[derive(Deserialize)]
pub(crate) struct NoFields {}

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
    let outcome = async {
        let not_found = || Problem::new(Code::NotFound);
        let id = SessionId::parse(&id).ok_or_else(not_found)?;
        let ended = service.end_session(current.principal.user().id, &id, client.origin()).await?;
        ended.then_some(()).ok_or_else(not_found)
    };
    localized(&request, outcome.await)?;
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
