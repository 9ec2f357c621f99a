//! Messages on their way out, as gateways, mail servers and readers of the outbox meet them.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod mail;
mod outbox;
mod sms;
