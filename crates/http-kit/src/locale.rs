//! In which language a request is answered.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_LANGUAGE;
use templates::Locale;

/// The language that a request asks for by `Accept-Language`.
#[must_use]
pub fn of(request: &HttpRequest) -> Locale {
    let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    header.map_or(Locale::English, Locale::negotiate)
}
