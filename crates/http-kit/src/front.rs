//! What every request and every answer goes through: the same-origin rule, security headers, metrics.
//!
//! Who am I and forward-auth are asked more often than all else together, by every request of every
//! application behind this one. When the process' own cache may answer them, they are answered here, ahead
//! of the routes: nothing is waited for and nothing is boxed.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready as until_ready};
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Method;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{Error, HttpResponse, ResponseError, web};
use pin_project_lite::pin_project;
use session_management::{AppContext, SessionService};

use crate::account;
use crate::carrier::{Presented, has_bearer};
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

/// The outermost layer of application `C`.
pub(crate) struct Front<C>(Rc<Parts<C>>);

struct Parts<C> {
    settings: web::Data<Settings>,
    service: web::Data<SessionService>,
    metrics: web::Data<Metrics>,
    context: PhantomData<fn() -> C>,
}

impl<C: AppContext> Front<C> {
    pub(crate) fn new(
        settings: web::Data<Settings>,
        service: web::Data<SessionService>,
        metrics: web::Data<Metrics>,
    ) -> Self {
        Self(Rc::new(Parts { settings, service, metrics, context: PhantomData }))
    }
}

impl<S, B, C> Transform<S, ServiceRequest> for Front<C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
    C: AppContext,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = FrontService<S, C>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(FrontService { inner, parts: Rc::clone(&self.0) }))
    }
}

pub(crate) struct FrontService<S, C> {
    inner: S,
    parts: Rc<Parts<C>>,
}

impl<S, B, C> Service<ServiceRequest> for FrontService<S, C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
    C: AppContext,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = FrontFuture<S::Future, C>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let started = Instant::now();
        let parts = Rc::clone(&self.parts);
        let at_once = if is_same_origin(&parts.settings, request.method(), request.headers()) {
            express::<C>(&parts, &request)
        } else {
            let problem =
                Problem::new(Code::Forbidden).because("forbidden-origin").for_request(request.request());
            Some(problem.error_response())
        };
        match at_once {
            Some(answer) => {
                FrontFuture::Answered { answer: Some(request.into_response(answer)), parts, started }
            }
            None => FrontFuture::Inner { inner: self.inner.call(request), parts, started },
        }
    }
}

pin_project! {
    #[project = Projected]
    pub(crate) enum FrontFuture<F, C> {
        Answered { answer: Option<ServiceResponse>, parts: Rc<Parts<C>>, started: Instant },
        Inner { #[pin] inner: F, parts: Rc<Parts<C>>, started: Instant },
    }
}

impl<F, B, C> Future for FrontFuture<F, C>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project() {
            Projected::Answered { answer, parts, started } => {
                let mut response =
                    answer.take().expect("a future that has ended is not polled").map_into_right_body();
                finish(parts, &mut response, *started);
                Ok(response)
            }
            Projected::Inner { inner, parts, started } => {
                let mut response = until_ready!(inner.poll(context))?.map_into_left_body();
                finish(parts, &mut response, *started);
                Ok(response)
            }
        })
    }
}

/// The answer that the process' own cache gives at once; `None` for every other request, which then goes
/// the long way to the same answer.
fn express<C: AppContext>(parts: &Parts<C>, request: &ServiceRequest) -> Option<HttpResponse> {
    if *request.method() != Method::GET {
        return None;
    }
    let answer = match request.path() {
        "/api/me" => account::answer_me,
        "/api/verify" => account::answer_verify,
        _ => return None,
    };
    let id = Presented::of(request.headers(), parts.settings.cookies.names()).own_session()?;
    parts.service.peek::<C>(&id).map(|principal| answer(principal.snapshot()))
}

fn finish<B, C>(parts: &Parts<C>, response: &mut ServiceResponse<B>, started: Instant) {
    let is_docs = response.request().path().starts_with("/docs");
    harden(response.headers_mut(), &parts.settings, is_docs);
    let status = response.status().as_u16();
    let took = started.elapsed();
    parts.metrics.observe(response.request(), status, took);
    let request = response.request();
    log::debug!("{} {} {status} {} µs", request.method(), request.path().escape_debug(), took.as_micros());
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
