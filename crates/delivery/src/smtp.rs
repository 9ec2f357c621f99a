//! Mail through a server that speaks SMTP.

use std::fmt;

use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::Zeroizing;

use crate::{Delivery, DeliveryError, Message, TIME};

/// `SMTP_URL`: `smtp://` or `smtps://`, with user and password before the host where they are needed. `tls`
/// may be `required` or `opportunistic` (STARTTLS) and `from` the address that people see as the sender; without it
/// that is the user, where it is an address, or else `no-reply` at the host. It prints its host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    url: Zeroizing<String>,
    host: String,
    from: Address,
}

impl SmtpUrl {
    /// What is allowed, in the words of a refusal.
    pub const ALLOWED: &str = "smtp://host:port or smtps://host:port, with ?tls=required or opportunistic and from=<address> if need be";

    /// Reads a URL; `None` when it is of another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok()?;
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        if !matches!(url.scheme(), "smtp" | "smtps") {
            return None;
        }
        let (mut tls, mut from) = (None, None);
        for (name, value) in url.query_pairs() {
            let place = match name.as_ref() {
                "tls" => &mut tls,
                "from" => &mut from,
                _ => return None,
            };
            *place = Some(value.into_owned());
        }
        if !matches!(tls.as_deref(), None | Some("required" | "opportunistic")) {
            return None;
        }
        let from = match from {
            Some(from) => from.parse().ok()?,
            None => sender(url.username(), &host)?,
        };
        url.set_query(tls.map(|tls| format!("tls={tls}")).as_deref());
        Some(Self { url: Zeroizing::new(url.into()), host, from })
    }

    /// With its secret: for a refusal, which hides it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.url
    }
}

fn sender(user: &str, host: &str) -> Option<Address> {
    let user = percent_decode_str(user).decode_utf8().ok()?;
    let at_host = || Address::new("no-reply", host).ok();
    user.parse().ok().or_else(at_host).or_else(|| Address::new("no-reply", "localhost").ok())
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpUrl({})", self.host)
    }
}

/// A server for mail.
pub struct SmtpServer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    host: String,
    from: Mailbox,
}

impl SmtpServer {
    /// The server at this URL.
    ///
    /// # Errors
    /// When its host cannot be one.
    pub fn new(url: &SmtpUrl) -> Result<Self, DeliveryError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url.url)
            .map_err(|error| DeliveryError::NotSent(format!("{}: {error}", url.host)))?;
        let transport = builder.timeout(Some(TIME)).build();
        Ok(Self { transport, host: url.host.clone(), from: Mailbox::new(None, url.from.clone()) })
    }

    fn mail(&self, message: &Message) -> Result<lettre::Message, DeliveryError> {
        let unusable = |what: &str| DeliveryError::NotSent(format!("{what} cannot be used"));
        let to = message.to.parse().map_err(|_| unusable("the address of a person"))?;
        lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&message.subject)
            .header(lettre::message::header::ContentType::TEXT_PLAIN)
            .body(message.body.as_str().to_owned())
            .map_err(|_| unusable("the text of a mail"))
    }
}

impl fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpServer({})", self.host)
    }
}

#[async_trait]
impl Delivery for SmtpServer {
    async fn deliver(&self, message: Message) -> Result<(), DeliveryError> {
        let mail = self.mail(&message)?;
        match tokio::time::timeout(TIME, self.transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Err(_) => Err(DeliveryError::Unknown(format!("{}: nothing for {TIME:?}", self.host))),
            // What the server said may repeat the address; its status says enough.
            Ok(Err(error)) => {
                let status = error.status().map(|code| format!(" {code}")).unwrap_or_default();
                Err(if error.is_permanent() || error.is_transient() {
                    DeliveryError::NotSent(format!("{} answered{status}", self.host))
                } else {
                    DeliveryError::Unknown(format!("{} gave no answer", self.host))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn the_sender_is_the_parameter_or_the_user_or_nobody_at_the_host() {
        let from = |text: &str| SmtpUrl::parse(text).unwrap().from.to_string();
        assert_eq!(from("smtps://u:p@mail.example.com?from=hello@example.com"), "hello@example.com");
        assert_eq!(from("smtp://me%40example.com:p@mail.example.com?tls=required"), "me@example.com");
        assert_eq!(from("smtp://mail.example.com:2525"), "no-reply@mail.example.com");
        assert_eq!(from("smtp://127.0.0.1:2525"), "no-reply@127.0.0.1");
    }

    #[test]
    fn anything_else_is_refused_and_nothing_secret_is_printed() {
        for text in [
            "",
            "mail",
            "http://mail",
            "smtp://",
            "smtp://mail?tls=maybe",
            "smtp://mail?x=y",
            "smtp://m?from=me",
        ] {
            assert_eq!(SmtpUrl::parse(text), None, "{text}");
        }
        let url = SmtpUrl::parse("smtps://me:s3cret@mail.example.com").unwrap();
        assert_eq!(
            format!("{url:?} {:?}", SmtpServer::new(&url).unwrap()),
            "SmtpUrl(mail.example.com) SmtpServer(mail.example.com)"
        );
    }

    #[test]
    fn of_any_text_the_server_is_the_host_that_was_named_and_the_sender_one_address() {
        const EXAMPLES: &[&str] = &[
            "smtp://me:s3cret@mail.example.com:587?tls=required",
            "smtps://ann%40example.com:s3cret@mail.example.com?from=no-reply@example.com",
            "smtp://[::1]:25?tls=opportunistic",
            "smtp://mail?from=a@b%0d%0aBcc:c@d",
        ];
        for_all("SMTP_URL", any_or_almost(EXAMPLES), |text| {
            let Some(url) = SmtpUrl::parse(&text) else { return Ok(()) };
            let (given, kept) = (Url::parse(&text).unwrap(), Url::parse(url.expose()).unwrap());
            prop_assert_eq!(given.host_str(), kept.host_str());
            prop_assert_eq!(format!("{url:?}"), format!("SmtpUrl({})", url.host));
            let sender = url.from.to_string();
            prop_assert!(!sender.contains(char::is_control), "{sender:?}");
            prop_assert_eq!(sender.parse::<Address>().ok(), Some(url.from));
            Ok(())
        });
    }
}
