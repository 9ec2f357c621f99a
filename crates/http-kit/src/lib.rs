//! What the applications' HTTP sides share: start-up, gate, guard, extractors, problem details and the
//! account API. An application is assembled by [`run`] out of an [`App`].

mod app;
mod carrier;
mod client;
mod cookie;
mod drain;
mod front;
mod gate;
mod health_check;
mod json;
pub mod locale;
mod metrics;
mod openapi;
mod outgoing;
pub mod page;
mod params;
pub mod preferences;
mod probe;
mod problem;
mod serve;
mod settings;
mod view;

pub mod account;

pub use app::{App, resource};
pub use carrier::{Carrier, Presented};
pub use client::Client;
pub use cookie::SessionCookies;
pub use gate::Current;
pub use json::Body;
pub use openapi::{Failure, Gated, WithBody, document};
pub use params::Params;
pub use problem::{Code, Problem, localized};
pub use serve::run;
pub use settings::{Settings, SettingsError};
pub use view::{LoginView, SessionView, UserView, name_of, rfc3339, rfc3339_or_null};
