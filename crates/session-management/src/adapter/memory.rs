//! Sessions in the memory of the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{RedisUnavailable, SessionAdapter, SessionData, SessionKey};
use crate::clock::Clock;

/// Sessions in the memory of the process, gone with it. It always answers.
#[derive(Debug)]
pub struct MemorySessionAdapter {
    values: Mutex<HashMap<String, SessionData>>,
    clock: Arc<dyn Clock>,
}

impl MemorySessionAdapter {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { values: Mutex::default(), clock }
    }

    fn values(&self) -> std::sync::MutexGuard<'_, HashMap<String, SessionData>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionAdapter for MemorySessionAdapter {
    async fn get(&self, key: SessionKey<'_>) -> Result<Option<SessionData>, RedisUnavailable> {
        let now = self.clock.now().timestamp_millis();
        let mut values = self.values();
        if values.get(key.as_str()).is_some_and(|data| data.expires_at <= now) {
            values.remove(key.as_str());
        }
        Ok(values.get(key.as_str()).cloned())
    }

    async fn set(
        &self,
        key: SessionKey<'_>,
        data: &SessionData,
        _ttl: Duration,
    ) -> Result<(), RedisUnavailable> {
        self.values().insert(key.as_str().to_owned(), data.clone());
        Ok(())
    }

    async fn delete(&self, keys: &[SessionKey<'_>]) -> Result<(), RedisUnavailable> {
        let mut values = self.values();
        for key in keys {
            values.remove(key.as_str());
        }
        Ok(())
    }

    async fn extend(&self, key: SessionKey<'_>, ttl: Duration) -> Result<bool, RedisUnavailable> {
        let end = (self.clock.now() + ttl).timestamp_millis();
        Ok(self.values().get_mut(key.as_str()).map(|data| data.expires_at = end).is_some())
    }

    async fn ping(&self) -> Result<(), RedisUnavailable> {
        Ok(())
    }
}
