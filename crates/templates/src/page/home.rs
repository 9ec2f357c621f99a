//! Web's first page.

use askama::Template;

use crate::Frame;

/// Who you are, or for strangers where to go.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// What stands around it.
    pub frame: Frame,
    /// The person, if someone is logged in.
    pub person: Option<Person>,
}

/// A person as they see themselves.
#[derive(Debug, Clone)]
pub struct Person {
    /// How they are addressed: the e-mail address, the phone number, or Telegram's.
    pub name: String,
    /// The address.
    pub email: Option<String>,
    /// In E.164.
    pub phone: Option<String>,
    /// Telegram's number.
    pub telegram_id: Option<i64>,
    /// Whether the address was proven.
    pub is_verified: bool,
    /// When the account was made, in words.
    pub since: String,
}
