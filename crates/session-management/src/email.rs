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
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

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
    #[test]
    fn of_any_text_an_address_is_one_line_and_its_own_spelling_b4() {
        const EXAMPLES: &[&str] = &[
            "ann@example.com",
            " Ann.Lee+tag@Sub.Example.COM ",
            "a@b",
            "\"a b\"@example.com",
            "ann@[192.0.2.1]",
            "анна@пример.рф",
            "ann@example.com\r\nBcc: b@example.com",
            "Ann <ann@example.com>",
            "İ@example.com",
            "ΑΣ@example.com",
        ];
        for_all("e-mail address", any_or_almost(EXAMPLES), |text| {
            let Some(email) = Email::parse(&text) else { return Ok(()) };
            let address = email.as_str();
            prop_assert!(!address.contains(char::is_control) && address.contains('@'), "{address:?}");
            prop_assert!(address.chars().count() <= 255);
            prop_assert_eq!(address, address.trim());
            prop_assert_eq!(Email::parse(address), Some(email.clone()));
            prop_assert_eq!(Email::parse(&format!(" {address}\t")), Some(email.clone()));
            Ok(())
        });
    }

    #[test]
    fn every_ordinary_address_is_one_however_it_is_written_b4() {
        let address = "[a-z][a-z0-9._+-]{0,20}[a-z0-9]@[a-z]{1,10}(\\.[a-z]{2,8}){1,3}";
        let plain = address.prop_filter("dots stand apart", |text| !text.contains(".."));
        for_all("e-mail address, ordinary ones", plain, |address| {
            let email = Email::parse(&address);
            prop_assert_eq!(email.as_ref().map(Email::as_str), Some(address.as_str()));
            prop_assert_eq!(Email::parse(&format!("  {}\n", address.to_uppercase())), email);
            Ok(())
        });
    }
}
