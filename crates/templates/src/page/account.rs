//! A person's own page: devices, password, how pages look.

use askama::Template;
use constants::{Language, Theme};

use crate::{Fault, Frame};

/// Devices, password, theme and language of a person.
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// What stands around it.
    pub frame: Frame,
    /// The live sessions, this one first.
    pub devices: Vec<DeviceRow>,
    /// Whether there is a password that can be asked for.
    pub has_password: bool,
    /// What was wrong when the other sessions were to be ended.
    pub others_fault: Option<Fault>,
    /// What was wrong with a new password.
    pub password_fault: Option<Fault>,
    /// The language that was chosen.
    pub language: Language,
}

/// A session.
#[derive(Debug, Clone)]
pub struct DeviceRow {
    /// The session's id.
    pub id: String,
    /// Browser and system.
    pub name: String,
    /// What the device says it is, in full.
    pub user_agent: String,
    /// The address of the login.
    pub address: Option<String>,
    /// When it began: for machines, and in words.
    pub began: (String, String),
    /// When it was last used: for machines, in words, and exactly.
    pub seen: (String, String, String),
    /// Whether it is the one that asks.
    pub is_current: bool,
}

impl AccountPage {
    fn others(&self) -> usize {
        self.devices.iter().filter(|device| !device.is_current).count()
    }

    fn themes(&self) -> &'static [Theme] {
        Theme::ALL
    }

    fn languages(&self) -> &'static [Language] {
        Language::ALL
    }
}
