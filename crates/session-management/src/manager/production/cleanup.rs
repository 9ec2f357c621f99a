//! The clean-up, as a running process learns of it. Postgres decides: no statement honours what the older software left
//! once the clean-up is committed. What a process knows itself saves it questions, and is never what a decision rests on.

use std::sync::atomic::Ordering;

use constants::LegacyTokens;
use identity_db::cleanup;
use identity_db::presence::Presence;

use super::Inner;

impl Inner {
    /// What tokens of the older software count for: what the setting says, until the clean-up.
    pub(super) fn legacy_tokens(&self) -> LegacyTokens {
        if self.is_cleaned_up() { LegacyTokens::Off } else { self.legacy }
    }

    pub(super) fn is_cleaned_up(&self) -> bool {
        self.cleaned_up.load(Ordering::Relaxed)
    }

    /// What this process says of itself to operators.
    pub(super) fn presence(&self) -> Presence {
        Presence { context: self.context, legacy_tokens: self.legacy }
    }

    /// Asks whether it was applied, until it was: it is final.
    pub(super) async fn look_for_cleanup(&self) {
        if self.is_cleaned_up() {
            return;
        }
        match self.database.read(cleanup::applied).await {
            Ok(Some(_)) => self.note_cleanup(),
            Ok(None) => {}
            Err(error) => log::debug!("whether the clean-up was applied could not be asked: {error}"),
        }
    }

    /// Notes that it was applied, and says so once.
    pub(super) fn note_cleanup(&self) {
        if self.cleaned_up.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.context.counts_legacy_tokens() && self.legacy != LegacyTokens::Off {
            log::warn!(
                "the clean-up was applied: LEGACY_TOKENS={} has no effect, tokens of the older software are unknown",
                self.legacy
            );
        } else {
            log::info!("the clean-up was applied: tokens of the older software are unknown");
        }
    }
}
