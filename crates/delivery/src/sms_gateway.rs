//! SMS through a gateway that speaks HTTP: a generic webhook, or Twilio's API and those that copy it.

mod url;

use std::sync::Arc;

use async_trait::async_trait;
use ureq::http::header::AUTHORIZATION;

pub use url::SmsGatewayUrl;
use url::{Authorization, Protocol};

use crate::{Delivery, DeliveryError, Message, TIME};

/// Bytes of a gateway's answer that are read, for its error code.
const ANSWER: u64 = 16 * 1024;

/// A gateway for SMS.
#[derive(Debug, Clone)]
pub struct SmsGateway {
    url: Arc<SmsGatewayUrl>,
    agent: ureq::Agent,
}

impl SmsGateway {
    /// The gateway at this URL.
    #[must_use]
    pub fn new(url: SmsGatewayUrl) -> Self {
        // A gateway without TLS is one in the own network, where no proxy stands between.
        let proxy = url.address.starts_with("https:").then(ureq::Proxy::try_from_env).flatten();
        let config = ureq::Agent::config_builder()
            .proxy(proxy)
            .timeout_global(Some(TIME))
            .http_status_as_error(false)
            // A redirect would carry the message somewhere that nobody has configured.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A kept connection may just be closing, and a POST on it is never tried again.
            .max_idle_connections(0)
            .user_agent(concat!("identity-delivery/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { url: Arc::new(url), agent: config.into() }
    }

    fn post(&self, message: &Message) -> Result<(), DeliveryError> {
        let mut request = self.agent.post(&self.url.address);
        if let Some(authorization) = &self.url.authorization {
            request = request.header(AUTHORIZATION, authorization.expose());
        }
        let (to, body) = (message.to.as_str(), message.body.as_str());
        let answer = match &self.url.protocol {
            Protocol::Webhook => request.send_json(serde_json::json!({"to": to, "body": body})),
            Protocol::Twilio { sender } => {
                request.send_form([("To", to), (sender.field(), sender.value()), ("Body", body)])
            }
        };
        let mut answer = answer.map_err(|error| self.failed(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        // It is a no already; what it says besides is for the log, if it can be read.
        let text = answer.body_mut().with_config().limit(ANSWER).read_to_vec().ok();
        let code = text.as_deref().and_then(error_code);
        let code = code.map_or_else(String::new, |code| format!(", error {code}"));
        Err(DeliveryError::NotSent(format!("{} answered {}{code}", self.url.host, status.as_u16())))
    }

    fn failed(&self, error: &ureq::Error) -> DeliveryError {
        let reason = format!("{}: {error}", self.url.host);
        match error {
            // Nothing was sent before there was a connection.
            ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                DeliveryError::NotSent(reason)
            }
            ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
                DeliveryError::NotSent(reason)
            }
            _ => DeliveryError::Unknown(reason),
        }
    }
}

#[async_trait]
impl Delivery for SmsGateway {
    async fn deliver(&self, message: Message) -> Result<(), DeliveryError> {
        let this = self.clone();
        let posted = tokio::task::spawn_blocking(move || this.post(&message)).await;
        posted.unwrap_or_else(|panic| Err(DeliveryError::Unknown(panic.to_string())))
    }
}

/// The number that Twilio and its copies give beside the status; nothing else of an answer is logged, since
/// it may repeat the message.
fn error_code(answer: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(answer).ok()?.get("code")?.as_u64()
}

impl Authorization {
    fn expose(&self) -> &str {
        &self.0
    }
}
