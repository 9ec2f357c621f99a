//! Mail and SMS on their way out: through an HTTP gateway, through SMTP, or into a folder in development.
//!
//! A [`Postman`] is what an application holds. It gives each message a bounded time and keeps messages of one
//! kind from crowding out anything else; the ways themselves are implementations of [`Delivery`].

mod message;
mod outbox;
mod postman;
mod sms_gateway;
mod smtp;

use async_trait::async_trait;

pub use message::{Kind, Message};
pub use outbox::Outbox;
pub use postman::{Postman, Routes};
pub use sms_gateway::{SmsGateway, SmsGatewayUrl};
pub use smtp::{SmtpServer, SmtpUrl};

/// A way on which messages leave.
#[async_trait]
pub trait Delivery: Send + Sync + std::fmt::Debug {
    /// Hands a message over. It ends by itself within [`TIME`], also when the other side hangs.
    ///
    /// # Errors
    /// When the message was not taken over, or nobody knows whether it was.
    async fn deliver(&self, message: Message) -> Result<(), DeliveryError>;
}

/// How long a message may take to be handed over, the wait for its turn included. A gateway answers within
/// some hundred milliseconds, and a person at a login page waits no longer.
pub const TIME: std::time::Duration = std::time::Duration::from_secs(3);

/// Why a message did not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// There is no way for messages of this kind.
    #[error("no way is set up for {0}")]
    NoWay(Kind),
    /// It was certainly not sent.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may have been sent: the time was up, or the answer was lost.
    #[error("no answer in time: {0}")]
    Unknown(String),
}
