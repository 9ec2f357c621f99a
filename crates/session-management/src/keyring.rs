//! Working keys, derived from the installation's root keys.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use identity_db::{RootKey, failpoint};
use sha2::Sha256;

use crate::login::{Code, Phone};

/// What a derived key is for; a value signed for one purpose says nothing for another.
const CACHE_PURPOSE: &[u8] = b"session cache value, version 1";

/// What hashes codes before Postgres sees them. A million of them are tried in no time, so who can read the
/// table needs this key too.
const CODE_PURPOSE: &[u8] = b"code by SMS, version 1";

/// Signs what goes to Redis with the newest key and accepts what the last two have signed, so that who can
/// write to Redis can still let nobody in; and hashes one-time codes.
pub(crate) struct Keyring {
    cache: Vec<Hmac<Sha256>>,
    codes: Vec<Hmac<Sha256>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("keys", &self.cache.len()).finish()
    }
}

impl Keyring {
    /// Derives the keys; `None` when there is no root key, before the first `migrate run`.
    pub(crate) fn derive(roots: &[RootKey]) -> Option<Self> {
        Self::of(&roots.iter().map(RootKey::expose).collect::<Vec<_>>())
    }

    /// As [`Self::derive`], of the bytes of root keys.
    pub(crate) fn of(roots: &[&[u8]]) -> Option<Self> {
        let derive = |purpose| roots.iter().filter_map(|root| derived(root, purpose)).collect::<Vec<_>>();
        let (cache, codes) = (derive(CACHE_PURPOSE), derive(CODE_PURPOSE));
        (!cache.is_empty() && !codes.is_empty()).then_some(Self { cache, codes })
    }

    /// Signs a cache value that stands under `key`.
    pub(crate) fn sign(&self, key: &str, value: &[u8]) -> [u8; 32] {
        let newest = &self.cache[0];
        over(newest.clone(), key, value).finalize().into_bytes().into()
    }

    /// Whether one of the keys signed this value for this key; in constant time.
    pub(crate) fn verifies(&self, key: &str, value: &[u8], mac: &[u8]) -> bool {
        self.cache.iter().any(|secret| over(secret.clone(), key, value).verify_slice(mac).is_ok())
    }

    /// The hash of a code under each key, the newest, which is the one to keep, first.
    pub(crate) fn code_hashes(&self, phone: &Phone, code: &Code) -> Vec<[u8; 32]> {
        let hash = |secret: &Hmac<Sha256>| {
            over(secret.clone(), phone.as_str(), code.expose().as_bytes()).finalize().into_bytes().into()
        };
        self.codes.iter().map(hash).collect()
    }
}

/// The Redis key names context and digest, so a value cannot be copied to another session.
fn over(mut mac: Hmac<Sha256>, key: &str, value: &[u8]) -> Hmac<Sha256> {
    if !failpoint!("guard::mac_covers_key") {
        mac.update(&u64::try_from(key.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(key.as_bytes());
    }
    mac.update(value);
    mac
}

fn derived(root: &[u8], purpose: &[u8]) -> Option<Hmac<Sha256>> {
    let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
    Hkdf::<Sha256>::new(None, root).expand(purpose, bytes.as_mut()).ok()?;
    Hmac::new_from_slice(bytes.as_ref()).ok()
}
