//! Sessions in Redis, under `session:<context>:<id>`, or `session:<id>` as the older software had them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use constants::ApplicationContext;
use constants::redis::{SESSION_PREFIX, prefix};
use deadpool_redis::redis::{Cmd, cmd};
use identity_db::failpoint;

use super::{RedisUnavailable, SessionAdapter, SessionData, SessionKey, stored};
use crate::clock::Clock;
use crate::keyring::Keyring;
use crate::redis_link::RedisLink;

/// What stands between a signed value and its signature. The signature is the last member of the object,
/// so that it is checked over the very bytes before it, ahead of any parsing.
const MAC_MEMBER: &[u8] = br#","mac":""#;
const MAC_END: &[u8] = br#""}"#;
const MAC_LENGTH: usize = 43;

/// Sessions in Redis. With a context its values are signed, and a value whose signature does not hold is as
/// good as absent; without one it reads and writes what the older software does.
#[derive(Debug)]
pub struct RedisSessionAdapter {
    link: RedisLink,
    context: Option<ApplicationContext>,
    keyring: Arc<RwLock<Option<Keyring>>>,
    clock: Arc<dyn Clock>,
}

impl RedisSessionAdapter {
    pub(crate) fn new(
        link: RedisLink,
        context: Option<ApplicationContext>,
        keyring: Arc<RwLock<Option<Keyring>>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { link, context, keyring, clock }
    }

    fn key(&self, session: SessionKey<'_>) -> String {
        let prefix = self.context.map_or(SESSION_PREFIX, prefix);
        [prefix, session.as_str()].concat()
    }

    /// The bytes to be stored; `None` while there is no key to sign with.
    fn encode(&self, key: &str, data: &SessionData) -> Option<Vec<u8>> {
        let mut bytes = stored::encode(data)?;
        if self.context.is_none() {
            return Some(bytes);
        }
        bytes.pop();
        let keyring = self.keyring.read().unwrap_or_else(PoisonError::into_inner);
        let mac = keyring.as_ref()?.sign(key, &bytes);
        bytes.extend_from_slice(MAC_MEMBER);
        bytes.extend_from_slice(URL_SAFE_NO_PAD.encode(mac).as_bytes());
        bytes.extend_from_slice(MAC_END);
        Some(bytes)
    }

    fn decode(&self, key: &str, bytes: &[u8]) -> Option<SessionData> {
        if self.context.is_none() {
            return stored::decode_legacy(bytes);
        }
        self.is_signed(key, bytes).then(|| stored::decode(bytes)).flatten()
    }

    fn is_signed(&self, key: &str, bytes: &[u8]) -> bool {
        let Some(body_length) = bytes.len().checked_sub(MAC_MEMBER.len() + MAC_LENGTH + MAC_END.len()) else {
            return false;
        };
        let (body, signature) = bytes.split_at(body_length);
        let mac = signature.strip_prefix(MAC_MEMBER).and_then(|rest| rest.strip_suffix(MAC_END));
        let Some(mac) = mac.and_then(|mac| URL_SAFE_NO_PAD.decode(mac).ok()) else { return false };
        let keyring = self.keyring.read().unwrap_or_else(PoisonError::into_inner);
        keyring.as_ref().is_some_and(|keyring| keyring.verifies(key, body, &mac)) || failpoint!("guard::mac")
    }

    async fn write(&self, key: &str, bytes: Vec<u8>, ttl: Duration) -> Result<(), RedisUnavailable> {
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        self.link.command(cmd("SET").arg(key).arg(bytes).arg("PX").arg(millis)).await
    }
}

#[async_trait]
impl SessionAdapter for RedisSessionAdapter {
    async fn get(&self, session: SessionKey<'_>) -> Result<Option<SessionData>, RedisUnavailable> {
        let key = self.key(session);
        let bytes: Option<Vec<u8>> = self.link.command(&Cmd::get(&key)).await?;
        let Some(data) = bytes.and_then(|bytes| self.decode(&key, &bytes)) else { return Ok(None) };
        if data.expires_at <= self.clock.now().timestamp_millis() {
            self.delete(&[session]).await?;
            return Ok(None);
        }
        Ok(Some(data))
    }

    async fn set(
        &self,
        session: SessionKey<'_>,
        data: &SessionData,
        ttl: Duration,
    ) -> Result<(), RedisUnavailable> {
        let key = self.key(session);
        match self.encode(&key, data) {
            Some(bytes) => self.write(&key, bytes, ttl).await,
            // Nothing is written that nobody could verify.
            None => Ok(()),
        }
    }

    async fn delete(&self, sessions: &[SessionKey<'_>]) -> Result<(), RedisUnavailable> {
        if sessions.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = sessions.iter().map(|session| self.key(*session)).collect();
        self.link.command(&Cmd::del(&keys)).await
    }

    async fn extend(&self, session: SessionKey<'_>, ttl: Duration) -> Result<bool, RedisUnavailable> {
        // A value of ours repeats what Postgres said and is never re-dated: it goes, and the next look-up
        // writes it with the new end.
        if self.context.is_some() {
            self.delete(&[session]).await?;
            return Ok(true);
        }
        let Some(mut data) = self.get(session).await? else { return Ok(false) };
        let end = self.clock.now() + ttl;
        data.expires_at = end.timestamp_millis();
        self.set(session, &data, ttl).await?;
        Ok(true)
    }

    async fn ping(&self) -> Result<(), RedisUnavailable> {
        self.link.ping().await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;
    use test_support::for_all;

    use super::*;
    use crate::clock::ManualClock;
    use crate::principal::tests::snapshot;

    fn adapter(root: &[u8]) -> RedisSessionAdapter {
        let link = RedisLink::new("redis://127.0.0.1:1", 0).unwrap();
        let clock = Arc::new(ManualClock::at(chrono::DateTime::UNIX_EPOCH));
        let keyring = Arc::new(RwLock::new(Keyring::of(&[root])));
        RedisSessionAdapter::new(link, Some(ApplicationContext::Web), keyring, clock)
    }

    #[test]
    fn of_a_signed_value_nothing_can_be_changed_copied_or_made_elsewhere_a5() {
        let (own, other) = (adapter(&[7; 32]), adapter(&[8; 32]));
        let data = SessionData::of(Arc::new(snapshot("session-a")));
        let value = own.encode("session:web:a", &data).unwrap();
        assert_eq!(own.decode("session:web:a", &value), Some(data));
        for key in ["session:web:b", "session:admin:a", "session:a", ""] {
            assert_eq!(own.decode(key, &value), None, "{key}");
        }
        assert_eq!(other.decode("session:web:a", &value), None);
        let changes = prop::collection::vec((any::<Index>(), any::<u8>(), 0..4_u8), 1..4);
        for_all("cached value, signed and changed", changes, |changes| {
            let mut forged = value.clone();
            for (index, byte, kind) in changes {
                let at = index.index(forged.len() + 1);
                match kind {
                    0 => forged.insert(at, byte),
                    1 => forged.truncate(at),
                    2 => forged.extend_from_within(at..),
                    _ if at < forged.len() => forged[at] = byte,
                    _ => {}
                }
            }
            prop_assert_eq!(own.decode("session:web:a", &forged).is_some(), forged == value);
            Ok(())
        });
    }

    #[test]
    fn what_somebody_else_wrote_under_our_keys_is_no_value_a5() {
        let own = adapter(&[7; 32]);
        let bytes = prop::collection::vec(any::<u8>(), 0..300);
        let object = test_support::any_object(&["user_id", "created_at", "expires_at", "decision", "mac"]);
        let object = (object, "[A-Za-z0-9_-]{43}").prop_map(|(mut object, mac)| {
            object["user_id"] = "6a2f41a3-c54c-4ce8-b2d2-0324e1c32e22".into();
            object["expires_at"] = i64::MAX.into();
            let text = object.to_string();
            format!(r#"{},"mac":"{mac}"}}"#, &text[..text.len() - 1]).into_bytes()
        });
        for_all("cached value, forged", prop_oneof![bytes, object], |value| {
            prop_assert_eq!(own.decode("session:web:a", &value), None);
            Ok(())
        });
    }
}
