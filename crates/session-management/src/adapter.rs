//! Where sessions are kept under keys: Redis, or the memory of the process.

mod memory;
mod redis;
mod stored;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

#[cfg(fuzzing)]
pub mod fuzzing;

pub use crate::redis_link::RedisUnavailable;
pub use memory::MemorySessionAdapter;
pub use redis::RedisSessionAdapter;

use crate::principal::Snapshot;
use crate::token::SessionToken;
use identity_db::{SessionId, UserId};

/// The name of a session in a store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionKey<'a>(&'a str);

impl<'a> SessionKey<'a> {
    fn as_str(self) -> &'a str {
        self.0
    }
}

impl<'a> From<&'a SessionId> for SessionKey<'a> {
    /// How this system names it.
    fn from(id: &'a SessionId) -> Self {
        Self(id.as_str())
    }
}

impl<'a> From<&'a SessionToken> for SessionKey<'a> {
    /// How the older software names it: by the token itself.
    fn from(token: &'a SessionToken) -> Self {
        Self(token.expose())
    }
}

impl fmt::Debug for SessionKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// A session as a key-value store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionData {
    /// Whose it is.
    pub user_id: UserId,
    /// The login, in milliseconds since 1970. The older software may have left it out.
    pub created_at: Option<i64>,
    /// The end, in milliseconds since 1970. An expired value is deleted when it is read.
    pub expires_at: i64,
    /// The address of the login.
    pub ip: Option<IpAddr>,
    /// What the client said it was.
    pub user_agent: Option<String>,
    /// What a decision needs; absent in values of the older software.
    pub snapshot: Option<Arc<Snapshot>>,
}

impl SessionData {
    /// The value that stands for a live session.
    #[must_use]
    pub fn of(snapshot: Arc<Snapshot>) -> Self {
        let session = &snapshot.session;
        Self {
            user_id: session.user_id,
            created_at: Some(session.created_at.timestamp_millis()),
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
    async fn get(&self, key: SessionKey<'_>) -> Result<Option<SessionData>, RedisUnavailable>;

    /// Writes the value of a session, to be forgotten after `ttl`.
    async fn set(
        &self,
        key: SessionKey<'_>,
        data: &SessionData,
        ttl: Duration,
    ) -> Result<(), RedisUnavailable>;

    /// Removes values; those that are not there are no error.
    async fn delete(&self, keys: &[SessionKey<'_>]) -> Result<(), RedisUnavailable>;

    /// Moves the end of a value, and when it is forgotten, to `ttl` from now; `false` when there is none.
    async fn extend(&self, key: SessionKey<'_>, ttl: Duration) -> Result<bool, RedisUnavailable>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), RedisUnavailable>;
}
