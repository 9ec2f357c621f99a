//! What every request and every answer goes through: the same-origin rule, security headers, the log line.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError, web};

use crate::carrier::has_bearer;
use crate::metrics::Metrics;
use crate::problem::{Code, Problem};
use crate::settings::Settings;

const SEC_FETCH_SITE: &str = "sec-fetch-site";
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Answers are data; nothing in them is to be run or framed.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");

/// The page under `/docs` brings its own scripts; its styles are partly inline.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// Refuses what another site made a browser send; adds the headers and the log line.
pub(crate) async fn guard(
    settings: web::Data<Settings>,
    metrics: web::Data<Metrics>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.path().to_owned();
    let mut response = if is_same_origin(&settings, &method, request.headers()) {
        match next.call(request).await {
            Ok(response) => response.map_into_boxed_body(),
            Err(error) => return Err(error),
        }
    } else {
        let problem =
            Problem::new(Code::Forbidden).because("forbidden-origin").for_request(request.request());
        request.into_response(problem.error_response())
    };
    harden(response.headers_mut(), &settings, path.starts_with("/docs"));
    let status = response.status().as_u16();
    let took = started.elapsed();
    metrics.observe(&method, response.request().match_pattern().as_deref(), status, took);
    log::debug!("{method} {} {status} {} µs", path.escape_debug(), took.as_micros());
    Ok(response)
}

fn is_same_origin(settings: &Settings, method: &Method, headers: &HeaderMap) -> bool {
    let changes = matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    if !changes || has_bearer(headers) {
        return true;
    }
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let own = settings.public_origin(host);
    own.is_some_and(|own| own.as_bytes() == origin.as_bytes())
}

fn harden(headers: &mut HeaderMap, settings: &Settings, is_docs: bool) {
    let policy = if is_docs { DOCS_POLICY } else { POLICY };
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    if !is_docs {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if settings.is_production() {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
}
