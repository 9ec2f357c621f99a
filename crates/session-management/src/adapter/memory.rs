//! Sessions in the memory of the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use identity_db::SessionId;

use super::{RedisUnavailable, SessionAdapter, SessionData};
use crate::clock::Clock;

/// Sessions in the memory of the process, gone with it. It always answers.
#[derive(Debug)]
pub struct MemorySessionAdapter {
    values: Mutex<HashMap<SessionId, SessionData>>,
    clock: Arc<dyn Clock>,
}

impl MemorySessionAdapter {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { values: Mutex::default(), clock }
    }

    fn values(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, SessionData>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionAdapter for MemorySessionAdapter {
    async fn get(&self, id: &SessionId) -> Result<Option<SessionData>, RedisUnavailable> {
        let now = self.clock.now().timestamp_millis();
        let mut values = self.values();
        if values.get(id).is_some_and(|data| data.expires_at <= now) {
            values.remove(id);
        }
        Ok(values.get(id).cloned())
    }

    async fn set(&self, id: &SessionId, data: &SessionData, _ttl: Duration) -> Result<(), RedisUnavailable> {
        self.values().insert(*id, data.clone());
        Ok(())
    }

    async fn delete(&self, ids: &[SessionId]) -> Result<(), RedisUnavailable> {
        let mut values = self.values();
        for id in ids {
            values.remove(id);
        }
        Ok(())
    }

    async fn extend(&self, id: &SessionId, ttl: Duration) -> Result<bool, RedisUnavailable> {
        let end = (self.clock.now() + ttl).timestamp_millis();
        Ok(self.values().get_mut(id).map(|data| data.expires_at = end).is_some())
    }

    async fn ping(&self) -> Result<(), RedisUnavailable> {
        Ok(())
    }
}
