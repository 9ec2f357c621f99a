//! A code of six digits, as it is sent and as a person types it.

use std::fmt;

use zeroize::Zeroizing;

const DIGITS: usize = 6;

/// How many codes there are.
const CODES: u32 = 10_u32.pow(DIGITS as u32);

/// A code. It prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<String>);

impl Code {
    /// Draws a new code. Each is as likely as any other.
    ///
    /// # Panics
    /// When the operating system gives no random bytes.
    #[must_use]
    pub fn generate() -> Self {
        loop {
            let mut bytes = Zeroizing::new([0_u8; 4]);
            getrandom::fill(bytes.as_mut()).expect("the operating system gives random bytes");
            if let Some(code) = Self::of(u32::from_le_bytes(*bytes)) {
                return code;
            }
        }
    }

    /// The code that a random number stands for; `None` for the last few numbers, which would make some codes
    /// likelier than others.
    fn of(random: u32) -> Option<Self> {
        let whole = u32::MAX - u32::MAX % CODES;
        (random < whole).then(|| Self(Zeroizing::new(format!("{:0DIGITS$}", random % CODES))))
    }

    /// A code as a person typed it, with spaces or a hyphen in it as they may; `None` for anything but six digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 32 {
            return None;
        }
        let digits: Zeroizing<String> =
            Zeroizing::new(text.chars().filter(|char| !char.is_whitespace() && *char != '-').collect());
        let is_code = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then_some(Self(digits))
    }

    /// The digits, for the message.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn a_code_has_six_digits_also_a_small_one() {
        assert_eq!(Code::of(7).unwrap().expose(), "000007");
        assert_eq!(Code::of(1_999_999).unwrap().expose(), "999999");
        for _ in 0..1000 {
            assert!(Code::parse(Code::generate().expose()).is_some());
        }
    }

    #[test]
    fn no_code_is_likelier_than_another() {
        // 4294 whole rounds of a million numbers; what is left over is drawn again.
        assert!(Code::of(4_293_999_999).is_some());
        assert!(Code::of(4_294_000_000).is_none());
        assert!(Code::of(u32::MAX).is_none());
    }

    #[test]
    fn what_a_person_may_type_is_understood_and_nothing_else() {
        for text in ["123456", " 123456\n", "123 456", "123-456"] {
            assert_eq!(Code::parse(text).unwrap().expose(), "123456", "{text:?}");
        }
        for text in ["", "12345", "1234567", "12345a", "１２３４５６", "+12345", "-------", &"1".repeat(300)]
        {
            assert!(Code::parse(text).is_none(), "{text:?}");
        }
        assert_eq!(format!("{:?}", Code::of(1)), "Some(Code(…))");
    }

    #[test]
    fn of_any_text_a_code_is_its_six_digits_and_no_other_character_b4() {
        const EXAMPLES: &[&str] =
            &["123456", " 123 456 ", "000-000", "1-2-3-4-5-6", "١٢٣٤٥٦", "１２３４５６"];
        for_all("code by SMS", prop_oneof![any_or_almost(EXAMPLES), "[0-9 -]{5,9}"], |text| {
            let kept: String = text.split(|char: char| char.is_whitespace() || char == '-').collect();
            let is_code =
                text.len() <= 32 && kept.len() == 6 && kept.parse::<u32>().is_ok() && !kept.contains('+');
            let code = Code::parse(&text);
            prop_assert_eq!(code.as_ref().map(Code::expose), is_code.then_some(kept.as_str()));
            Ok(())
        });
    }
}
