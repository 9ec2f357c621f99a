//! Which application a session belongs to.

use crate::named::named_enum;

named_enum! {
    /// The application in which a session was opened, and the only one in which it counts.
    /// In Postgres: the enum `application_type`.
    pub enum ApplicationContext {
        /// The site that customers use.
        Web = "web",
        /// The panel that staff use.
        Admin = "admin",
    }
}

named_enum! {
    /// The applications of the monorepo by the names of their folders under `apps/`.
    pub enum AppScope {
        /// `apps/web`.
        Web = "web",
        /// `apps/admin-panel`.
        AdminPanel = "admin-panel",
    }
}

impl AppScope {
    /// The context that this application's sessions carry.
    #[must_use]
    pub const fn context(self) -> ApplicationContext {
        match self {
            Self::Web => ApplicationContext::Web,
            Self::AdminPanel => ApplicationContext::Admin,
        }
    }
}

impl ApplicationContext {
    /// The application that opens sessions of this context.
    #[must_use]
    pub const fn scope(self) -> AppScope {
        match self {
            Self::Web => AppScope::Web,
            Self::Admin => AppScope::AdminPanel,
        }
    }
}
