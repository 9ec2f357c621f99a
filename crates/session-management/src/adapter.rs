//! Where sessions are kept under keys: Redis, or the memory of the process.

mod memory;
mod redis;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use crate::redis_link::RedisUnavailable;
pub use memory::MemorySessionAdapter;
pub use redis::RedisSessionAdapter;

use crate::principal::Snapshot;
use identity_db::{SessionId, UserId};

/// A session as a key-value store holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionData {
    /// Whose it is.
    pub user_id: UserId,
    /// The login, in milliseconds since 1970.
    pub created_at: i64,
    /// The end, in milliseconds since 1970. An expired value is deleted when it is read.
    pub expires_at: i64,
    /// The address of the login.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// What the client said it was.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// What a decision needs; absent in values of the older software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
}

impl SessionData {
    /// The value that stands for a live session.
    #[must_use]
    pub fn of(snapshot: Snapshot) -> Self {
        let session = &snapshot.session;
        Self {
            user_id: session.user_id,
            created_at: session.created_at.timestamp_millis(),
            expires_at: session.expires_at.min(session.absolute_expires_at).timestamp_millis(),
            ip: session.ip_address.map(|network| network.ip()),
            user_agent: session.user_agent.clone(),
            snapshot: Some(snapshot),
        }
    }
}

/// A key-value store of sessions. Absent is `Ok(None)`; a store that gives no answer is `Err`.
#[async_trait]
pub trait SessionAdapter: Send + Sync + std::fmt::Debug {
    /// The value of a session; an expired one is deleted and absent.
    async fn get(&self, id: &SessionId) -> Result<Option<SessionData>, RedisUnavailable>;

    /// Writes the value of a session, to be forgotten after `ttl`.
    async fn set(&self, id: &SessionId, data: &SessionData, ttl: Duration) -> Result<(), RedisUnavailable>;

    /// Removes values; those that are not there are no error.
    async fn delete(&self, ids: &[SessionId]) -> Result<(), RedisUnavailable>;

    /// Moves the end of a value, and when it is forgotten, to `ttl` from now; `false` when there is none.
    async fn extend(&self, id: &SessionId, ttl: Duration) -> Result<bool, RedisUnavailable>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), RedisUnavailable>;
}
