//! Who a page is shown to, once the gate knows.

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use constants::Theme;
use session_management::AppContext;
use session_management::web_store::WebStore;
use templates::{FormToken, Locale};

use super::form_token::FormKey;
use crate::gate::Current;
use crate::view::name_of;
use crate::{locale, preferences};

/// What a page must know of the person that it is shown to.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(super) name: String,
    pub(super) locale: Locale,
    pub(super) theme: Theme,
    pub(super) form_token: FormToken,
}

impl Visitor {
    /// With what they chose; as their browser asks where nothing can be found out about that.
    pub(crate) async fn of<C: AppContext>(request: &HttpRequest, current: &Current<C>) -> Self {
        let asked = locale::of(request);
        let mut visitor = Self {
            name: name_of(current.principal.user()),
            locale: asked,
            theme: Theme::System,
            form_token: FormKey::of_session(&current.token).token(),
        };
        if let Some(store) = request.app_data::<web::Data<Arc<dyn WebStore>>>() {
            match preferences::chosen(store, current.principal.snapshot(), asked).await {
                Ok(chosen) => (visitor.locale, visitor.theme) = (chosen.language.into(), chosen.theme),
                Err(error) => log::warn!("a page is shown as the browser asks for: {error}"),
            }
        }
        visitor
    }
}
