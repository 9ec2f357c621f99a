//! The older software's keys in Redis, counted by SCAN, on every master of a cluster: nobody waits for it, and it is
//! never all at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use constants::ApplicationContext;
use constants::redis::{SESSION_PREFIX, prefix};
use deadpool_redis::redis::cmd;

use super::facts::Lacking;
use crate::redis_link::{Part, RedisLink, RedisUnavailable};

/// Keys that one command looks at: some tenths of a millisecond of Redis' time.
const STEP: u64 = 1_000;

/// How often a command that fails is tried again, when there is time.
const TRIES: u32 = 20;

/// How long after it: longer than Redis is left alone after a row of failures.
const PAUSE: Duration = Duration::from_millis(600);

/// Is told how many keys have been looked at, and how many there are.
pub type ScanProgress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// Keys of the older software.
    pub(super) found: u64,
    /// Keys that were looked at, about.
    pub(super) seen: u64,
    /// All keys.
    pub(super) total: u64,
    /// Why it is not complete.
    pub(super) lacking: Option<Lacking>,
}

impl Keys {
    pub(super) const fn unknown(reason: Lacking) -> Self {
        Self { found: 0, seen: 0, total: 0, lacking: Some(reason) }
    }
}

/// Looks through all of Redis.
pub(super) async fn count(link: &RedisLink, progress: ScanProgress<'_>) -> Keys {
    let scan = Scan::default();
    let outcome = scan.run(link, TRIES, progress).await;
    scan.keys(outcome.err().map(failed))
}

/// Looks through as much of Redis as there is time for.
pub(super) async fn count_within(link: &RedisLink, budget: Duration) -> Keys {
    let scan = Scan::default();
    let lacking = match tokio::time::timeout(budget, scan.run(link, 1, &|_, _| {})).await {
        Ok(outcome) => outcome.err().map(failed),
        Err(_) => Some(Lacking::Time(budget)),
    };
    scan.keys(lacking)
}

/// How far it has come, also when it is cut off.
#[derive(Default)]
struct Scan {
    found: AtomicU64,
    seen: AtomicU64,
    total: AtomicU64,
}

impl Scan {
    async fn run(
        &self,
        link: &RedisLink,
        tries: u32,
        progress: ScanProgress<'_>,
    ) -> Result<(), RedisUnavailable> {
        let parts = patiently(tries, || link.parts()).await?;
        let mut total = 0_u64;
        let size = cmd("DBSIZE");
        for part in &parts {
            let keys: u64 = patiently(tries, || link.command_to(part, &size)).await?;
            total = total.saturating_add(keys);
        }
        self.total.store(total, Ordering::Relaxed);
        for part in &parts {
            self.run_part(link, part, tries, progress).await?;
        }
        // A cursor means something to the server that gave it alone, and a key may have gone where it was not
        // looked for any more.
        if patiently(tries, || link.parts()).await? == parts {
            return Ok(());
        }
        Err(RedisUnavailable("keys of the cluster moved to another master meanwhile; ask again".into()))
    }

    async fn run_part(
        &self,
        link: &RedisLink,
        part: &Part,
        tries: u32,
        progress: ScanProgress<'_>,
    ) -> Result<(), RedisUnavailable> {
        let total = self.total.load(Ordering::Relaxed);
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{SESSION_PREFIX}*")).arg("COUNT").arg(STEP);
            let (next, keys): (u64, Vec<Vec<u8>>) = patiently(tries, || link.command_to(part, &scan)).await?;
            let found = keys.iter().filter(|key| is_legacy(key)).count();
            self.found.fetch_add(found as u64, Ordering::Relaxed);
            let seen = self.seen.load(Ordering::Relaxed).saturating_add(STEP).min(total);
            self.seen.store(seen, Ordering::Relaxed);
            progress(seen, total);
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    fn keys(&self, lacking: Option<Lacking>) -> Keys {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Keys { found: read(&self.found), seen: read(&self.seen), total: read(&self.total), lacking }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error")]
fn failed(error: RedisUnavailable) -> Lacking {
    Lacking::Error(error.to_string())
}

/// A key without a context behind the prefix.
fn is_legacy(key: &[u8]) -> bool {
    key.starts_with(SESSION_PREFIX.as_bytes())
        && !ApplicationContext::ALL.iter().any(|context| key.starts_with(prefix(*context).as_bytes()))
}

async fn patiently<T, F>(tries: u32, ask: impl Fn() -> F) -> Result<T, RedisUnavailable>
where
    F: Future<Output = Result<T, RedisUnavailable>>,
{
    for _ in 1..tries {
        if let Ok(answer) = ask().await {
            return Ok(answer);
        }
        tokio::time::sleep(PAUSE).await;
    }
    ask().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_without_a_context_is_the_older_softwares_a13() {
        for key in ["session:abcdef", "session:", "session:webx", "session:other:x"] {
            assert!(is_legacy(key.as_bytes()), "{key}");
        }
        for key in ["session:web:abc", "session:admin:abc", "sessions", "limit:session:a"] {
            assert!(!is_legacy(key.as_bytes()), "{key}");
        }
    }
}
