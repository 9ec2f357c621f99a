//! What stands around every page: language, theme, navigation, who is logged in.

use std::fmt;

use constants::{AppScope, ApplicationContext, Theme};

use crate::{Locale, Notice, asset};

/// What every page is given beside its own values.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The application, which decides the navigation.
    pub app: AppScope,
    /// The language.
    pub locale: Locale,
    /// Light, dark, or as the device is.
    pub theme: Theme,
    /// The path of the page.
    pub path: String,
    /// Who is logged in, as they would name themselves; `None` for a stranger.
    pub account: Option<String>,
    /// What proves that a form came from this page.
    pub form_token: FormToken,
    /// What is to be said about the act that led here.
    pub notice: Option<Notice>,
}

/// What proves that a form came from a page of ours. It is written into forms, and printed nowhere.
#[derive(Clone, Default)]
pub struct FormToken(String);

impl From<String> for FormToken {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// As it stands in a form.
impl fmt::Display for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormToken(…)")
    }
}

/// A place in the navigation.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Where it leads.
    pub path: &'static str,
    /// The name of its text.
    pub text: &'static str,
}

const WEB: &[Link] = &[Link { path: "/", text: "nav-home" }, Link { path: "/account", text: "nav-account" }];

const ADMIN: &[Link] = &[
    Link { path: "/", text: "nav-dashboard" },
    Link { path: "/users", text: "nav-users" },
    Link { path: "/audit", text: "nav-audit" },
    Link { path: "/cleanup", text: "nav-cleanup" },
];

impl Frame {
    /// The text of this name.
    #[must_use]
    pub fn t(&self, name: &str) -> String {
        self.locale.text(name)
    }

    /// The name of an application.
    #[must_use]
    pub fn application(&self, context: &ApplicationContext) -> &'static str {
        self.locale.application(*context)
    }

    /// The address of a file that the page loads.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        asset::path(name)
    }

    /// Where one can go from here.
    #[must_use]
    pub fn links(&self) -> &'static [Link] {
        if self.app == AppScope::Web {
            WEB
        } else if self.is_admin() {
            ADMIN
        } else {
            // An application without pages of its own.
            &[]
        }
    }

    /// What `aria-current` says of a place: that the page is it, or that the page is below it.
    #[must_use]
    pub fn current(&self, link: &Link) -> Option<&'static str> {
        if self.path == link.path {
            return Some("page");
        }
        let rest = self.path.strip_prefix(link.path).filter(|_| link.path != "/")?;
        rest.starts_with('/').then_some("true")
    }

    /// Whether it is admin-panel that shows the page.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.app == AppScope::AdminPanel
    }
}
