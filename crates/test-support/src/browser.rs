//! A real Chromium: one person's browser on one device, with a profile of its own.

mod builder;
mod command;
mod driver;
mod network;

use std::time::Duration;

use fantoccini::error::{CmdError, ErrorStatus};
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::Url;

pub use builder::BrowserBuilder;
pub use command::Complaint;
use driver::Driver;

use crate::{App, eventually};

/// How long a page may take on a machine that has other things to do.
const WAIT: Duration = Duration::from_secs(20);

/// A browser. It is closed with this value, and its profile is gone then. A test fails whose pages have broken their
/// policy, or whose scripts have failed, without its asking for [`Browser::complaints`].
pub struct Browser {
    /// `None` once it is closed.
    session: Option<Client>,
    runtime: Runtime,
    scripts: bool,
    /// Last, since it ends the browser with it.
    _driver: Driver,
}

impl Browser {
    /// Begins to describe one; as it stands, on a desktop, light and with scripts.
    #[must_use]
    pub fn builder() -> BrowserBuilder {
        BrowserBuilder::default()
    }

    /// Whether pages may run scripts.
    #[must_use]
    pub fn runs_scripts(&self) -> bool {
        self.scripts
    }

    /// Goes to a page of an application.
    #[track_caller]
    pub fn open(&self, app: &App, path: &str) {
        self.go(&format!("{}{path}", app.base()));
    }

    /// Goes to an address.
    #[track_caller]
    pub fn go(&self, url: &str) {
        self.must(&format!("go to {url}"), self.session().goto(url));
    }

    /// Loads the page again.
    #[track_caller]
    pub fn reload(&self) {
        self.must("reload", self.session().refresh());
    }

    /// The path of the page, with its query.
    #[must_use]
    #[track_caller]
    pub fn path(&self) -> String {
        let url: Url = self.must("ask for the address", self.session().current_url());
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// Types into fields of a form, or chooses in them.
    #[track_caller]
    pub fn fill(&self, form: &str, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            let selector = format!("{form} [name={name}]");
            self.must(&selector, async {
                let field = self.session().find(Locator::Css(&selector)).await?;
                if field.tag_name().await? == "select" {
                    return field.select_by_value(value).await;
                }
                field.clear().await?;
                field.send_keys(value).await
            });
        }
    }

    /// Fills a form in and sends it by its button.
    #[track_caller]
    pub fn submit(&self, form: &str, fields: &[(&str, &str)]) {
        self.fill(form, fields);
        self.click(&format!("{form} button[type=submit]"));
    }

    /// Clicks on the first that a selector finds, and waits for the page to which that leads.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.must(selector, async { self.session().find(Locator::Css(selector)).await?.click().await });
    }

    /// The text of every element that a selector finds, as the document has it.
    #[must_use]
    #[track_caller]
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.of_each(selector, "e.textContent.trim().replace(/\\s+/g, ' ')")
    }

    /// An attribute of every element that a selector finds and that has it.
    #[must_use]
    #[track_caller]
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        self.of_each(selector, &format!("e.getAttribute({})", json!(name)))
    }

    /// How many elements a selector finds.
    #[must_use]
    #[track_caller]
    pub fn count(&self, selector: &str) -> usize {
        self.of_each(selector, "e.tagName").len()
    }

    /// Waits until a selector finds something, and returns the text of the first.
    #[track_caller]
    pub fn see(&self, selector: &str) -> String {
        self.wait_until(selector, || self.texts(selector).into_iter().next())
    }

    /// Waits until the page is the one of this path.
    #[track_caller]
    pub fn arrive(&self, path: &str) {
        let place = || self.path().split('?').next().unwrap_or_default().to_owned();
        self.wait_until(&format!("{path}, from {}", self.path()), || (place() == path).then_some(()));
    }

    /// Asks until the answer is `Some`; panics when the time is up, or with what the browser says to it.
    #[track_caller]
    pub fn wait_until<T>(&self, what: &str, ask: impl FnMut() -> Option<T>) -> T {
        eventually(what, WAIT, ask)
    }

    /// Leaves for another tab and comes back to this one, which the page is told.
    #[track_caller]
    pub fn look_elsewhere_and_return(&self) {
        self.must("another tab", async {
            let here = self.session().window().await?;
            let there = self.session().new_window(true).await?.handle;
            self.session().switch_to_window(there).await?;
            self.session().close_window().await?;
            self.session().switch_to_window(here).await
        });
    }

    /// The value of a cookie that the browser would send to the page.
    #[must_use]
    #[track_caller]
    pub fn cookie(&self, name: &str) -> Option<String> {
        match self.runtime.block_on(self.session().get_named_cookie(name)) {
            Ok(cookie) => Some(cookie.value().to_owned()),
            Err(error) if error.is_no_such_cookie() => None,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Runs a script as a developer would by the tools of the browser, also where pages may run none.
    #[track_caller]
    pub fn evaluate(&self, script: &str, arguments: &[Value]) -> Value {
        self.must("a script", self.session().execute(script, arguments.to_vec()))
    }

    /// Like [`Browser::evaluate`], for what calls back its last argument.
    #[track_caller]
    pub fn evaluate_async(&self, script: &str, arguments: &[Value]) -> Value {
        self.must("a script", self.session().execute_async(script, arguments.to_vec()))
    }

    /// What the browser wrote into its console since it was asked last: violations of a policy, and faults of scripts,
    /// but not that an answer was a 401 or 404, which is for the test to know.
    #[must_use]
    #[track_caller]
    pub fn complaints(&self) -> Vec<Complaint> {
        command::complaints(self.must("the console", self.session().issue_cmd(command::Log::Browser)))
    }

    /// The words of a dialog that a page has opened, if one did.
    #[must_use]
    #[track_caller]
    pub fn dialog(&self) -> Option<String> {
        match self.runtime.block_on(self.session().get_alert_text()) {
            Ok(text) => Some(text),
            Err(CmdError::Standard(error)) if error.error == ErrorStatus::NoSuchAlert => None,
            Err(error) => panic!("a dialog: {error}"),
        }
    }

    /// A picture of the page from its top, as a PNG, at most so high.
    #[must_use]
    #[track_caller]
    pub fn picture(&self, at_most: u32) -> Vec<u8> {
        let shot = self.must("a picture", async {
            let size = self.tool("Page.getLayoutMetrics", json!({})).await?;
            let (page, seen) = (&size["cssContentSize"], &size["cssLayoutViewport"]["clientHeight"]);
            let height = page["height"].as_f64().unwrap_or_default().min(f64::from(at_most));
            let beyond = Some(height) > seen.as_f64();
            let clip = json!({"x": 0, "y": 0, "width": page["width"], "height": height, "scale": 1});
            self.tool("Page.captureScreenshot", json!({"clip": clip, "captureBeyondViewport": beyond})).await
        });
        command::decoded(&shot["data"])
    }

    /// Shows pages as a device does that prefers the dark, or the light; and no motion, since colours on their way from one
    /// to the other are neither.
    #[track_caller]
    pub fn prefer(&self, scheme: &str) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.must("a preference", self.tool("Emulation.setEmulatedMedia", json!({"features": features})));
    }

    /// Shows pages on a screen of this size, in CSS pixels.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32, is_phone: bool) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.must("a screen", self.tool("Emulation.setDeviceMetricsOverride", screen));
    }

    async fn tool(&self, name: &str, parameters: Value) -> Result<Value, CmdError> {
        self.session().issue_cmd(command::Tool { name: name.to_owned(), parameters }).await
    }

    #[track_caller]
    fn of_each(&self, selector: &str, what: &str) -> Vec<String> {
        let script = format!("return [...document.querySelectorAll(arguments[0])].map((e) => {what})");
        let found = self.evaluate(&script, &[json!(selector)]);
        let texts = found.as_array().into_iter().flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn session(&self) -> &Client {
        self.session.as_ref().expect("an open browser")
    }

    #[track_caller]
    fn must<T>(&self, what: &str, act: impl Future<Output = Result<T, CmdError>>) -> T {
        // Not in a closure: a panic names the line of the test.
        match self.runtime.block_on(act) {
            Ok(answer) => answer,
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let console = self.runtime.block_on(session.issue_cmd(command::Log::Browser));
        let network = self.runtime.block_on(session.issue_cmd(command::Log::Performance));
        let _ = self.runtime.block_on(session.close());
        if !std::thread::panicking() {
            network::lint(&network.expect("what went over the network"));
            let complaints = command::complaints(console.expect("the console"));
            assert!(complaints.is_empty(), "the browser complains: {complaints:?}");
        }
    }
}
