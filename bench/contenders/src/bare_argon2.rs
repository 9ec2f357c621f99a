//! How many passwords this machine can hash in a second, with the product's parameters, in memory that is used again.

use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::Outcome;

const PASSWORD: &[u8] = b"correct horse battery";
const SALT: &[u8] = b"sixteen bytes it";

pub(crate) fn measure(seconds: f64) -> Outcome {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| error.to_string())?;
    let cores = thread::available_parallelism()?.get();
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(seconds);
    let hashed: u32 = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(|| hash_until(end, &params))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    });
    println!("{:.2}", f64::from(hashed) / started.elapsed().as_secs_f64());
    Ok(())
}

fn hash_until(end: Instant, params: &Params) -> u32 {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut memory = vec![Block::default(); params.block_count()];
    let mut output = [0; 32];
    let mut hashed = 0;
    while Instant::now() < end {
        let done = argon2.hash_password_into_with_memory(PASSWORD, SALT, &mut output, &mut memory);
        hashed += u32::from(done.is_ok());
    }
    hashed
}
