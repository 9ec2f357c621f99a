//! The readers of what stands in Redis, for the targets in `fuzz/` alone.

use super::{SessionData, stored};

/// A value of ours, its signature aside.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<SessionData> {
    stored::decode(bytes)
}

/// The bytes of a value.
#[must_use]
pub fn encode(data: &SessionData) -> Option<Vec<u8>> {
    stored::encode(data)
}

/// A value of the older software.
#[must_use]
pub fn decode_legacy(bytes: &[u8]) -> Option<SessionData> {
    stored::decode_legacy(bytes)
}
