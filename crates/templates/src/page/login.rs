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
    /// By Telegram.
    pub telegram: Option<TelegramWay>,
}

/// The form that asks for a code.
#[derive(Debug, Default)]
pub struct PhoneForm {
    /// The number as it was typed.
    pub phone: String,
    /// What was wrong with it.
    pub fault: Option<Fault>,
}

/// How Telegram is offered.
#[derive(Debug)]
pub enum TelegramWay {
    /// Its own button, which needs the bot's name.
    Widget {
        /// The bot's user name.
        bot: String,
        /// Where it leads back to.
        back: String,
    },
    /// A link to its page.
    Link(String),
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
}

impl TelegramPage {
    /// How Telegram names the person, for them to see whose login it would be.
    fn name(&self) -> Option<&str> {
        let value =
            |name| self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value("first_name").or_else(|| value("username")).filter(|name| !name.is_empty())
    }
}
