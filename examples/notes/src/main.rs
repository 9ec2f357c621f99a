//! Notes that nobody else sees, as an application of somebody else: logins, sessions and errors are the platform's.

mod notes;

use std::process::ExitCode;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use http_kit::{App, Body, Code, Current, Params, Problem, account, localized, run};
use serde::{Deserialize, Serialize};
use session_management::Web;

use notes::{Note, Notes};

fn main() -> ExitCode {
    // Made once and shared by every worker.
    let notes = Data::new(Notes::default());
    let app = App::<Web>::new()
        .public(|routes| {
            routes.at("/api/register", |at| at.post(account::register));
        })
        .private(move |routes| {
            routes
                .app_data(notes.clone())
                .at("/api/notes", |at| at.get(list).post(add).delete(delete_of_anybody));
        });
    run(app)
}

#[derive(Serialize)]
struct Listed {
    notes: Vec<Note>,
}

/// The caller's own.
async fn list(current: Current<Web>, notes: Data<Notes>) -> HttpResponse {
    HttpResponse::Ok().json(Listed { notes: notes.of(current.principal.user().id) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNote {
    text: String,
}

async fn add(
    request: HttpRequest,
    current: Current<Web>,
    notes: Data<Notes>,
    Body(new): Body<NewNote>,
) -> Result<HttpResponse, Problem> {
    let outcome = if new.text.is_empty() {
        Err(Problem::new(Code::ValidationFailed))
    } else {
        Ok(notes.add(current.principal.user().id, new.text))
    };
    localized(&request, outcome).map(|note| HttpResponse::Created().json(note))
}

#[derive(Deserialize)]
struct Which {
    id: u64,
}

/// For whom the permission was granted to, in this application.
async fn delete_of_anybody(
    request: HttpRequest,
    current: Current<Web>,
    notes: Data<Notes>,
    Params(Which { id }): Params<Which>,
) -> Result<HttpResponse, Problem> {
    let outcome = if !current.principal.may("notes.moderate") {
        Err(Problem::new(Code::Forbidden))
    } else if notes.delete(id) {
        Ok(())
    } else {
        Err(Problem::new(Code::NotFound))
    };
    localized(&request, outcome).map(|()| HttpResponse::NoContent().finish())
}
