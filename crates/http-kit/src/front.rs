//! What every request and every answer goes through: the same-origin rule, security headers, metrics.
//!
//! Who am I and forward-auth are asked more often than all else together, by every request of every
//! application behind this one. They are answered here, ahead of the routes: when the process' own cache may answer,
//! nothing is waited for and nothing is boxed. Where the answer is no, the request goes the long way, with what was
//! found.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready as until_ready};
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use pin_project_lite::pin_project;
use session_management::budget::{OfRequest, of_request};
use session_management::{AppContext, Principal, SessionError, SessionService, Snapshot, TokenRef};

use crate::account;
use crate::carrier::{Presented, has_bearer};
use crate::client::Client;
use crate::drain::Draining;
use crate::gate::{Current, LookedUp};
use crate::metrics::Metrics;
use crate::page;
use crate::problem::{Code, Problem};
use crate::settings::Settings;

const SEC_FETCH_SITE: &str = "sec-fetch-site";
pub(crate) const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Answers are data; nothing in them is to be run or framed.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
);

/// Pages load their own style, script and pictures, and send their forms home.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// The page under `/docs` brings its own scripts; its styles are partly inline.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
);

/// What answers depend on beside their address, for caches that keep what they should not.
const VARIES: HeaderValue = HeaderValue::from_static("Accept, Accept-Language, Authorization, Cookie");

/// How a 401 is overcome by programs; browsers ask nobody for a token.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer");

/// The outermost layer of application `C`.
pub(crate) struct Front<C>(Rc<Parts<C>>);

struct Parts<C> {
    settings: web::Data<Settings>,
    service: web::Data<SessionService>,
    metrics: web::Data<Metrics>,
    draining: Draining,
    context: PhantomData<fn() -> C>,
}

impl<C: AppContext> Front<C> {
    pub(crate) fn new(
        settings: web::Data<Settings>,
        service: web::Data<SessionService>,
        metrics: web::Data<Metrics>,
        draining: Draining,
    ) -> Self {
        Self(Rc::new(Parts { settings, service, metrics, draining, context: PhantomData }))
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
        ready(Ok(FrontService { inner: Rc::new(inner), parts: Rc::clone(&self.0) }))
    }
}

pub(crate) struct FrontService<S, C> {
    inner: Rc<S>,
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
    type Future = FrontFuture<S, C>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let started = Instant::now();
        let parts = Rc::clone(&self.parts);
        let way = if is_same_origin(&parts.settings, request.method(), request.headers()) {
            express::<C>(&parts, &request)
        } else {
            let problem =
                Problem::new(Code::Forbidden).because("forbidden-origin").for_request(request.request());
            Way::Answered(problem.error_response())
        };
        let stage = match way {
            Way::Answered(answer) => Stage::Answered { answer: Some(request.into_response(answer)) },
            Way::Asked { found, answer } => {
                Stage::Asked { found, answer, held: Some((request, Rc::clone(&self.inner))) }
            }
            Way::Long => Stage::Inner { inner: of_request(self.inner.call(request)) },
        };
        FrontFuture { stage, parts, started }
    }
}

/// How a request is answered.
enum Way<C> {
    /// At once.
    Answered(HttpResponse),
    /// Ahead of the routes, if its token is that of a live session.
    Asked { found: Asked<C>, answer: Answer },
    /// By the routes.
    Long,
}

/// Whose a token is, as soon as the stores have said so.
type Asked<C> = Pin<Box<dyn Future<Output = Result<Option<Principal<C>>, SessionError>>>>;

/// What an answer is made of.
type Answer = fn(&Snapshot) -> HttpResponse;

pin_project! {
    #[project = StageProjected]
    enum Stage<S, C>
    where
        S: Service<ServiceRequest>,
    {
        Answered { answer: Option<ServiceResponse> },
        Asked { found: Asked<C>, answer: Answer, held: Option<(ServiceRequest, Rc<S>)> },
        Inner { #[pin] inner: OfRequest<S::Future> },
    }
}

pin_project! {
    pub(crate) struct FrontFuture<S, C>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        stage: Stage<S, C>,
        parts: Rc<Parts<C>>,
        started: Instant,
    }
}

impl<S, B, C> Future for FrontFuture<S, C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    C: AppContext,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut future = self.project();
        let mut response = loop {
            let next = match future.stage.as_mut().project() {
                StageProjected::Inner { inner } => {
                    break until_ready!(inner.poll(context))?.map_into_left_body();
                }
                StageProjected::Answered { answer } => {
                    break answer
                        .take()
                        .expect("a future that has ended is not polled")
                        .map_into_right_body();
                }
                StageProjected::Asked { found, answer, held } => {
                    let found = until_ready!(found.as_mut().poll(context));
                    let (request, inner) = held.take().expect("an answer is found once");
                    match found {
                        Ok(Some(principal)) => {
                            let answer = answer(principal.snapshot());
                            Stage::Answered { answer: Some(request.into_response(answer)) }
                        }
                        no => {
                            request.extensions_mut().insert(LookedUp(no));
                            Stage::Inner { inner: of_request(inner.call(request)) }
                        }
                    }
                }
            };
            future.stage.set(next);
        };
        finish(future.parts, &mut response, *future.started);
        Poll::Ready(Ok(response))
    }
}

/// The way of a request that asks who its token's session belongs to; all others go by the routes.
fn express<C: AppContext>(parts: &Rc<Parts<C>>, request: &ServiceRequest) -> Way<C> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Way::Long;
    }
    let answer = match request.path() {
        "/api/me" if *request.method() == Method::GET => account::answer_me,
        "/api/verify" => account::answer_verify,
        _ => return Way::Long,
    };
    let presented = Presented::of(request.headers(), parts.settings.cookies.names());
    let Some(token) = presented.own().and_then(TokenRef::parse) else { return Way::Long };
    if let Some(principal) = parts.service.peek::<C>(token.id()) {
        return Way::Answered(answer(principal.snapshot()));
    }
    let token = token.to_token();
    let origin = Client::of(request.request(), &parts.settings.trusted_proxies).origin();
    let service = parts.service.clone();
    let found = of_request(async move { service.look_up::<C>(&token, &origin).await });
    Way::Asked { found: Box::pin(found), answer }
}

fn finish<B, C: AppContext>(parts: &Parts<C>, response: &mut ServiceResponse<B>, started: Instant) {
    let is_docs = page::is_at_or_below(response.request().path(), "/docs");
    let status = response.status();
    harden(response.headers_mut(), &parts.settings, status, is_docs);
    if parts.draining.has_begun() {
        // Whoever keeps connections opens the next one, to a process that stays.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let status = status.as_u16();
    let took = started.elapsed();
    parts.metrics.observe(response.request(), status, took);
    let request = response.request();
    log::debug!("{} {} {status} {} µs", request.method(), request.path().escape_debug(), took.as_micros());
    if is_told(request.method(), status) {
        tell_refused::<C>(parts, request, status);
    }
}

/// Of whom an operator wants to know: those who try to log in or to act, and those who may not or have tried too often.
/// Who merely is not logged in is none of them.
fn is_told(method: &Method, status: u16) -> bool {
    matches!(status, 403 | 429) || (status == 401 && changes(method))
}

/// A line with who and from where; never what they sent.
fn tell_refused<C: AppContext>(parts: &Parts<C>, request: &HttpRequest, status: u16) {
    let address = Client::of(request, &parts.settings.trusted_proxies).address;
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let extensions = request.extensions();
    let user = extensions.get::<Current<C>>().map(|current| format!(" user={}", current.principal.user().id));
    // As long as any of ours, and nothing that controls a terminal.
    let path: String = request.path().chars().take(128).flat_map(char::escape_debug).collect();
    let (context, user) = (parts.settings.context(), user.unwrap_or_default());
    log::info!("[REFUSED] context={context}{user} address={address} {} {path} {status}", request.method());
}

fn changes(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
}

fn is_same_origin(settings: &Settings, method: &Method, headers: &HeaderMap) -> bool {
    if !changes(method) || has_bearer(headers) {
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

fn harden(headers: &mut HeaderMap, settings: &Settings, status: StatusCode, is_docs: bool) {
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let policy = match (is_docs, is_page) {
        (true, _) => DOCS_POLICY,
        (false, true) => PAGE_POLICY,
        (false, false) => POLICY,
    };
    // A page that has to load something from elsewhere has said so itself.
    insert_new(headers, CONTENT_SECURITY_POLICY, policy);
    insert_new(headers, OPENER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // With `no-referrer` a browser says `Origin: null` when a form is sent, to our own address too.
    let referrer = if is_page { "same-origin" } else { "no-referrer" };
    headers.insert(REFERRER_POLICY, HeaderValue::from_static(referrer));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    let is_file = (is_docs && !status.is_client_error() && !status.is_server_error())
        || headers.contains_key(CACHE_CONTROL);
    if !is_file {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, VARIES);
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    if settings.is_production() {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(STRICT_TRANSPORT_SECURITY, year);
    }
}

fn insert_new(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.contains_key(&name) {
        headers.insert(name, value);
    }
}
