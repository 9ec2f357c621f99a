//! A phone number, normalised once.

use std::fmt;

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, Type};

/// Characters of a number as a person types it, separators included.
const LENGTH: usize = 40;

/// A number in the one spelling that the stores know: E.164, such as `+447400123456`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

impl Phone {
    /// Reads a number as a person typed it, with its country code; `None` when nobody can have it, or when it is
    /// of a kind that reads no messages, or earns its owner money by them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // The library also reads words, extensions and URIs, which no login needs.
        let legal = |char: char| char.is_ascii_digit() || " -.()/\u{a0}".contains(char);
        let digits = text.strip_prefix('+').filter(|rest| text.len() <= LENGTH && rest.chars().all(legal))?;
        let plain: String = digits.chars().filter(char::is_ascii_digit).collect();
        let number =
            phonenumber::parse(None, format!("+{plain}")).ok().filter(phonenumber::PhoneNumber::is_valid)?;
        // Of a number that begins with zeros, such as a line in Rome, the library knows no type.
        let is_service = matches!(
            number.number_type(&DATABASE),
            Type::PremiumRate | Type::SharedCost | Type::TollFree | Type::Pager | Type::Uan | Type::Voicemail
        );
        (!is_service).then(|| Self(number.format().mode(Mode::E164).to_string()))
    }

    /// Loads what the library knows of the world's numbers, so that no login waits for it: a tenth of a second.
    pub fn prepare() {
        let _ = Self::parse("+12025550123");
    }

    /// The number in E.164.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    fn parsed(text: &str) -> Option<String> {
        Phone::parse(text).map(|phone| phone.0)
    }

    #[test]
    fn spellings_of_one_number_are_one_number() {
        for text in ["+447400123456", " +44 7400 123456 ", "+44 (0) 7400-123-456", "+44\u{a0}7400.123.456"] {
            assert_eq!(parsed(text).as_deref(), Some("+447400123456"), "{text:?}");
        }
        for number in [
            "+79161234567",
            "+12025550123",
            "+4915112345678",
            "+33612345678",
            "+8613812345678",
            "+5511961234567",
            "+390612345678",
            "+77011234567",
            "+380501234567",
        ] {
            assert_eq!(parsed(number).as_deref(), Some(number));
        }
    }

    #[test]
    fn what_nobody_can_have_is_refused() {
        for text in [
            "",
            "+",
            "447400123456",
            "07400 123456",
            "+44",
            "+4474001234567890",
            "+999123456789",
            "+1",
            "+10000000000",
            "+447400123456;ext=7",
            "tel:+447400123456",
            "+44 7400 ABCDEF",
            "++447400123456",
            "+٤٤٧٤٠٠١٢٣٤٥٦",
            "+447400123456\n+447400123457",
            &format!("+{}", "1".repeat(300)),
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_that_reads_no_messages_or_earns_by_them_is_refused() {
        for text in ["+19002345678", "+449098790123", "+491805123456", "+18002345678"] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    #[test]
    fn of_any_text_a_number_is_e_164_and_its_own_spelling() {
        const EXAMPLES: &[&str] = &[
            "+447400123456",
            "+44 (0) 7400-123-456",
            "+7 916 123 45 67",
            "+1 202 555 0123",
            "+390612345678",
            "tel:+447400123456;ext=7",
        ];
        let digits = "[1-9][0-9]{6,14}".prop_map(|digits| format!("+{digits}"));
        let mixed = "\\+?[0-9 ().;=a-z/\\-\u{a0}\u{ff0b}é]{0,45}";
        for_all("phone number", prop_oneof![any_or_almost(EXAMPLES), digits, mixed], |text| {
            let Some(phone) = Phone::parse(&text) else { return Ok(()) };
            let digits = phone.as_str().strip_prefix('+').unwrap_or_default();
            prop_assert!((7..=15).contains(&digits.len()), "{phone}");
            prop_assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{phone}");
            prop_assert_eq!(Phone::parse(phone.as_str()), Some(phone.clone()));
            let spread: String = phone.as_str().chars().flat_map(|char| [char, ' ']).collect();
            prop_assert!(spread.trim_end().len() > LENGTH || Phone::parse(&spread).as_ref() == Some(&phone));
            Ok(())
        });
    }
}
