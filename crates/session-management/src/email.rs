//! An e-mail address, normalised once.

use std::fmt;

/// An address in the one spelling that the stores know: trimmed and lower-cased, 255 characters at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Reads an address as a person typed it; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let address = text.trim().to_lowercase();
        let plausible = address.chars().count() <= 255 && !address.chars().any(char::is_control);
        (plausible && email_address::EmailAddress::is_valid(&address)).then_some(Self(address))
    }

    /// The normalised address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one_address() {
        assert_eq!(Email::parse(" Ann@Example.COM\n"), Email::parse("ann@example.com"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(300));
        for text in ["", "ann", "ann@", "@example.com", "a b@example.com", "ann@exa\0mple.com", &long] {
            assert_eq!(Email::parse(text), None, "{text:?}");
        }
    }
}
