//! How often one may try. Attempts are counted before they are judged.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_db::rate_limit::Counter;
use sha2::{Digest, Sha256};

use crate::email::Email;
use crate::login::Phone;

const LOGIN_WINDOW: Duration = Duration::from_secs(15 * 60);
const REGISTRATION_WINDOW: Duration = Duration::from_secs(60 * 60);
const CODE_WINDOW: Duration = Duration::from_secs(60 * 60);
const CODE_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Attempts at most (`LIMIT_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Failed logins of one account from one address in 15 minutes.
    pub logins_per_account_and_address: i32,
    /// Failed logins from one address in 15 minutes.
    pub logins_per_address: i32,
    /// Registrations from one address in an hour.
    pub registrations_per_address: i32,
    /// Codes by SMS for one phone in an hour.
    pub codes_per_phone: i32,
    /// Codes by SMS for one phone in a day. Each may be guessed at five times: with ten, a phone that somebody
    /// works on every day falls after 55 years on average; with what the hour alone allows, after five.
    pub codes_per_phone_and_day: i32,
    /// Codes by SMS that one address asks for in an hour.
    pub codes_per_address: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            logins_per_account_and_address: 10,
            logins_per_address: 300,
            registrations_per_address: 300,
            codes_per_phone: 5,
            codes_per_phone_and_day: 10,
            codes_per_address: 100,
        }
    }
}

impl Limits {
    /// The counters of a login: account *and* address first, so that nobody locks a stranger out.
    pub(crate) fn login(&self, account: &str, address: Option<IpAddr>) -> Vec<Counter> {
        let by_account = Counter {
            purpose: "login_account",
            subject: digest(&[account, &network(address)]),
            limit: self.logins_per_account_and_address,
            window: LOGIN_WINDOW,
        };
        [vec![by_account], self.guesses(address)].concat()
    }

    /// The counter of failed logins from one address, by whatever method.
    pub(crate) fn guesses(&self, address: Option<IpAddr>) -> Vec<Counter> {
        vec![Counter {
            purpose: "login_address",
            subject: digest(&[&network(address)]),
            limit: self.logins_per_address,
            window: LOGIN_WINDOW,
        }]
    }

    /// The counters of a request for a code: those of the phone, and that of the address.
    pub(crate) fn codes(&self, phone: &Phone, address: Option<IpAddr>) -> (Vec<Counter>, Vec<Counter>) {
        let counter = |purpose, subject: &str, limit, window| Counter {
            purpose,
            subject: digest(&[subject]),
            limit,
            window,
        };
        let by_phone = vec![
            counter("code_phone", phone.as_str(), self.codes_per_phone, CODE_WINDOW),
            counter("code_phone_day", phone.as_str(), self.codes_per_phone_and_day, CODE_DAY),
        ];
        let by_address = counter("code_address", &network(address), self.codes_per_address, CODE_WINDOW);
        (by_phone, vec![by_address])
    }

    /// The counter of a registration.
    pub(crate) fn registration(&self, address: Option<IpAddr>) -> Vec<Counter> {
        vec![Counter {
            purpose: "registration_address",
            subject: digest(&[&network(address)]),
            limit: self.registrations_per_address,
            window: REGISTRATION_WINDOW,
        }]
    }
}

/// The name under which an account's attempts are counted.
pub(crate) fn account(email: &Email) -> &str {
    email.as_str()
}

/// An IPv4 address, or the /64 that one IPv6 customer has for themselves.
fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        None => "unknown".into(),
    }
}

/// What is counted is stored as a digest: the table is no list of who tried to log in.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_s_ipv6_addresses_share_a_counter_and_a_mapped_ipv4_is_itself() {
        let counted = |address: &str| network(Some(address.parse().unwrap()));
        assert_eq!(counted("2001:db8:1:2::1"), counted("2001:0db8:0001:0002:ffff::9"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("::ffff:192.0.2.7"), counted("192.0.2.7"));
    }

    #[test]
    fn parts_of_a_subject_cannot_run_together() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}
