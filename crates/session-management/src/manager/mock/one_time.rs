//! Codes and Telegram's payloads in memory, by the rules that Postgres follows.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use constants::lifetime;
use identity_db::one_time::{ATTEMPTS, Digest, SignedPayload};
use identity_db::user::{Credential, User};

use super::store::{Store, nobody};
use crate::login::{Code, OneTimeProof, Phone, Redeemer, TelegramIdentity};

#[derive(Debug, Default)]
pub(super) struct OneTime {
    codes: HashMap<Phone, Kept>,
    payloads: HashMap<Digest, DateTime<Utc>>,
    /// Phones whose code was used here, for Postgres to be told as long as the code is good.
    spent: HashMap<Phone, DateTime<Utc>>,
    /// The same of payloads.
    unsaved: HashMap<Digest, DateTime<Utc>>,
}

#[derive(Debug)]
struct Kept {
    code: Code,
    expires_at: DateTime<Utc>,
    attempts: i32,
    /// Whether Postgres has the code, too; then it decides.
    elsewhere: bool,
}

/// What was used here and not yet in Postgres.
#[derive(Debug, Default, Clone)]
pub(crate) struct Used {
    pub(crate) phones: Vec<Phone>,
    pub(crate) payloads: Vec<(Digest, DateTime<Utc>)>,
}

impl OneTime {
    pub(super) fn store_code(&mut self, phone: &Phone, code: &Code, now: DateTime<Utc>) {
        let kept =
            Kept { code: code.clone(), expires_at: now + lifetime::CODE, attempts: 0, elsewhere: false };
        self.codes.insert(phone.clone(), kept);
    }

    pub(super) fn purge(&mut self, now: DateTime<Utc>) {
        self.codes.retain(|_, kept| kept.expires_at > now);
        let is_usable = |usable_until: &DateTime<Utc>| *usable_until + Duration::from_secs(3600) > now;
        self.payloads.retain(|_, usable_until| is_usable(usable_until));
        self.unsaved.retain(|_, usable_until| is_usable(usable_until));
        self.spent.retain(|_, good_until| *good_until > now);
    }

    fn use_code(&mut self, phone: &Phone, code: &Code, now: DateTime<Utc>) -> bool {
        let Some(kept) = self.codes.get_mut(phone) else { return false };
        if kept.attempts >= ATTEMPTS || kept.expires_at <= now {
            return false;
        }
        kept.attempts += 1;
        let (is_right, good_until) = (kept.code == *code, kept.expires_at);
        if is_right {
            self.codes.remove(phone);
            self.spent.insert(phone.clone(), good_until);
        }
        is_right
    }

    fn use_payload(&mut self, payload: &SignedPayload, now: DateTime<Utc>) -> bool {
        let Some(signed_at) = DateTime::from_timestamp(payload.signed_at, 0) else { return false };
        let usable_until = signed_at + payload.lifetime;
        if now < signed_at - payload.skew || now > usable_until {
            return false;
        }
        self.unsaved.entry(payload.digest).or_insert(usable_until);
        self.payloads.insert(payload.digest, usable_until).is_none()
    }

    /// Notes that Postgres has the code of a phone, too.
    pub(super) fn is_elsewhere(&mut self, phone: &Phone) {
        if let Some(kept) = self.codes.get_mut(phone) {
            kept.elsewhere = true;
        }
    }

    /// Whether a code is here that Postgres does not have.
    pub(super) fn is_only_here(&self, phone: &Phone) -> bool {
        self.codes.get(phone).is_some_and(|kept| !kept.elsewhere)
    }

    pub(super) fn used(&self) -> Used {
        Used {
            phones: self.spent.keys().cloned().collect(),
            payloads: self.unsaved.iter().map(|(digest, until)| (*digest, *until)).collect(),
        }
    }

    /// Notes that Postgres has been told.
    pub(super) fn saved(&mut self, used: &Used) {
        self.spent.retain(|phone, _| !used.phones.contains(phone));
        self.unsaved.retain(|digest, _| !used.payloads.iter().any(|(known, _)| known == digest));
    }

    /// Notes what was used elsewhere.
    pub(super) fn take_in(&mut self, used: Used) {
        self.codes.retain(|phone, _| !used.phones.contains(phone));
        self.payloads.extend(used.payloads);
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
        let owner = self.people().find(is_theirs).map(|known| known.user.clone());
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
            self.add(Credential { user: user.clone(), hashed_password: None });
            user
        }))
    }
}
