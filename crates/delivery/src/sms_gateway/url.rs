//! `SMS_GATEWAY_URL`: which gateway, as whom, and which of the two protocols it speaks.
//!
//! | form | protocol |
//! |---|---|
//! | `https://host/path` | webhook: `POST` of JSON `{"to", "body"}` |
//! | `https://user:password@host/path` | the same with Basic authentication |
//! | `https://:token@host/path` | the same with `Authorization: Bearer token` |
//! | `twilio://SID:TOKEN@api.twilio.com?from=+15005550006` | Twilio's `Messages.json` over HTTPS, as a form with Basic authentication; `from` is a number, a sender's name, or a messaging service (`MG…`) |
//!
//! `http://` and `twilio+http://` are the same without TLS, for a gateway in the own network.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::Zeroizing;

/// Where SMS are handed in. It prints its host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SmsGatewayUrl {
    pub(super) protocol: Protocol,
    /// The address of each request, without who asks.
    pub(super) address: String,
    /// Host and port, for the log.
    pub(super) host: String,
    pub(super) authorization: Option<Authorization>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Protocol {
    Webhook,
    Twilio { sender: Sender },
}

/// Who the person sees as the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sender {
    From(String),
    Service(String),
}

/// The value of the `Authorization` header. It prints nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Authorization(pub(super) Zeroizing<String>);

impl SmsGatewayUrl {
    /// What is allowed, in the words of a refusal.
    pub const ALLOWED: &str = "https://host/path, http://host/path, or \
         twilio://<account SID>:<auth token>@api.twilio.com?from=<number, name or MG…>";

    /// Reads a URL; `None` when it is none of the forms.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let named = Url::parse(text).ok()?;
        // Of a scheme that it does not know the parser takes hosts that no web address has.
        let web = match named.scheme() {
            "twilio" => "https",
            "twilio+http" => "http",
            other => other,
        };
        let url = Url::parse(&format!("{web}{}", &named[url::Position::AfterScheme..])).ok()?;
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        let host = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let (user, password) = (decoded(url.username())?, decoded(url.password().unwrap_or_default())?);
        match named.scheme() {
            "https" | "http" => {
                let mut address = url.clone();
                address.set_username("").ok()?;
                address.set_password(None).ok()?;
                address.set_fragment(None);
                let authorization = match (user.is_empty(), password.is_empty()) {
                    (true, true) => None,
                    (true, false) => Some(Authorization::bearer(&password)?),
                    (false, _) => Some(Authorization::basic(&user, &password)),
                };
                Some(Self { protocol: Protocol::Webhook, address: address.into(), host, authorization })
            }
            "twilio" | "twilio+http" => {
                let is_sid = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if !is_sid || password.is_empty() || !matches!(url.path(), "" | "/") {
                    return None;
                }
                let address = format!("{web}://{host}/2010-04-01/Accounts/{}/Messages.json", user.as_str());
                let sender = Sender::of(url.query()?)?;
                let authorization = Some(Authorization::basic(&user, &password));
                Some(Self { protocol: Protocol::Twilio { sender }, address, host, authorization })
            }
            _ => None,
        }
    }
}

impl fmt::Debug for SmsGatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmsGatewayUrl({})", self.host)
    }
}

impl Sender {
    /// The one parameter `from`. A plus sign is one there, since numbers begin with it, and no space.
    fn of(query: &str) -> Option<Self> {
        let query = query.replace('+', "%2B");
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let (Some((name, from)), None) = (pairs.next(), pairs.next()) else { return None };
        let is_service = from.len() == 34 && from.starts_with("MG");
        match (name.as_ref(), from.is_empty()) {
            ("from", false) if is_service => Some(Self::Service(from.into_owned())),
            ("from", false) => Some(Self::From(from.into_owned())),
            _ => None,
        }
    }

    pub(super) const fn field(&self) -> &'static str {
        match self {
            Self::From(_) => "From",
            Self::Service(_) => "MessagingServiceSid",
        }
    }

    pub(super) fn value(&self) -> &str {
        match self {
            Self::From(value) | Self::Service(value) => value,
        }
    }
}

impl Authorization {
    fn basic(user: &str, password: &str) -> Self {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        Self(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
    }

    /// `None` for what no header can carry.
    fn bearer(token: &str) -> Option<Self> {
        let legal = token.bytes().all(|byte| byte.is_ascii_graphic());
        legal.then(|| Self(Zeroizing::new(format!("Bearer {token}"))))
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(…)")
    }
}

fn decoded(text: &str) -> Option<Zeroizing<String>> {
    percent_decode_str(text).decode_utf8().ok().map(|text| Zeroizing::new(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn each_form_is_understood() {
        let plain = SmsGatewayUrl::parse("https://sms.example.com/send?tenant=7").unwrap();
        assert_eq!(plain.address, "https://sms.example.com/send?tenant=7");
        assert_eq!((plain.protocol, plain.authorization), (Protocol::Webhook, None));
        let basic = SmsGatewayUrl::parse("http://me:p%40ss@10.0.0.7:8080/send").unwrap();
        assert_eq!(
            (basic.address.as_str(), basic.host.as_str()),
            ("http://10.0.0.7:8080/send", "10.0.0.7:8080")
        );
        assert_eq!(basic.authorization.unwrap().0.as_str(), "Basic bWU6cEBzcw==");
        let bearer = SmsGatewayUrl::parse("https://:t0ken@sms.example.com").unwrap();
        assert_eq!(bearer.authorization.unwrap().0.as_str(), "Bearer t0ken");
        let twilio = SmsGatewayUrl::parse("twilio://AC1:tok@api.twilio.com?from=+15005550006").unwrap();
        assert_eq!(twilio.address, "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json");
        assert_eq!(twilio.protocol, Protocol::Twilio { sender: Sender::From("+15005550006".into()) });
        let service = format!("MG{}", "a".repeat(32));
        let twilio = SmsGatewayUrl::parse(&format!("twilio+http://AC1:tok@[::1]:9?from={service}")).unwrap();
        assert_eq!(twilio.address, "http://[::1]:9/2010-04-01/Accounts/AC1/Messages.json");
        assert_eq!(twilio.protocol, Protocol::Twilio { sender: Sender::Service(service) });
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "sms.example.com",
            "ftp://sms.example.com",
            "https://",
            "twilio://api.twilio.com?from=+15005550006",
            "twilio://AC1@api.twilio.com?from=+15005550006",
            "twilio://AC1:tok@api.twilio.com",
            "twilio://AC1:tok@api.twilio.com?from=",
            "twilio://AC1:tok@api.twilio.com?sender=+15005550006",
            "twilio://AC1%2F..:tok@api.twilio.com?from=+15005550006",
            "twilio://AC1:tok@api.twilio.com/path?from=+15005550006",
            "https://:to%0Aken@sms.example.com",
            "twilio://AC1:tok@\u{7f}api.twilio.com?from=+15005550006",
        ] {
            assert_eq!(SmsGatewayUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        for text in ["https://me:s3cret@host/", "https://:s3cret@host/", "twilio://AC1:s3cret@host?from=x"] {
            let printed = format!("{:?}", SmsGatewayUrl::parse(text).unwrap());
            assert_eq!(printed, "SmsGatewayUrl(host)");
        }
    }

    #[test]
    fn of_any_text_the_gateway_is_the_host_that_was_named_and_nothing_secret_goes_along() {
        const EXAMPLES: &[&str] = &[
            "https://sms.example.com/send?tenant=7",
            "http://me:s3cret@10.0.0.7:8080/send#x",
            "https://:s3cret@sms.example.com",
            "twilio://AC1:s3cret@api.twilio.com?from=+15005550006",
            "twilio+http://AC1:s3cret@[::1]:9?from=MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ];
        for_all("SMS_GATEWAY_URL", any_or_almost(EXAMPLES), |text| {
            let Some(url) = SmsGatewayUrl::parse(&text) else { return Ok(()) };
            let (given, address) = (Url::parse(&text).unwrap(), Url::parse(&url.address).unwrap());
            prop_assert!(
                !matches!(given.scheme(), "http" | "https") || given.host_str() == address.host_str()
            );
            let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
            prop_assert_eq!(&url.host, &format!("{}{port}", address.host_str().unwrap_or_default()));
            prop_assert!(matches!(address.scheme(), "http" | "https"));
            prop_assert!(address.username().is_empty() && address.password().is_none());
            prop_assert_eq!(format!("{url:?}"), format!("SmsGatewayUrl({})", url.host));
            if let Some(authorization) = &url.authorization {
                prop_assert!(authorization.0.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            }
            Ok(())
        });
    }
}
