//! What is sent, and what of it may be printed.

use std::fmt;

use zeroize::Zeroizing;

/// By which kind of way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A short message to a phone.
    Sms,
    /// A mail.
    Email,
}

impl Kind {
    /// Its name in the outbox and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message to one person. What stands in it is a secret, so only its kind is printed.
#[derive(Clone)]
pub struct Message {
    /// By which kind of way it goes.
    pub kind: Kind,
    /// A phone number in E.164, or a mail address.
    pub to: String,
    /// The subject of a mail.
    pub subject: String,
    /// The text as the person reads it.
    pub body: Zeroizing<String>,
    /// The code in the text, for the outbox.
    pub code: Option<Zeroizing<String>>,
    /// The link in the text, for the outbox.
    pub link: Option<Zeroizing<String>>,
}

impl Message {
    /// A short message.
    #[must_use]
    pub fn sms(to: impl Into<String>, body: String) -> Self {
        Self {
            kind: Kind::Sms,
            to: to.into(),
            subject: String::new(),
            body: Zeroizing::new(body),
            code: None,
            link: None,
        }
    }

    /// A mail.
    #[must_use]
    pub fn email(to: impl Into<String>, subject: impl Into<String>, body: String) -> Self {
        Self { kind: Kind::Email, subject: subject.into(), ..Self::sms(to, body) }
    }

    /// The same, with the code that stands in its text.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        self.code = Some(Zeroizing::new(code.to_owned()));
        self
    }

    /// The same, with the link that stands in its text.
    #[must_use]
    pub fn with_link(mut self, link: &str) -> Self {
        self.link = Some(Zeroizing::new(link.to_owned()));
        self
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("kind", &self.kind).finish_non_exhaustive()
    }
}
