//! What the applications' HTTP sides share: start-up, gate, guard, extractors, problem details and the
//! account API. An application is assembled by [`run`] out of an [`App`].
//!
//! A whole application, with logins, sessions, health, metrics and a route of its own behind the gate:
//!
//! ```no_run
//! use http_kit::{App, Code, Current, Problem, Routes, name_of, run};
//! use session_management::Web;
//!
//! fn main() -> std::process::ExitCode {
//!     run(App::<Web>::new().private(routes))
//! }
//!
//! fn routes(routes: &mut Routes<'_>) {
//!     routes.at("/api/greeting", |at| at.get(greeting));
//! }
//!
//! /// Nobody gets here without a live session of this application.
//! async fn greeting(current: Current<Web>) -> Result<String, Problem> {
//!     if !current.principal.may("greetings.read") {
//!         return Err(Problem::new(Code::Forbidden));
//!     }
//!     Ok(format!("Hello, {}", name_of(current.principal.user())))
//! }
//! ```
//!
//! With `--environment mock` it runs without any server. The folder `examples/notes` of the repository has a larger one, and
//! `docs/new-app.md` says how an application gets a context of its own.
//!
//! Where to go on: [`App`] for what an application is made of, [`Current`] for who asks, [`Problem`] and [`localized`] for
//! errors, [`Body`] and [`Params`] for what was sent, [`account`] for routes that an application may offer strangers,
//! [`page`] for pages and their forms.

mod app;
mod carrier;
mod client;
mod cookie;
mod docs;
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
mod routes;
mod serve;
mod settings;
mod view;

pub mod account;

pub use app::App;
pub use carrier::{Carrier, Presented};
pub use client::Client;
pub use cookie::SessionCookies;
pub use gate::Current;
pub use json::Body;
pub use openapi::{Failure, Gated, WithBody, document};
pub use params::Params;
pub use problem::{Code, Problem, localized};
pub use routes::{At, Routes};
pub use serve::run;
pub use settings::{Settings, SettingsError};
pub use view::{LoginView, SessionView, UserView, name_of, rfc3339, rfc3339_or_null};
