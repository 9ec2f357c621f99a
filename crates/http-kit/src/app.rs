//! What makes an application: its name, its routes, its document.

use std::marker::PhantomData;

use actix_web::Resource;
use actix_web::web::{self, ServiceConfig};
use constants::AppScope;
use session_management::AppContext;
use utoipa::openapi::OpenApi as Document;

/// An application of context `C`. The shared routes come with it; these are its own.
#[derive(Debug)]
pub struct App<C> {
    pub(crate) scope: AppScope,
    pub(crate) public: fn(&mut ServiceConfig),
    pub(crate) private: fn(&mut ServiceConfig),
    pub(crate) document: fn() -> Document,
    context: PhantomData<fn() -> C>,
}

impl<C> Clone for App<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for App<C> {}

impl<C: AppContext> App<C> {
    /// An application without routes of its own.
    #[must_use]
    pub fn new() -> Self {
        let document = || Document::default();
        Self { scope: C::CONTEXT.scope(), public: |_| {}, private: |_| {}, document, context: PhantomData }
    }

    /// Routes that a stranger may call. This list is as short as it can be.
    #[must_use]
    pub fn public(mut self, routes: fn(&mut ServiceConfig)) -> Self {
        self.public = routes;
        self
    }

    /// Routes behind the gate.
    #[must_use]
    pub fn private(mut self, routes: fn(&mut ServiceConfig)) -> Self {
        self.private = routes;
        self
    }

    /// The OpenAPI document of the application's own routes.
    #[must_use]
    pub fn document(mut self, document: fn() -> Document) -> Self {
        self.document = document;
        self
    }
}

impl<C: AppContext> Default for App<C> {
    fn default() -> Self {
        Self::new()
    }
}

/// A path. To a method that it does not know the answer says which it knows, and is a problem of code `method_not_allowed`.
#[must_use]
pub fn resource(path: &str) -> Resource {
    web::resource(path)
}
