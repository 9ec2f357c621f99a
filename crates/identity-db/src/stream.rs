//! The stream of denials: what Postgres tells, at commit, to those who remember a yes.
//!
//! One dedicated connection, always outside a transaction, straight to the primary. The task that reads its
//! socket hands each denial to the sink before it reads on, so that an answer which comes after a denial on
//! the socket is seen after it here, too.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, SimpleQueryMessage, Socket};

use crate::id::{SessionId, UserId};
use crate::pool::Incarnation;
use crate::{Database, DatabaseError};

/// How often a beat is sent.
const BEAT: Duration = Duration::from_millis(100);

/// How long the answer to a beat, or to anything else here, may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Beats between two probes: 10 s.
const BEATS_PER_PROBE: u32 = 100;

const CHANNEL: &str = "denials";

/// What is not to be believed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// A session ended, or ends earlier.
    Session(SessionId),
    /// Everything that was read of this person below this version.
    User {
        /// Who.
        id: UserId,
        /// The version that a look-up must have seen.
        version: i64,
    },
    /// Everything.
    All,
}

/// What happens on the stream, in the order of the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The stream begins: what was read after `clock` is covered by it.
    Started {
        /// Postgres' clock, read after `LISTEN` had been answered.
        clock: DateTime<Utc>,
        /// The server at the other end.
        incarnation: Incarnation,
    },
    /// A denial.
    Denied(Denial),
    /// What the pool notified has arrived.
    Probed {
        /// From the acknowledgement of its commit to its arrival: what a revocation would have taken.
        lag: Duration,
    },
    /// A beat is about to be sent.
    BeatSent,
    /// The beat that was sent last has been answered, and the stream is known to carry denials.
    BeatAnswered {
        /// Postgres' clock when it answered.
        clock: DateTime<Utc>,
    },
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Connection(#[from] tokio_postgres::Error),
    /// No answer in time.
    #[error("no answer within {PATIENCE:?}")]
    Silent,
    /// An answer that is none.
    #[error("an answer that is none")]
    Malformed,
    /// The answer came from another backend: something stands in between.
    #[error("another backend answers: a pooler stands between; set DATABASE_LISTEN_URL to go past it")]
    OtherBackend,
    /// What the pool notifies does not arrive.
    #[error(
        "what is notified through DATABASE_URL does not arrive: DATABASE_LISTEN_URL leads to another server or database, \
         or through a pooler in transaction mode"
    )]
    Deaf,
    /// The sink wants to begin anew.
    #[error("everything was denied")]
    Restarted,
    /// The pool could not be asked.
    #[error("{0}")]
    Pool(#[from] DatabaseError),
}

/// Where events go. Breaking off ends the stream.
pub type Sink<'a> = &'a (dyn Fn(Event) -> ControlFlow<()> + Send + Sync);

/// Follows the stream until it ends. It always ends with an error; whoever remembers a yes stops believing
/// it then, and starts a new stream.
pub async fn follow(url: &str, pool: &Database, sink: Sink<'_>) -> StreamError {
    match follow_until_error(url, pool, sink).await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn follow_until_error(
    url: &str,
    pool: &Database,
    sink: Sink<'_>,
) -> Result<std::convert::Infallible, StreamError> {
    let connecting = tokio::time::timeout(PATIENCE, tokio_postgres::connect(url, NoTls));
    let (client, mut connection) = connecting.await.map_err(|_| StreamError::Silent)??;
    let heard = Heard(Mutex::new((0, Instant::now())));
    let reading = poll_fn(|context| read(&mut connection, context, sink, &heard));
    let talking = talk(&client, pool, sink, &heard);
    let (mut reading, mut talking) = (pin!(reading), pin!(talking));
    // Reading comes first, at every wake-up: all that is on the socket is applied before an answer is seen.
    tokio::select! {
        biased;
        error = &mut reading => Err(error),
        ended = &mut talking => ended,
    }
}

/// The number of the last probe that was heard, and when.
struct Heard(Mutex<(u64, Instant)>);

impl Heard {
    fn note(&self, nonce: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (nonce, Instant::now());
    }

    /// When this one was heard, if it was.
    fn at(&self, nonce: u64) -> Option<Instant> {
        let (heard, at) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (heard == nonce).then_some(at)
    }
}

fn read<S>(
    connection: &mut Connection<Socket, S>,
    context: &mut Context<'_>,
    sink: Sink<'_>,
    heard: &Heard,
) -> Poll<StreamError>
where
    S: tokio_postgres::tls::TlsStream + Unpin,
{
    loop {
        match ready!(connection.poll_message(context)) {
            Some(Ok(AsyncMessage::Notification(told))) => match told.payload().strip_prefix("probe:") {
                Some(nonce) => heard.note(nonce.parse().unwrap_or_default()),
                None => {
                    if sink(Event::Denied(parse(told.payload()))).is_break() {
                        return Poll::Ready(StreamError::Restarted);
                    }
                }
            },
            Some(Ok(_)) => {}
            Some(Err(error)) => return Poll::Ready(error.into()),
            None => return Poll::Ready(StreamError::Silent),
        }
    }
}

/// What cannot be read denies everything: that costs a look-up, and believing too much would cost more.
fn parse(payload: &str) -> Denial {
    if let Some(id) = payload.strip_prefix("s:").and_then(SessionId::parse) {
        return Denial::Session(id);
    }
    let user = payload.strip_prefix("u:").and_then(|rest| rest.split_once(':'));
    if let Some((id, version)) = user
        && let (Ok(id), Ok(version)) = (id.parse(), version.parse())
    {
        return Denial::User { id: UserId(id), version };
    }
    Denial::All
}

async fn talk(
    client: &Client,
    pool: &Database,
    sink: Sink<'_>,
    heard: &Heard,
) -> Result<std::convert::Infallible, StreamError> {
    in_time(client.batch_execute("SET idle_in_transaction_session_timeout = 1000")).await?;
    // Alone: in one string with another statement it would take effect after that one.
    in_time(client.batch_execute(&format!("LISTEN {CHANNEL}"))).await?;
    let start = beat(client).await?;
    tell(sink, Event::Started { clock: start.clock, incarnation: incarnation(client).await? })?;
    let mut beats = 0_u32;
    let mut last_beat = tokio::time::interval(BEAT);
    last_beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        if beats.is_multiple_of(BEATS_PER_PROBE) {
            let lag = probe(client, pool, heard).await?;
            tell(sink, Event::Probed { lag })?;
        }
        beats = beats.wrapping_add(1);
        last_beat.tick().await;
        tell(sink, Event::BeatSent)?;
        let answer = beat(client).await?;
        if answer.backend != start.backend {
            return Err(StreamError::OtherBackend);
        }
        tell(sink, Event::BeatAnswered { clock: answer.clock })?;
    }
}

fn tell(sink: Sink<'_>, event: Event) -> Result<(), StreamError> {
    if sink(event).is_break() { Err(StreamError::Restarted) } else { Ok(()) }
}

/// Notifies through the pool and makes sure that it arrives here: a listener behind a pooler, on another
/// server or in another database hears nothing and gets no error.
async fn probe(client: &Client, pool: &Database, heard: &Heard) -> Result<Duration, StreamError> {
    let nonce = nonce();
    let payload = format!("probe:{nonce}");
    pool.run(move |conn| {
        diesel::sql_query("SELECT pg_notify($1, $2)")
            .bind::<Text, _>(CHANNEL)
            .bind::<Text, _>(payload)
            .execute(conn)
    })
    .await?;
    let acknowledged = Instant::now();
    beat(client).await?;
    let arrived = heard.at(nonce).ok_or(StreamError::Deaf)?;
    Ok(arrived.saturating_duration_since(acknowledged))
}

fn nonce() -> u64 {
    let mut bytes = [0_u8; 8];
    // A nonce that repeats makes a probe weaker and nothing else.
    let _ = getrandom::fill(&mut bytes);
    u64::from_be_bytes(bytes) | 1
}

struct Beat {
    clock: DateTime<Utc>,
    backend: i64,
}

async fn beat(client: &Client) -> Result<Beat, StreamError> {
    const ASK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, pg_backend_pid()";
    let [micros, backend] = numbers(client, ASK).await?;
    let clock = DateTime::from_timestamp_micros(micros).ok_or(StreamError::Malformed)?;
    Ok(Beat { clock, backend })
}

async fn incarnation(client: &Client) -> Result<Incarnation, StreamError> {
    let [system, timeline] = numbers(client, crate::pool::INCARNATION).await?;
    Ok(Incarnation { system, timeline })
}

/// The two whole numbers of a statement's one row, in one round trip to `ReadyForQuery`.
async fn numbers(client: &Client, statement: &str) -> Result<[i64; 2], StreamError> {
    let messages = in_time(client.simple_query(statement)).await?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let number = |column| row?.get(column)?.parse().ok();
    match (number(0), number(1)) {
        (Some(first), Some(second)) => Ok([first, second]),
        _ => Err(StreamError::Malformed),
    }
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StreamError> {
    Ok(tokio::time::timeout(PATIENCE, answer).await.map_err(|_| StreamError::Silent)??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_denies_everything() {
        let session = format!("s:{}", "a".repeat(43));
        assert!(matches!(parse(&session), Denial::Session(_)));
        let user = "u:6a2f41a3-c54c-fce8-32d2-0324e1c32e22:7";
        assert!(matches!(parse(user), Denial::User { version: 7, .. }));
        for other in ["all", "", "s:", "s:short", "u:x:1", "u:6a2f41a3-c54c-fce8-32d2-0324e1c32e22:", "?"] {
            assert_eq!(parse(other), Denial::All, "{other}");
        }
    }
}
