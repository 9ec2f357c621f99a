//! Passwords: argon2id, bounded in length and in how many are hashed at once.

mod argon2id;
mod threads;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::Params;
use argon2id::{Memory, Stored};
use identity_db::HashedPassword;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::error::SessionError;
use threads::Threads;

/// Memory of one hash in KiB, passes over it, and lanes (OWASP's first choice for argon2id).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How long a login waits for its turn to be hashed before it is told to come back.
pub(crate) const QUEUE_BUDGET: Duration = Duration::from_secs(10);

/// A password as a person typed it. It prints nothing and is wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer code points than a new password must have.
    #[error("fewer than 8 characters")]
    TooShort,
    /// More code points than are hashed.
    #[error("more than 256 characters")]
    TooLong,
}

impl Password {
    /// Code points that a new password must have.
    pub const MIN: usize = 8;
    /// Code points that any password may have. Longer ones are refused before they are hashed.
    pub const MAX: usize = 256;

    /// A password to be set.
    ///
    /// # Errors
    /// When it is too short or too long.
    pub fn new(text: String) -> Result<Self, PasswordError> {
        if text.chars().take(Self::MIN).count() < Self::MIN {
            return Err(PasswordError::TooShort);
        }
        Self::claimed(text)
    }

    /// A password to be compared. A short one is merely wrong.
    ///
    /// # Errors
    /// When it is too long to be hashed.
    pub fn claimed(text: String) -> Result<Self, PasswordError> {
        let text = Zeroizing::new(text);
        // Bytes first: nobody counts the characters of a megabyte.
        if text.len() > 4 * Self::MAX || text.chars().count() > Self::MAX {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(text))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The outcome of a comparison.
#[derive(Debug)]
pub enum Verdict {
    /// Not the password, or there is none.
    Wrong,
    /// The password; with the hash under today's parameters where the stored one is weaker.
    Right { rehashed: Option<HashedPassword> },
}

/// Hashes and compares, at most as many at once as there are cores, on threads of its own: each takes 19 MiB.
#[derive(Clone)]
pub struct PasswordHasher {
    permits: Arc<Semaphore>,
    threads: Threads,
    params: Params,
    /// Compared where there is no account or no password, so that the answer takes as long.
    dummy: Arc<HashedPassword>,
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("permits", &self.permits.available_permits())
            .finish_non_exhaustive()
    }
}

/// The right to hash one password now.
#[derive(Debug)]
pub struct Turn(OwnedSemaphorePermit);

impl PasswordHasher {
    /// A hasher that uses all cores.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new() -> Result<Self, SessionError> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| internal(&error))?;
        let mut nobody_knows = Zeroizing::new([0_u8; 32]);
        getrandom::fill(nobody_knows.as_mut()).map_err(|error| internal(&error))?;
        let dummy = Arc::new(hash_with(&params, nobody_knows.as_ref(), &mut Memory::default())?);
        let threads = Threads::start(cores).map_err(|error| internal(&error))?;
        Ok(Self { permits: Arc::new(Semaphore::new(cores)), threads, params, dummy })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`SessionError::Unavailable`] when too many wait.
    pub async fn turn(&self) -> Result<Turn, SessionError> {
        tokio::time::timeout(QUEUE_BUDGET, Arc::clone(&self.permits).acquire_owned())
            .await
            .ok()
            .and_then(Result::ok)
            .map(Turn)
            .ok_or_else(|| SessionError::Unavailable("too many logins at once".into()))
    }

    /// Hashes a password that is to be set.
    ///
    /// # Errors
    /// When too many wait.
    pub async fn hash(&self, password: Password) -> Result<HashedPassword, SessionError> {
        let turn = self.turn().await?;
        let params = self.params.clone();
        self.in_turn(turn, move |memory| hash_with(&params, password.0.as_bytes(), memory)).await?
    }

    /// Compares a password with the stored hash; without one it takes as long and says wrong.
    ///
    /// # Errors
    /// When the thread dies.
    pub async fn verify(
        &self,
        turn: Turn,
        password: Password,
        stored: Option<HashedPassword>,
    ) -> Result<Verdict, SessionError> {
        let this = self.clone();
        self.in_turn(turn, move |memory| this.verify_blocking(&password, stored.as_ref(), memory)).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, SessionError> {
        let done = self.threads.run(move |memory| {
            let _turn = turn.0;
            work(memory)
        });
        done.await.ok_or_else(|| internal(&"its thread panicked"))
    }

    fn verify_blocking(
        &self,
        password: &Password,
        stored: Option<&HashedPassword>,
        memory: &mut Memory,
    ) -> Verdict {
        let password = password.0.as_bytes();
        // A hash that cannot be read is as good as none, and is compared as slowly.
        let Some(stored) = stored.and_then(|hash| Stored::parse(hash.expose())) else {
            let dummy = Stored::parse(self.dummy.expose());
            let _ = dummy.map(|dummy| dummy.is_of(password, memory));
            return Verdict::Wrong;
        };
        if !stored.is_of(password, memory) {
            return Verdict::Wrong;
        }
        let is_weaker = stored.is_weaker_than(&self.params);
        Verdict::Right {
            rehashed: is_weaker.then(|| hash_with(&self.params, password, memory).ok()).flatten(),
        }
    }
}

fn hash_with(params: &Params, password: &[u8], memory: &mut Memory) -> Result<HashedPassword, SessionError> {
    argon2id::hash(params, password, memory).map(HashedPassword::new).map_err(|error| internal(&error))
}

fn internal(error: &dyn fmt::Display) -> SessionError {
    SessionError::Internal(format!("hashing a password: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash whose parameters ask for four GiB.
    const GREEDY: &str =
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    /// What the reference implementation makes of "password" and "somesalt".
    const KNOWN: &str =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[tokio::test]
    async fn a_hash_of_the_reference_implementation_is_understood() {
        let hasher = PasswordHasher::new().unwrap();
        for (text, right) in [("password", true), ("passwort", false), ("password", true)] {
            let turn = hasher.turn().await.unwrap();
            let stored = Some(HashedPassword::new(KNOWN.into()));
            let verdict = hasher.verify(turn, password(text), stored).await.unwrap();
            assert_eq!(matches!(verdict, Verdict::Right { .. }), right, "{text}");
        }
    }

    fn password(text: &str) -> Password {
        Password::new(text.into()).unwrap()
    }

    #[test]
    fn a_password_prints_nothing() {
        assert_eq!(format!("{:?}", password("correct horse")), "Password(…)");
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert_eq!(Password::new("ключключ".into()).err(), None);
        assert_eq!(Password::new("ключклю".into()).err(), Some(PasswordError::TooShort));
        assert_eq!(Password::new("ж".repeat(256)).err(), None);
        assert_eq!(Password::new("ж".repeat(257)).err(), Some(PasswordError::TooLong));
        assert_eq!(Password::claimed("x".repeat(1 << 20)).err(), Some(PasswordError::TooLong));
    }

    #[tokio::test]
    async fn every_character_counts() {
        let hasher = PasswordHasher::new().unwrap();
        let right = "a".repeat(100);
        let stored = hasher.hash(password(&right)).await.unwrap();
        assert!(stored.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        for wrong in
            [format!("{right} "), right[..99].to_owned(), format!("{}b", &right[..99]), right.to_uppercase()]
        {
            let turn = hasher.turn().await.unwrap();
            let verdict = hasher.verify(turn, password(&wrong), Some(stored.clone())).await.unwrap();
            assert!(matches!(verdict, Verdict::Wrong), "{wrong}");
        }
        let turn = hasher.turn().await.unwrap();
        let verdict = hasher.verify(turn, password(&right), Some(stored)).await.unwrap();
        assert!(matches!(verdict, Verdict::Right { rehashed: None }));
    }

    #[tokio::test]
    async fn a_weaker_hash_is_replaced_and_rubbish_is_wrong() {
        let hasher = PasswordHasher::new().unwrap();
        let weak = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weak = hash_with(&weak, b"correct horse", &mut Memory::default()).unwrap();
        let turn = hasher.turn().await.unwrap();
        let verdict = hasher.verify(turn, password("correct horse"), Some(weak)).await.unwrap();
        let Verdict::Right { rehashed: Some(hash) } = verdict else { panic!("{verdict:?}") };
        assert!(hash.expose().contains("m=19456,t=2"));
        for rubbish in ["", "$2b$12$not-ours", "\u{1f512}", "$argon2id$v=19$m=0,t=0,p=0$x$y", GREEDY] {
            let turn = hasher.turn().await.unwrap();
            let stored = Some(HashedPassword::new(rubbish.into()));
            let verdict = hasher.verify(turn, password("correct horse"), stored).await.unwrap();
            assert!(matches!(verdict, Verdict::Wrong), "{rubbish}");
        }
    }
}
