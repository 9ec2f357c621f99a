//! What nobody should send, at both applications: whatever it is, it is refused or means nothing, opens no session, changes
//! nothing, and is never a fault of ours. How much was tried is counted.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod bodies;
mod contract;
mod cookies;
mod raw_http;
mod stage;
mod tried;
