//! Logging in by Telegram's Login Widget.
//!
//! The widget is one way to learn a [`TelegramIdentity`], and nothing else here knows it: another, such as
//! Telegram's OpenID Connect, makes the same out of an ID token.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use identity_db::one_time::SignedPayload;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::OneTimeProof;
use crate::account::{LoggedIn, Login};
use crate::error::SessionError;
use crate::manager::Result;
use crate::service::SessionService;

/// How long a payload counts after it was signed.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// How far Telegram's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(60);

/// 31 December 9999: beyond it is no date of ours.
const LAST_SECOND: i64 = 253_402_300_799;

/// Who a person is to Telegram, by a proof that counts once. Names and pictures are no part of it: Telegram's
/// people change them at will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelegramIdentity(pub(crate) SignedPayload);

/// The fields that a widget handed over, each as it was signed. They print nothing.
#[derive(Clone, Default)]
pub struct TelegramFields(BTreeMap<String, String>);

/// Verifies what the widget of one bot hands over. It prints nothing.
#[derive(Clone)]
pub struct LoginWidget(Zeroizing<[u8; 32]>);

impl TelegramFields {
    /// Fields by their names; what they say is judged by [`LoginWidget::verify`].
    #[must_use]
    pub fn new(fields: BTreeMap<String, String>) -> Self {
        Self(fields)
    }

    /// The text that Telegram signs: every field but the signature, sorted by name. `None` where it would
    /// not say which fields it was made of: a line break in one could pass for the next.
    fn signed_text(&self) -> Option<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        for (name, value) in self.0.iter().filter(|(name, _)| *name != "hash") {
            let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if name.is_empty() || !is_name || value.contains(['\n', '\r']) {
                return None;
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        Some(text)
    }

    fn number(&self, name: &str) -> Option<i64> {
        let text = self.0.get(name)?;
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    }
}

impl fmt::Debug for TelegramFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TelegramFields(…)")
    }
}

impl LoginWidget {
    /// What a bot token looks like, in the words of a refusal.
    pub const ALLOWED: &str = "<number>:<35 characters>, as BotFather gives it";

    /// The widget of the bot with this token; `None` for a text that is no token.
    #[must_use]
    pub fn of_bot(token: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let (id, secret) = token.split_once(':')?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let is_token = is_id && secret.len() == 35 && secret.bytes().all(legal);
        is_token.then(|| Self(Zeroizing::new(Sha256::digest(token.as_bytes()).into())))
    }

    /// Who the person is, if Telegram has signed exactly these fields for this bot. Whether that is recent, and
    /// whether it was used before, the store decides.
    #[must_use]
    pub fn verify(&self, fields: &TelegramFields) -> Option<TelegramIdentity> {
        let text = fields.signed_text()?;
        let signature = unhex(fields.0.get("hash")?)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_ref()).ok()?;
        mac.update(text.as_bytes());
        mac.verify_slice(&signature).ok()?;
        let telegram_id = fields.number("id").filter(|id| *id > 0)?;
        let signed_at = fields.number("auth_date").filter(|at| *at <= LAST_SECOND)?;
        let digest = Sha256::digest(text.as_bytes()).into();
        Some(TelegramIdentity(SignedPayload {
            digest,
            telegram_id,
            signed_at,
            lifetime: LIFETIME,
            skew: SKEW,
        }))
    }
}

impl fmt::Debug for LoginWidget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginWidget(…)")
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

impl SessionService {
    /// Logs in whom Telegram names. Who is new becomes a person.
    ///
    /// # Errors
    /// [`SessionError::NotOffered`] without a bot; [`SessionError::InvalidCredentials`], whatever was wrong.
    pub async fn log_in_by_telegram(&self, fields: &TelegramFields, login: Login) -> Result<LoggedIn> {
        let proof = self.telegram_proof(fields)?;
        self.log_in_once(proof, "telegram", login).await
    }

    /// What these fields prove; `None` when nothing.
    ///
    /// # Errors
    /// [`SessionError::NotOffered`] without a bot.
    pub fn telegram_proof(&self, fields: &TelegramFields) -> Result<Option<OneTimeProof>> {
        let widget = self.widget().ok_or(SessionError::NotOffered)?;
        Ok(widget.verify(fields).map(OneTimeProof::Telegram))
    }
}

#[cfg(test)]
mod tests;
