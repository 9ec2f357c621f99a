//! The answer that every contender gives: the headers of `GET /api/me` in production, and a body as long as its.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};

/// Besides `content-length` and `date`, which the servers add.
pub(crate) const HEADERS: [(&str, &str); 9] = [
    ("content-type", "application/json"),
    (
        "content-security-policy",
        "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("vary", "Accept, Accept-Language, Authorization, Cookie"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
];

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// It as actix has it.
pub(crate) fn of_actix(body: &'static [u8]) -> HttpResponse {
    let [kind, policy, sniff, referrer, opener, resource, cache, vary, transport] =
        HEADERS.map(|(_, value)| HeaderValue::from_static(value));
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((X_CONTENT_TYPE_OPTIONS, sniff))
        .insert_header((REFERRER_POLICY, referrer))
        .insert_header((OPENER_POLICY, opener))
        .insert_header((RESOURCE_POLICY, resource))
        .insert_header((CACHE_CONTROL, cache))
        .insert_header((VARY, vary))
        .insert_header((STRICT_TRANSPORT_SECURITY, transport))
        .body(body)
}
