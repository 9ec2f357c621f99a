//! Codes and Telegram's payloads in memory, by the rules that Postgres follows.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use constants::lifetime;
use identity_db::one_time::{ATTEMPTS, Digest, SignedPayload};
use identity_db::user::{Credential, User};

use super::{Store, nobody};
use crate::login::{Code, OneTimeProof, Phone, Redeemer, TelegramIdentity};

#[derive(Debug, Default)]
pub(super) struct OneTime {
    codes: HashMap<Phone, Kept>,
    payloads: HashMap<Digest, DateTime<Utc>>,
}

#[derive(Debug)]
struct Kept {
    code: Code,
    expires_at: DateTime<Utc>,
    attempts: i32,
}

impl OneTime {
    pub(super) fn store_code(&mut self, phone: &Phone, code: &Code, now: DateTime<Utc>) {
        let kept = Kept { code: code.clone(), expires_at: now + lifetime::CODE, attempts: 0 };
        self.codes.insert(phone.clone(), kept);
    }

    pub(super) fn purge(&mut self, now: DateTime<Utc>) {
        self.codes.retain(|_, kept| kept.expires_at > now);
        self.payloads.retain(|_, usable_until| *usable_until + Duration::from_secs(3600) > now);
    }

    fn use_code(&mut self, phone: &Phone, code: &Code, now: DateTime<Utc>) -> bool {
        let Some(kept) = self.codes.get_mut(phone) else { return false };
        if kept.attempts >= ATTEMPTS || kept.expires_at <= now {
            return false;
        }
        kept.attempts += 1;
        let is_right = kept.code == *code;
        if is_right {
            self.codes.remove(phone);
        }
        is_right
    }

    fn use_payload(&mut self, payload: &SignedPayload, now: DateTime<Utc>) -> bool {
        let Some(signed_at) = DateTime::from_timestamp(payload.signed_at, 0) else { return false };
        let usable_until = signed_at + payload.lifetime;
        if now < signed_at - payload.skew || now > usable_until {
            return false;
        }
        self.payloads.insert(payload.digest, usable_until).is_none()
    }
}

impl Store {
    pub(super) fn redeem(
        &mut self,
        proof: &OneTimeProof,
        redeemer: &Redeemer,
        now: DateTime<Utc>,
    ) -> Option<User> {
        let (phone, telegram_id) = match proof {
            OneTimeProof::Code(phone, _) => (Some(phone.as_str().to_owned()), None),
            OneTimeProof::Telegram(TelegramIdentity(payload)) => (None, Some(payload.telegram_id)),
        };
        let is_theirs = |known: &&Credential| match telegram_id {
            Some(_) => known.user.telegram_id == telegram_id,
            None => known.user.phone == phone,
        };
        let owner = self.people.values().find(is_theirs).map(|known| known.user.clone());
        if let Redeemer::Person(id) = redeemer
            && owner.as_ref().is_none_or(|owner| owner.id != *id)
        {
            return None;
        }
        let is_right = match proof {
            OneTimeProof::Code(phone, code) => self.once.use_code(phone, code, now),
            OneTimeProof::Telegram(TelegramIdentity(payload)) => self.once.use_payload(payload, now),
        };
        if !is_right {
            return None;
        }
        Some(owner.unwrap_or_else(|| {
            let user = User { phone, telegram_id, ..nobody(now) };
            self.people.insert(user.id, Credential { user: user.clone(), hashed_password: None });
            user
        }))
    }
}
