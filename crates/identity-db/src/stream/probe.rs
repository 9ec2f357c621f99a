//! The probe: a nonce that is notified through the pool must come back on the listening connection.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::Text;
use tokio_postgres::Client;

use super::{CHANNEL, Event, Sink, StreamError, beat, tell};
use crate::Database;
use crate::failpoint;

/// How long after a probe the next one follows.
const PROBE: Duration = Duration::from_secs(10);

/// How long after a probe that the pool could not send.
const PROBE_AGAIN: Duration = Duration::from_secs(1);

/// A pool that cannot send a probe says nothing about the stream, which has carried one before.
pub(super) async fn probes(
    client: &Client,
    pool: &Database,
    sink: Sink<'_>,
    heard: &Heard,
) -> Result<Infallible, StreamError> {
    let mut pause = PROBE;
    loop {
        tokio::time::sleep(if failpoint!("stream::probe_at_once") { Duration::ZERO } else { pause }).await;
        pause = match probe(client, pool, heard).await {
            Ok(lag) => {
                tell(sink, Event::Probed { lag })?;
                PROBE
            }
            Err(StreamError::Pool(error)) => {
                log::debug!("the stream of denials could not be probed: {error}");
                PROBE_AGAIN
            }
            Err(error) => return Err(error),
        };
    }
}

/// Notifies through the pool and makes sure that it arrives here: a listener behind a pooler, on another
/// server or in another database hears nothing and gets no error.
pub(super) async fn probe(client: &Client, pool: &Database, heard: &Heard) -> Result<Duration, StreamError> {
    if failpoint!("guard::probe") {
        return Ok(Duration::ZERO);
    }
    let nonce = nonce();
    let payload = format!("probe:{nonce}");
    heard.expect(nonce);
    pool.run(move |conn| {
        diesel::sql_query("SELECT pg_notify($1, $2)")
            .bind::<Text, _>(CHANNEL)
            .bind::<Text, _>(payload)
            .execute(conn)
    })
    .await?;
    let acknowledged = Instant::now();
    failpoint!(wait "stream::probed");
    beat(client).await?;
    let arrived = heard.at().ok_or(StreamError::Deaf)?;
    Ok(arrived.saturating_duration_since(acknowledged))
}

fn nonce() -> u64 {
    let mut bytes = [0_u8; 8];
    // A nonce that repeats makes a probe weaker and nothing else.
    let _ = getrandom::fill(&mut bytes);
    u64::from_be_bytes(bytes) | 1
}

/// The probe that is under way: other processes probe on the same channel.
#[derive(Default)]
pub(super) struct Heard(Mutex<(u64, Option<Instant>)>);

impl Heard {
    fn expect(&self, nonce: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (nonce, None);
    }

    pub(super) fn note(&self, nonce: u64) {
        let mut expected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if expected.0 == nonce {
            expected.1 = Some(Instant::now());
        }
    }

    /// When the probe was heard, if it was.
    fn at(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
