//! How a person wants web's pages: read and chosen by their session.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use constants::{Language, Theme};
use serde::{Deserialize, Serialize};
use session_management::web_store::{self, WebStore};
use session_management::{Preferences, SessionError, Snapshot, Web};
use templates::Locale;
use utoipa::ToSchema;

use crate::gate::Current;
use crate::json::Body;
use crate::locale;
use crate::openapi::{Gated, WithBody};
use crate::problem::{Problem, localized};

/// What a person chose.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Preferences)]
pub struct PreferencesView {
    /// How pages look: `system`, `light` or `dark`.
    #[schema(value_type = String, example = "system")]
    theme: Theme,
    /// In which language they speak: `en` or `ru`.
    #[schema(value_type = String, example = "en")]
    language: Language,
}

impl From<Preferences> for PreferencesView {
    fn from(Preferences { theme, language }: Preferences) -> Self {
        Self { theme, language }
    }
}

/// What this session chose, or else what its person chose last; who never chose sees what their browser asks for.
#[utoipa::path(
    get, path = "/api/preferences", tag = "preferences", security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = PreferencesView), Gated,
    )
)]
pub async fn show_preferences(
    current: Current<Web>,
    store: web::Data<Arc<dyn WebStore>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let locale = locale::of(&request);
    let found = chosen(&store, current.principal.snapshot(), locale).await.map_err(Problem::from);
    localized(&request, found).map(|preferences| HttpResponse::Ok().json(PreferencesView::from(preferences)))
}

/// Chooses both, for this session and for those that the person opens later.
#[utoipa::path(
    put, path = "/api/preferences", tag = "preferences", request_body = PreferencesView,
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = PreferencesView), Gated, WithBody,
    )
)]
pub async fn choose_preferences(
    current: Current<Web>,
    store: web::Data<Arc<dyn WebStore>>,
    body: Body<PreferencesView>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let Body(PreferencesView { theme, language }) = body;
    let snapshot = current.principal.snapshot();
    let chosen = choose(&store, snapshot, Preferences { theme, language }).await.map_err(Problem::from);
    localized(&request, chosen).map(|()| HttpResponse::Ok().json(body.0))
}

/// Keeps a choice for this session and for those that its person opens later.
///
/// # Errors
/// [`SessionError::Unavailable`] while the web database is away.
pub async fn choose(
    store: &Arc<dyn WebStore>,
    snapshot: &Snapshot,
    preferences: Preferences,
) -> Result<(), SessionError> {
    web_store::own_public_data(&**store, &snapshot.user).await?;
    store.choose(snapshot, preferences).await
}

/// What a session chose; the default is what its browser asks for.
pub(crate) async fn chosen(
    store: &Arc<dyn WebStore>,
    snapshot: &Snapshot,
    asked: Locale,
) -> Result<Preferences, SessionError> {
    let found = store.preferences(&snapshot.session.id, snapshot.user.id).await?;
    Ok(found.unwrap_or(Preferences { theme: Theme::System, language: asked.into() }))
}
