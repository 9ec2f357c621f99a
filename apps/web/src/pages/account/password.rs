//! Changing the password, or setting a first one.

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::account;
use http_kit::page::{Form, PageRequest, Redirect, Refusal};
use http_kit::{Client, Current, Problem, localized};
use serde::Deserialize;
use session_management::{SessionService, Web};
use templates::Notice;

use super::{Faults, HERE, show_again};

/// Where messages belong in this form.
const PLACES: &[(&str, &str)] =
    &[("invalid_credentials", "current_password"), ("validation-password", "new_password")];

#[derive(Deserialize)]
pub(crate) struct Fields {
    /// Absent for people who have none; they need a recent login.
    current_password: Option<String>,
    new_password: String,
}

pub(crate) async fn change(
    request: HttpRequest,
    page: PageRequest,
    service: web::Data<SessionService>,
    current: Current<Web>,
    (client, Form(form)): (Client, Form<Fields>),
) -> Result<HttpResponse, Problem> {
    let own = current.own_session(&client);
    let changed = account::exchange_password(&service, own, form.current_password, form.new_password).await;
    match localized(&request, changed) {
        Ok(ended) => {
            Ok(Redirect::to(&request, HERE).keeping(&ended).saying(Notice::PasswordChanged).finish())
        }
        Err(problem) => {
            let refusal = Refusal::of(problem, PLACES)?;
            let faults = Faults { password: Some(refusal.fault.clone()), ..Faults::default() };
            show_again(&request, &page, &service, &current, &refusal, faults).await
        }
    }
}
