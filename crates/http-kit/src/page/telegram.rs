//! How a login by Telegram begins: at Telegram's own page, or by its button where the bot's name is known.

use actix_web::http::header::{CONTENT_SECURITY_POLICY, HOST, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use templates::page::{TelegramButton, TelegramPage};

use super::{Next, PageRequest};
use crate::front::OPENER_POLICY;
use crate::settings::Settings;

/// The page of the button, to which also leads what Telegram hands over.
const PAGE: &str = "/login/telegram";

/// What the page with Telegram's button may load beside our own files.
const BUTTON_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' https://telegram.org; frame-src https://oauth.telegram.org; \
     style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
     base-uri 'none'",
);

/// Where a login by Telegram begins; `None` without a bot.
pub(super) fn way(request: &HttpRequest, settings: &Settings, next: &Next) -> Option<String> {
    let bot = settings.telegram_bot.as_ref()?;
    if bot.name.is_some() {
        return Some(next.by(PAGE));
    }
    let origin = origin(request, settings)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("bot_id", &bot.id)
        .append_pair("origin", &origin)
        .append_pair("return_to", &format!("{origin}{}", next.by(PAGE)));
    Some(format!("https://oauth.telegram.org/auth?{}", query.finish()))
}

/// The page with Telegram's own button.
#[derive(Debug)]
pub struct TelegramButtonPage(TelegramButton);

impl TelegramButtonPage {
    /// The button, where the bot's name is known.
    #[must_use]
    pub fn of(request: &HttpRequest, next: &Next) -> Option<Self> {
        let settings = super::settings(request)?;
        let bot = settings.telegram_bot.as_ref()?.name.clone()?;
        let back = format!("{}{}", origin(request, settings)?, next.by(PAGE));
        Some(Self(TelegramButton { bot, back }))
    }

    /// The page, with what the button needs: it is a script from Telegram, with a frame and a window of its own.
    #[must_use]
    pub fn show(self, page: &PageRequest, next: &Next) -> HttpResponse {
        let shown = TelegramPage {
            frame: page.frame(),
            next: next.to_string(),
            fields: Vec::new(),
            fault: None,
            button: Some(self.0),
        };
        let mut response = page.show(&shown);
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, BUTTON_POLICY);
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin-allow-popups"));
        response
    }
}

fn origin(request: &HttpRequest, settings: &Settings) -> Option<String> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    settings.public_origin(host)
}
