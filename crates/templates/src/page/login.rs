//! The pages on which strangers become somebody.

use askama::Template;

use crate::{Fault, Frame};

/// Logging in, by every way that is offered.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// What stands around it.
    pub frame: Frame,
    /// Where to go then; empty for the usual place.
    pub next: String,
    /// The address as it was typed.
    pub email: String,
    /// What was wrong with address or password.
    pub fault: Option<Fault>,
    /// Other ways.
    pub ways: Ways,
}

/// Ways to log in beside a password.
#[derive(Debug, Default)]
pub struct Ways {
    /// Whether strangers may make an account.
    pub register: bool,
    /// By a code to a phone.
    pub phone: Option<PhoneForm>,
    /// By Telegram: where that begins.
    pub telegram: Option<String>,
}

/// The form that asks for a code.
#[derive(Debug, Default)]
pub struct PhoneForm {
    /// The number as it was typed.
    pub phone: String,
    /// What was wrong with it.
    pub fault: Option<Fault>,
}

/// Making an account.
#[derive(Debug, Template)]
#[template(path = "register.html")]
pub struct RegisterPage {
    /// What stands around it.
    pub frame: Frame,
    /// Where to go then; empty for the usual place.
    pub next: String,
    /// The address as it was typed.
    pub email: String,
    /// What was wrong.
    pub fault: Option<Fault>,
}

/// The code that came to a phone.
#[derive(Debug, Template)]
#[template(path = "code.html")]
pub struct CodePage {
    /// What stands around it.
    pub frame: Frame,
    /// Where to go then; empty for the usual place.
    pub next: String,
    /// The phone it was sent to.
    pub phone: String,
    /// What was wrong.
    pub fault: Option<Fault>,
}

/// Telegram's own button. It is a script of theirs, so that it stands on a page where there is nothing else to read.
#[derive(Debug)]
pub struct TelegramButton {
    /// The bot's user name.
    pub bot: String,
    /// Where it leads back to.
    pub back: String,
}

/// What Telegram handed over, before it counts: a login by a mere link would be one that nobody asked for.
#[derive(Debug, Template)]
#[template(path = "telegram.html")]
pub struct TelegramPage {
    /// What stands around it.
    pub frame: Frame,
    /// Where to go then; empty for the usual place.
    pub next: String,
    /// The signed fields. Empty where they stand in the fragment of the address, which only a script can read.
    pub fields: Vec<(String, String)>,
    /// What was wrong.
    pub fault: Option<Fault>,
    /// In the place of the fields: how one gets them.
    pub button: Option<TelegramButton>,
}

impl TelegramPage {
    /// Whom the fields name, and their number at Telegram, for them to see whose login it would be.
    fn person(&self) -> (&str, &str) {
        let value = |name| {
            let found = self.fields.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        let name = value("first_name").or_else(|| value("username"));
        (name.unwrap_or_default(), value("id").unwrap_or_default())
    }
}
