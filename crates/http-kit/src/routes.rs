//! The routes of an application. Each is registered and noted in one step, so that the list of what there is cannot drift
//! from what is answered: a test compares it with the table of who may do what, and clippy refuses any other way.

use std::fmt;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, ResponseError, guard};
use session_management::AppContext;
use utoipa::openapi::OpenApi as Document;

use crate::app::App;
use crate::gate::{gate, greet};
use crate::problem::{Code, Problem};
use crate::{account, docs, page, probe};

/// Whether a route is before the gate or behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Strangers may call it.
    Public,
    /// Only the token of a live session opens it.
    Private,
}

/// A method at a path, as they are registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    method: Method,
    path: String,
    access: Access,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = if self.access == Access::Public { "public" } else { "private" };
        write!(f, "{} {} {access}", self.method, self.path)
    }
}

/// Where an application says which routes it has.
pub struct Routes<'a> {
    config: &'a mut ServiceConfig,
    access: Access,
    noted: &'a mut Vec<Route>,
}

/// What a path answers. A method that is not named here is a problem of code `method_not_allowed`.
pub struct At {
    resource: Resource,
    methods: Vec<Method>,
}

/// Registers everything that an application answers, and returns the list of it.
pub(crate) fn register<C: AppContext>(
    config: &mut ServiceConfig,
    app: &App<C>,
    document: &Document,
) -> Vec<Route> {
    let mut noted = Vec::new();
    let mut public = Routes { config, access: Access::Public, noted: &mut noted };
    probe::routes(&mut public);
    docs::routes(&mut public, document);
    account::public(&mut public);
    page::public(&mut public);
    (app.public)(&mut public);
    let gated = web::scope("").wrap(from_fn(gate::<C>)).configure(|config| {
        let mut private = Routes { config, access: Access::Private, noted: &mut noted };
        account::private::<C>(&mut private);
        (app.private)(&mut private);
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place behind which all others are, and what is no path at all"
    )]
    config.service(gated.default_service(web::to(not_found))).default_service(web::to(not_found));
    noted
}

/// The same list, of an application that does not run.
pub(crate) fn list<C: AppContext>(app: &App<C>, document: &Document) -> Vec<Route> {
    let mut noted = Vec::new();
    let _unused = actix_web::App::new().configure(|config| noted = register(config, app, document));
    noted
}

impl Routes<'_> {
    /// Adds a path with what it answers.
    pub fn at(&mut self, path: &str, describe: impl FnOnce(At) -> At) -> &mut Self {
        let resource = self.note(path, describe);
        #[expect(clippy::disallowed_methods, reason = "it has been noted")]
        self.config.service(resource);
        self
    }

    /// Adds a path that says something else to a person of application `C` than to a stranger.
    pub fn at_greeting<C: AppContext>(&mut self, path: &str, describe: impl FnOnce(At) -> At) -> &mut Self {
        let resource = self.note(path, describe).wrap(from_fn(greet::<C>));
        #[expect(clippy::disallowed_methods, reason = "it has been noted")]
        self.config.service(resource);
        self
    }

    /// Adds what handlers of these routes are given, such as a store of the application's own.
    pub fn app_data<T: 'static>(&mut self, data: T) -> &mut Self {
        self.config.app_data(data);
        self
    }

    fn note(&mut self, path: &str, describe: impl FnOnce(At) -> At) -> Resource {
        let At { resource, methods } = describe(At { resource: web::resource(path), methods: Vec::new() });
        let access = self.access;
        let route = |method: &Method| Route { method: method.clone(), path: path.to_owned(), access };
        self.noted.extend(methods.iter().map(route));
        let allowed = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let allowed = HeaderValue::from_str(&allowed).unwrap_or(HeaderValue::from_static(""));
        resource.default_service(web::to(move |request: HttpRequest| {
            let answer = not_allowed(&request, allowed.clone());
            async move { answer }
        }))
    }
}

impl At {
    /// Answers GET, for programs.
    #[must_use]
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::GET, handler)
    }

    /// Answers GET and HEAD, for browsers.
    #[must_use]
    pub fn page<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler);
        self.resource = self.resource.route(route);
        self.methods.extend([Method::GET, Method::HEAD]);
        self
    }

    /// Answers POST.
    #[must_use]
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, handler)
    }

    /// Answers PUT.
    #[must_use]
    pub fn put<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PUT, handler)
    }

    /// Answers PATCH.
    #[must_use]
    pub fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PATCH, handler)
    }

    /// Answers DELETE.
    #[must_use]
    pub fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::DELETE, handler)
    }

    /// Answers every usual method alike, for a proxy that asks by the method of the request that it asks about.
    #[must_use]
    pub fn any<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        use Method as M;
        let others = [M::GET, M::HEAD, M::POST, M::PUT, M::PATCH, M::DELETE];
        let at = others.into_iter().fold(self, |at, method| at.on(method, handler.clone()));
        at.on(M::OPTIONS, handler)
    }

    fn on<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::method(method.clone()).to(handler));
        self.methods.push(method);
        self
    }
}

impl fmt::Debug for Routes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("access", &self.access)
            .field("noted", &self.noted)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("At").field("methods", &self.methods).finish_non_exhaustive()
    }
}

fn not_allowed(request: &HttpRequest, allowed: HeaderValue) -> HttpResponse {
    let mut answer = Problem::new(Code::MethodNotAllowed).for_request(request).error_response();
    answer.headers_mut().insert(ALLOW, allowed);
    answer
}

async fn not_found(request: HttpRequest) -> Problem {
    Problem::new(Code::NotFound).for_request(&request)
}
