//! What the older software left: its sessions are adopted on first use, and end as others do.

use std::sync::atomic::Ordering;

use chrono::DateTime;
use constants::{LegacySource, LegacyTokens};
use identity_db::audit::Origin;
use identity_db::session::{self, Adopted, LegacyKey, LegacyToken};
use identity_db::{SessionId, failpoint};

use super::{Inner, Result};
use crate::adapter::{RedisUnavailable, SessionData, SessionKey};
use crate::error::SessionError;
use crate::metrics;
use crate::principal::Snapshot;
use crate::token::SessionToken;

impl Inner {
    /// Whether tokens of the older software count: in web, until they are switched off.
    pub(super) fn adopts(&self) -> bool {
        (self.context.counts_legacy_tokens() || failpoint!("guard::legacy_only_in_web"))
            && self.legacy_tokens() != LegacyTokens::Off
    }

    /// Makes a row of the session of a token that has none; `false` when nobody knows the token. The row then
    /// decides, whatever it says.
    ///
    /// Without an answer of Redis a token that no column names might still be one of its keys: that is no no.
    pub(super) async fn adopt(&self, token: &SessionToken, origin: &Origin) -> Result<bool> {
        self.try_adopt(token, origin).await?.map_err(|RedisUnavailable(reason)| {
            SessionError::Unavailable(format!(
                "nobody knows this token but perhaps Redis, which is unavailable: {reason}"
            ))
        })
    }

    /// The same, for whom it is enough that Postgres has been asked.
    pub(super) async fn try_adopt(
        &self,
        token: &SessionToken,
        origin: &Origin,
    ) -> Result<std::result::Result<bool, RedisUnavailable>> {
        if !self.adopts() {
            return Ok(Ok(false));
        }
        let key = self.legacy_cache.get(SessionKey::from(token)).await;
        let id = token.id();
        match self.adopt_with(&id, key.as_ref().ok().and_then(Option::as_ref), origin).await? {
            Adopted::Now { source, user_id } => {
                metrics::LEGACY_USES_OF[source as usize].inc();
                log::info!(
                    "[SESSION_FALLBACK_LEGACY] context={} session={} user={user_id} from={source}",
                    self.context,
                    id.short()
                );
                Ok(Ok(true))
            }
            Adopted::Before => Ok(Ok(true)),
            Adopted::CleanedUp => {
                self.note_cleanup();
                Ok(Ok(false))
            }
            Adopted::Unknown if failpoint!("guard::legacy_redis_error_is_no_answer") => Ok(Ok(false)),
            Adopted::Unknown => Ok(key.map(|_| false)),
        }
    }

    async fn adopt_with(
        &self,
        id: &SessionId,
        key: Option<&SessionData>,
        origin: &Origin,
    ) -> Result<Adopted> {
        let mut origin = origin.clone();
        if let Some(key) = key {
            // The login is what a device is known by, not the request that happened to come first.
            origin.ip_address = key.ip.map(Into::into).or(origin.ip_address);
            origin.user_agent = key.user_agent.clone().or(origin.user_agent);
        }
        let token = LegacyToken {
            id: *id,
            key: key.and_then(|key| {
                Some(LegacyKey {
                    user_id: key.user_id,
                    created_at: key.created_at.and_then(DateTime::from_timestamp_millis),
                    expires_at: DateTime::from_timestamp_millis(key.expires_at)?,
                })
            }),
            origin,
            idle: self.lifetimes.idle,
            absolute: self.lifetimes.absolute,
        };
        Ok(self.database.run(move |conn| session::adopt(conn, &token)).await?)
    }

    /// Adopts those tokens that have no row, so that whatever ends sessions finds them. Returns the ids of those
    /// that have one now.
    pub(super) async fn adopt_unknown(
        &self,
        tokens: &[SessionToken],
        origin: &Origin,
    ) -> Result<Vec<SessionId>> {
        let mut adopted = Vec::new();
        for token in tokens {
            if self.adopt(token, origin).await? {
                adopted.push(token.id());
            }
        }
        Ok(adopted)
    }

    /// Takes sessions that have ended out of the older software's part of Redis, too, as well as it goes: it
    /// would still let them in, this system would not.
    pub(super) async fn forget_legacy(&self, tokens: &[SessionToken], keyed: &[SessionId]) {
        for token in tokens.iter().filter(|token| keyed.contains(&token.id())) {
            if let Err(error) = self.legacy_cache.delete(&[SessionKey::from(token)]).await {
                log::debug!("[SESSION_DELETE] context={} {error}", self.context);
            }
        }
    }

    /// Counts a use of a session that the older software began; after the clean-up it is one like any other.
    pub(super) fn count_legacy_use(&self, snapshot: &Snapshot) {
        if let Some(source) = snapshot.session.adopted_from
            && !self.is_cleaned_up()
        {
            metrics::LEGACY_USES_OF[source as usize].inc();
            self.legacy_uses[source as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes down the uses that were counted since the last time.
    pub(super) async fn write_down_legacy_uses(&self) {
        let taken = LegacySource::ALL.iter().zip(&self.legacy_uses);
        let taken = taken.map(|(source, uses)| (*source, uses.swap(0, Ordering::Relaxed)));
        let taken: Vec<(LegacySource, i64)> = taken.filter(|(_, uses)| *uses > 0).collect();
        if taken.is_empty() {
            return;
        }
        let uses = taken.clone();
        if let Err(error) = self.database.run(move |conn| session::count_legacy_uses(conn, &uses)).await {
            log::debug!("uses of legacy sessions could not be written down: {error}");
            for (source, uses) in taken {
                self.legacy_uses[source as usize].fetch_add(uses, Ordering::Relaxed);
            }
        }
    }
}
