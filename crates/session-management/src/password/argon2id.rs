//! argon2id in memory that is used again, so that a hash neither asks the system for 19 MiB nor leaves them
//! to the allocator.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Bytes of a salt and of a hash.
const SALT: usize = 16;
const LENGTH: usize = 32;

/// Memory in KiB that the parameters of a stored hash may ask for at most. Ours are far below it; a row that
/// asks for more was not written by us and is not worth the memory.
const MOST_MEMORY_KIB: u32 = 256 * 1024;

/// The memory of one thread that hashes.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

/// Hashes a password under a new salt; the result is a string in PHC form.
pub(super) fn hash(params: &Params, password: &[u8], memory: &mut Memory) -> Result<String, String> {
    let mut salt = [0_u8; SALT];
    getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
    let salt = Salt::new(&salt).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let output = compute(&argon2, password, &salt, LENGTH, memory).ok_or("argon2 failed")?;
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|error| error.to_string())?,
        salt: Some(salt),
        hash: Some(output),
    };
    Ok(phc.to_string())
}

/// A stored hash that can be read, and whose parameters are within reason.
pub(super) struct Stored {
    algorithm: Algorithm,
    argon2: Argon2<'static>,
    salt: Salt,
    output: Output,
}

impl Stored {
    /// Reads a PHC string; `None` when it is none of argon2.
    pub(super) fn parse(phc: &str) -> Option<Self> {
        let parsed = PasswordHash::new(phc).ok()?;
        let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).ok()?;
        let version = parsed.version.map_or(Ok(Version::V0x13), Version::try_from).ok()?;
        let params = Params::try_from(&parsed).ok().filter(|params| params.m_cost() <= MOST_MEMORY_KIB)?;
        let argon2 = Argon2::new(algorithm, version, params);
        Some(Self { algorithm, argon2, salt: parsed.salt?, output: parsed.hash? })
    }

    /// Whether this is the password, compared in constant time.
    pub(super) fn is_of(&self, password: &[u8], memory: &mut Memory) -> bool {
        let length = self.output.len();
        // Outputs compare in constant time.
        compute(&self.argon2, password, &self.salt, length, memory)
            .is_some_and(|output| output == self.output)
    }

    /// Whether it was made under weaker parameters than these, or by another algorithm.
    pub(super) fn is_weaker_than(&self, today: &Params) -> bool {
        let stored = self.argon2.params();
        self.algorithm != Algorithm::Argon2id
            || stored.m_cost() < today.m_cost()
            || stored.t_cost() < today.t_cost()
    }
}

fn compute(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &Salt,
    length: usize,
    memory: &mut Memory,
) -> Option<Output> {
    let blocks = argon2.params().block_count();
    if memory.0.len() < blocks {
        memory.0.resize(blocks, Block::default());
    }
    let mut output = [0_u8; Output::MAX_LENGTH];
    let output = output.get_mut(..length)?;
    argon2.hash_password_into_with_memory(password, salt, output, &mut memory.0[..blocks]).ok()?;
    Output::new(output).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};

    use super::*;

    #[test]
    fn of_any_stored_text_a_hash_asks_for_reasonable_memory_alone() {
        const EXAMPLES: &[&str] = &[
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
            "$argon2i$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$m=4294967295,t=4294967295,p=255$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$2b$12$abcdefghijklmnopqrstuu",
        ];
        for_all("stored password", any_or_almost(EXAMPLES), |text| {
            let Some(stored) = Stored::parse(&text) else { return Ok(()) };
            prop_assert!(text.starts_with("$argon2"));
            prop_assert!(stored.argon2.params().m_cost() <= MOST_MEMORY_KIB);
            prop_assert!(stored.output.len() <= Output::MAX_LENGTH);
            Ok(())
        });
    }
}
