//! A problem that a person can mend in the form that they sent.

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use templates::Fault;

use crate::problem::{Code, Problem};

/// Where messages belong in most forms, by how their names begin.
const USUAL: &[(&str, &str)] = &[
    ("validation-email", "email"),
    ("conflict-email", "email"),
    ("validation-phone", "phone"),
    ("validation-code", "code"),
    ("validation-password", "password"),
];

/// What was wrong with a form, and with which status it is shown again.
#[derive(Debug)]
pub struct Refusal {
    /// For the form.
    pub fault: Fault,
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    /// What a problem says of a form. `own` says where messages belong in this one, by how their names begin; what is
    /// found nowhere is said of the form as a whole.
    ///
    /// # Errors
    /// A problem that is none of the form comes back.
    pub fn of(problem: Problem, own: &[(&str, &'static str)]) -> Result<Self, Problem> {
        let is_of_form = match problem.code() {
            Code::InvalidCredentials
            | Code::RateLimited
            | Code::ReauthenticationRequired
            | Code::Conflict
            | Code::ValidationFailed => true,
            Code::Forbidden => matches!(problem.message(), "forbidden-application" | "forbidden-form"),
            Code::Unavailable => problem.message() == "unavailable-sms",
            _ => false,
        };
        if !is_of_form {
            return Err(problem);
        }
        let mut places = own.iter().chain(USUAL);
        let place = places.find(|(message, _)| problem.message().starts_with(message));
        let field = place.map_or("", |(_, field)| field);
        let fault = Fault { field, text: problem.text() };
        Ok(Self { fault, status: problem.status_code(), retry_after: problem.retry_seconds() })
    }
}
