//! The gate: everything behind it has a principal. What is not public is behind it, unknown paths too.

use std::future::{Ready, ready};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError, web};
use session_management::{AppContext, OwnSession, Principal, SessionError, SessionService, SessionToken};

use crate::account;
use crate::carrier::{Carrier, Presented};
use crate::client::Client;
use crate::page::{self, Visitor};
use crate::problem::{Code, Problem, localized};
use crate::settings::Settings;

/// The principal of a request that passed the gate of application `C`, with how it came.
#[derive(Debug)]
pub struct Current<C> {
    /// User and session.
    pub principal: Principal<C>,
    /// The token that decided.
    pub token: SessionToken,
    /// How it came.
    pub carrier: Carrier,
}

impl<C> Clone for Current<C> {
    fn clone(&self) -> Self {
        Self { principal: self.principal.clone(), token: self.token.clone(), carrier: self.carrier }
    }
}

impl<C: AppContext> Current<C> {
    /// The caller's session, for acts upon all of a person's sessions.
    #[must_use]
    pub fn own_session(&self, client: &Client) -> OwnSession {
        OwnSession {
            user_id: self.principal.user().id,
            token: self.token.clone(),
            origin: client.origin(),
            address: client.address,
            by_cookie: self.carrier != Carrier::Bearer,
        }
    }
}

impl<C: AppContext> FromRequest for Current<C> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Absent only where a handler was put before the gate by mistake: then nobody passes.
        let current = request.extensions().get::<Self>().cloned();
        ready(current.ok_or_else(|| Problem::new(Code::Unauthenticated).for_request(request)))
    }
}

/// Whose the token is that a request of application `C` carries, when that was found out before the gate.
pub(crate) struct LookedUp<C>(pub(crate) Result<Option<Principal<C>>, SessionError>);

/// Lets a request pass that carries the token of a live session of application `C`.
pub(crate) async fn gate<C: AppContext>(
    settings: web::Data<Settings>,
    service: web::Data<SessionService>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let found = resolve::<C>(&settings, &service, request.request()).await;
    // An answer and not an error: the guard around this gate adds its headers to answers.
    match localized(request.request(), found) {
        Ok(current) => enter(&settings, current, request, next).await,
        Err(problem) => {
            let is_nobody = problem.code() == Code::Unauthenticated;
            let asked = is_nobody.then(|| account::answer_nobody(request.request(), &problem)).flatten();
            Ok(request.into_response(asked.unwrap_or_else(|| problem.error_response())))
        }
    }
}

/// Lets everybody pass, and finds out who it is: for pages that say something else to a stranger.
///
/// # Errors
/// Those of the page itself.
pub(crate) async fn greet<C: AppContext>(
    settings: web::Data<Settings>,
    service: web::Data<SessionService>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let found = resolve::<C>(&settings, &service, request.request()).await;
    match localized(request.request(), found) {
        Ok(current) => enter(&settings, current, request, next).await,
        Err(problem) if problem.code() == Code::Unauthenticated => {
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Err(problem) => Ok(request.into_response(problem.error_response())),
    }
}

async fn enter<C: AppContext>(
    settings: &Settings,
    current: Current<C>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let renamed =
        (current.carrier == Carrier::LegacyCookie).then(|| settings.cookies.session(&current.token));
    if page::is_for_page(request.request()) {
        let visitor = Visitor::of(request.request(), &current).await;
        request.extensions_mut().insert(visitor);
    }
    request.extensions_mut().insert(current);
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(cookie) = renamed {
        response.response_mut().add_cookie(&cookie).map_err(actix_web::error::ErrorInternalServerError)?;
    }
    Ok(response)
}

async fn resolve<C: AppContext>(
    settings: &Settings,
    service: &SessionService,
    request: &HttpRequest,
) -> Result<Current<C>, Problem> {
    let unauthenticated = || Problem::new(Code::Unauthenticated);
    let presented = Presented::of(request.headers(), settings.cookies.names());
    let (carrier, text) = presented.deciding()?.ok_or_else(unauthenticated)?;
    let token = SessionToken::parse(text).ok_or_else(unauthenticated)?;
    let known = request.extensions_mut().remove::<LookedUp<C>>();
    let found = match known {
        Some(LookedUp(found)) => found,
        None => {
            let origin = Client::of(request, &settings.trusted_proxies).origin();
            service.look_up::<C>(&token, &origin).await
        }
    };
    let principal = found?.ok_or_else(unauthenticated)?;
    Ok(Current { principal, token, carrier })
}
