//! What makes an application: its name, its routes, its document.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use constants::AppScope;
use session_management::AppContext;
use utoipa::openapi::OpenApi as Document;

use crate::routes::Routes;

/// An application of context `C`. The shared routes come with it; these are its own.
pub struct App<C> {
    pub(crate) scope: AppScope,
    pub(crate) public: Described,
    pub(crate) private: Described,
    pub(crate) document: fn() -> Document,
    context: PhantomData<fn() -> C>,
}

/// Is asked by each worker thread, so that what all of them share is made before.
pub(crate) type Described = Arc<dyn Fn(&mut Routes<'_>) + Send + Sync>;

impl<C> fmt::Debug for App<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl<C: AppContext> App<C> {
    /// An application without routes of its own.
    #[must_use]
    pub fn new() -> Self {
        let document = || Document::default();
        let none: Described = Arc::new(|_: &mut Routes<'_>| {});
        Self {
            scope: C::CONTEXT.scope(),
            public: none.clone(),
            private: none,
            document,
            context: PhantomData,
        }
    }

    /// Routes that a stranger may call. This list is as short as it can be.
    #[must_use]
    pub fn public(mut self, routes: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) -> Self {
        self.public = Arc::new(routes);
        self
    }

    /// Routes behind the gate.
    #[must_use]
    pub fn private(mut self, routes: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) -> Self {
        self.private = Arc::new(routes);
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
