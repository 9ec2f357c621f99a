//! The settings of an application: read from flags and the environment, every one checked at the start.

mod arguments;
mod check;
mod ports;

use std::net::IpAddr;
use std::time::Duration;

use constants::{ApplicationContext, Environment, LegacyTokens};
use delivery::Routes;
use ipnet::IpNet;
use session_management::{
    DatabaseConfig, Email, Lifetimes, Limits, LoginWidget, ManagerConfiguration, Password,
};

use crate::cookie::SessionCookies;

pub(crate) use arguments::Arguments;
pub use check::SettingsError;
pub(crate) use ports::Ports;

/// The outbox where no other is set; scripts/dev sets one that does not depend on where it is started.
pub(crate) const OUTBOX: &str = ".local/outbox";

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the manager is built from.
    pub(crate) manager: ManagerConfiguration,
    /// Where web's own data are.
    pub(crate) web_database: Option<DatabaseConfig>,
    /// Attempts at most.
    pub(crate) limits: Limits,
    /// On which ways messages leave.
    pub(crate) routes: Routes,
    /// The bot whose Login Widget counts.
    pub(crate) telegram: Option<LoginWidget>,
    /// The same bot, as pages name it.
    pub(crate) telegram_bot: Option<TelegramBot>,
    /// Whom admin-panel begins with in mock, where nobody could create them.
    pub(crate) demo_admin: Option<(Email, Password)>,
    /// The session cookies.
    pub(crate) cookies: SessionCookies,
    /// Networks whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Where the application listens.
    pub(crate) address: IpAddr,
    /// The variable that names the port, for the message when it is taken.
    pub(crate) port_variable: &'static str,
    /// The port; 0 takes a free one.
    pub(crate) port: u16,
    /// How long it goes on answering when it is told to end.
    pub(crate) drain: Duration,
    /// The origin under which browsers know the application.
    public_origin: Option<String>,
}

/// What pages must know of the bot whose Login Widget counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TelegramBot {
    /// Its number.
    pub(crate) id: String,
    /// Its user name, which Telegram's own button needs.
    pub(crate) name: Option<String>,
}

impl Settings {
    /// Checks what was given.
    ///
    /// # Errors
    /// For the first setting that cannot be used.
    pub fn check(context: ApplicationContext, arguments: &Arguments) -> Result<Self, SettingsError> {
        check::settings(context, arguments)
    }

    pub(crate) fn is_production(&self) -> bool {
        self.manager.environment == Environment::Production
    }

    /// The origin that a request of our own pages has. Where none is set it follows from the `Host` of the
    /// request, which a browser does not let another site choose.
    pub(crate) fn public_origin(&self, host: Option<&str>) -> Option<String> {
        let scheme = if self.is_production() { "https" } else { "http" };
        self.public_origin.clone().or_else(|| host.map(|host| format!("{scheme}://{host}")))
    }

    /// Which application it is.
    pub(crate) const fn context(&self) -> ApplicationContext {
        self.manager.context
    }

    /// What tokens of the older software count for.
    #[must_use]
    pub const fn legacy_tokens(&self) -> LegacyTokens {
        self.manager.legacy_tokens
    }

    /// How long sessions live.
    #[must_use]
    pub fn lifetimes(&self) -> Lifetimes {
        self.manager.lifetimes.unwrap_or(Lifetimes::of(self.manager.context))
    }
}
