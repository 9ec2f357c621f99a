//! How a browser is to be.

use fantoccini::ClientBuilder;
use fantoccini::wd::Capabilities;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::Browser;
use super::driver::Driver;

/// What `profile.default_content_setting_values` means by "never".
const NEVER: u8 = 2;

/// How a browser is to be.
#[derive(Debug, Default)]
pub struct BrowserBuilder {
    without_scripts: bool,
    user_agent: Option<String>,
    language: Option<String>,
}

impl BrowserBuilder {
    /// Pages may run scripts, or may not.
    #[must_use]
    pub fn scripts(mut self, allowed: bool) -> Self {
        self.without_scripts = !allowed;
        self
    }

    /// It calls itself so.
    #[must_use]
    pub fn user_agent(mut self, name: &str) -> Self {
        self.user_agent = Some(name.to_owned());
        self
    }

    /// It asks for this language.
    #[must_use]
    pub fn language(mut self, language: &str) -> Self {
        self.language = Some(language.to_owned());
        self
    }

    /// Starts it, with an empty profile.
    #[must_use]
    #[track_caller]
    pub fn start(self) -> Browser {
        let driver = Driver::start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime for the browser");
        let session = runtime.block_on(async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(self.capabilities(&driver)).connect(&driver.url()).await
        });
        let session = session.unwrap_or_else(|error| panic!("no browser: {error}\n{}", driver.log()));
        Browser { session: Some(session), runtime, scripts: !self.without_scripts, _driver: driver }
    }

    fn capabilities(&self, driver: &Driver) -> Capabilities {
        let mut arguments: Vec<String> = [
            "--headless",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--window-size=1280,900",
        ]
        .map(str::to_owned)
        .to_vec();
        if rustix::process::geteuid().is_root() {
            // Its sandbox needs somebody whose rights it can take away.
            arguments.push("--no-sandbox".to_owned());
        }
        arguments.extend(self.user_agent.as_ref().map(|name| format!("--user-agent={name}")));
        let mut preferences =
            json!({"intl.accept_languages": self.language.as_deref().unwrap_or("en-GB,en")});
        if self.without_scripts {
            preferences["profile.default_content_setting_values.javascript"] = json!(NEVER);
        }
        let chromium = json!({"binary": driver.browser(), "args": arguments, "prefs": preferences});
        let capabilities = json!({
            "goog:chromeOptions": chromium,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            // A dialog stays, so that whatever comes next fails by it.
            "unhandledPromptBehavior": "ignore",
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is written as an object") };
        capabilities
    }
}
