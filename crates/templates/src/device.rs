//! What a user agent is, in words.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use woothee::parser::Parser;

use crate::Locale;

static USER_AGENTS: LazyLock<Parser> = LazyLock::new(Parser::new);

/// Names of devices by what they say of themselves. There are few kinds of them, and parsing one takes longer than
/// all else that is shown of a session.
static DEVICES: LazyLock<RwLock<HashMap<String, Device>>> = LazyLock::new(RwLock::default);

/// Kinds that are remembered at most; then they are forgotten together.
const KINDS: usize = 4096;

/// Characters of a program's name that are shown.
const LONGEST: usize = 60;

/// A device as its user agent names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// It says nothing.
    Unknown,
    /// A browser on a system.
    Browser {
        /// Such as `Firefox`.
        browser: String,
        /// Such as `Linux`.
        system: String,
    },
    /// Anything else, by its own name, which can be any text at all.
    Program(String),
}

impl Device {
    /// What this user agent is.
    #[must_use]
    pub fn of(user_agent: Option<&str>) -> Self {
        let Some(user_agent) = user_agent.filter(|text| !text.is_empty()) else { return Self::Unknown };
        if let Some(known) = DEVICES.read().unwrap_or_else(PoisonError::into_inner).get(user_agent) {
            return known.clone();
        }
        let device = parse(user_agent);
        let mut devices = DEVICES.write().unwrap_or_else(PoisonError::into_inner);
        if devices.len() >= KINDS {
            devices.clear();
        }
        devices.insert(user_agent.to_owned(), device.clone());
        device
    }

    /// Its name for people who speak this language.
    #[must_use]
    pub fn name(&self, locale: Locale) -> String {
        match self {
            Self::Unknown => locale.text("device-unknown"),
            Self::Browser { browser, system } => {
                locale.text_with("device-browser", &[("browser", browser), ("system", system)])
            }
            Self::Program(name) => name.clone(),
        }
    }
}

fn parse(user_agent: &str) -> Device {
    if let Some(known) = USER_AGENTS.parse(user_agent)
        && known.name != "UNKNOWN"
        && known.os != "UNKNOWN"
    {
        // Its maker has called it so since 2016; the parser has not.
        let system = if known.os == "Mac OSX" { "macOS" } else { known.os };
        return Device::Browser { browser: known.name.to_owned(), system: system.to_owned() };
    }
    // A program names itself first: `curl/8.0`.
    let name = user_agent.split(['/', ' ']).next().unwrap_or_default();
    match name.char_indices().nth(LONGEST) {
        _ if name.is_empty() => Device::Unknown,
        Some((end, _)) => Device::Program(format!("{}…", &name[..end])),
        None => Device::Program(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn browsers_are_named_with_their_system_and_programs_by_their_own_name_c1() {
        let name = |user_agent| Device::of(user_agent).name(Locale::English);
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/120.0.0.0 Safari/537.36";
        assert_eq!(name(Some(chrome)), "Chrome on Windows 10");
        assert_eq!(Device::of(Some(chrome)).name(Locale::Russian), "Chrome, Windows 10");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                     Gecko) Version/17.0 Mobile/15E148 Safari/604.1";
        assert_eq!(name(Some(phone)), "Safari on iPhone");
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                   Version/18.6 Safari/605.1.15";
        assert_eq!(name(Some(mac)), "Safari on macOS");
        assert_eq!(name(Some("curl/8.0")), "curl");
        let (longest, longer) = ("я".repeat(60), "я".repeat(61));
        assert_eq!(name(Some(&longest)), longest);
        assert_eq!(name(Some(&longer)), format!("{longest}…"));
        assert_eq!(name(Some("/x")), "Unknown device");
        assert_eq!(name(None), "Unknown device");
    }

    #[test]
    fn of_any_user_agent_the_device_has_a_short_name() {
        const EXAMPLES: &[&str] = &[
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1",
            "Opera/9.80 (Windows NT 6.1; U; en) Presto/2.8.131 Version/11.11",
            "curl/8.0",
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)",
            "DoCoMo/2.0 N901iS(c100;TB;W24H12)",
        ];
        for_all("User-Agent", any_or_almost(EXAMPLES), |agent| {
            let device = parse(&agent);
            let name = device.name(Locale::English);
            prop_assert!(!name.is_empty() && name.chars().count() <= 2 * LONGEST, "{name}");
            prop_assert_eq!(&Device::of(Some(&agent)), &device);
            prop_assert_eq!(&Device::of(Some(&agent)), &device, "as it is remembered");
            Ok(())
        });
    }
}
