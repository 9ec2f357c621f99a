//! Web's own ways to log in.

pub(crate) mod sms;
pub(crate) mod telegram;
