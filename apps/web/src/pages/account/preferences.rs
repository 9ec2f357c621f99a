//! Choosing theme and language.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use constants::{Language, Theme};
use http_kit::page::{Form, Redirect};
use http_kit::{Current, Problem, localized, preferences};
use serde::Deserialize;
use session_management::web_store::WebStore;
use session_management::{Preferences, Web};
use templates::Notice;

use super::HERE;

#[derive(Deserialize)]
pub(crate) struct Fields {
    theme: Theme,
    language: Language,
}

pub(crate) async fn choose(
    request: HttpRequest,
    store: web::Data<Arc<dyn WebStore>>,
    current: Current<Web>,
    Form(Fields { theme, language }): Form<Fields>,
) -> Result<HttpResponse, Problem> {
    let chosen = preferences::choose(&store, current.principal.snapshot(), Preferences { theme, language });
    localized(&request, chosen.await)?;
    Ok(Redirect::to(&request, HERE).saying(Notice::PreferencesSaved).finish())
}
