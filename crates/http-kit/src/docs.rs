//! `/openapi.json`, and the page under `/docs` on which people try what it says.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_ENCODING, ContentEncoding, LOCATION};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};

use session_management::SessionError;
use utoipa::openapi::OpenApi as Document;
use utoipa_swagger_ui::{Config, serve};

use crate::problem::{Code, Problem, localized};
use crate::routes::Routes;

const DOCUMENT: &str = "/openapi.json";

pub(crate) fn routes(routes: &mut Routes<'_>, document: &Document) {
    let text = Bytes::from(document.to_json().expect("names, texts and lists are JSON"));
    let config = Arc::new(Config::from(DOCUMENT));
    routes
        .at(DOCUMENT, |at| {
            at.get(move || {
                let text = text.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(text) }
            })
        })
        .at("/docs", |at| at.page(to_the_page))
        .at("/docs/{file:.*}", |at| {
            at.page(move |request: HttpRequest, file: web::Path<String>| {
                let found = localized(&request, file_of(&file, Arc::clone(&config)));
                async move { found }
            })
        });
}

async fn to_the_page() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, "/docs/")).finish()
}

fn file_of(name: &str, config: Arc<Config<'static>>) -> Result<HttpResponse, Problem> {
    let found = serve(name, config).map_err(|error| SessionError::Internal(error.to_string()))?;
    let file = found.ok_or(Problem::new(Code::NotFound))?;
    let kind = file.content_type;
    let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind };
    let mut response = HttpResponse::Ok();
    response.content_type(kind);
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, ContentEncoding::Gzip));
    }
    Ok(response.body(file.bytes.into_owned()))
}
