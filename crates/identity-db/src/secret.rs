//! Secrets that Postgres keeps. They print nothing.

use std::fmt;

use zeroize::Zeroizing;

/// A password as Postgres keeps it: an argon2 string with its parameters and salt.
#[derive(Clone)]
pub struct HashedPassword(Zeroizing<String>);

impl HashedPassword {
    /// Wraps a hash in PHC form.
    #[must_use]
    pub fn new(phc: String) -> Self {
        Self(Zeroizing::new(phc))
    }

    /// The PHC string, for the one who verifies or stores it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HashedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPassword(…)")
    }
}

/// A root key of the installation: 32 random bytes from which working keys are derived.
#[derive(Clone)]
pub struct RootKey(Zeroizing<Vec<u8>>);

impl RootKey {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the one who derives keys from them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_and_a_root_key_print_nothing() {
        assert_eq!(format!("{:?}", HashedPassword::new("$argon2id$of-a-test".into())), "HashedPassword(…)");
        assert_eq!(format!("{:?}", RootKey::new(vec![171; 32])), "RootKey(…)");
    }
}
