//! The stream of denials: what Postgres tells, at commit, to those who remember a yes.
//!
//! One dedicated connection, always outside a transaction, straight to the primary. The task that reads its
//! socket hands each denial to the sink before it reads on, so that an answer which comes after a denial on
//! the socket is seen after it here, too.

mod probe;

use std::convert::Infallible;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_postgres::{AsyncMessage, Client, Connection, SimpleQueryMessage, SimpleQueryRow, Socket};

use crate::connect::connect;
use crate::failpoint;
use crate::id::{SessionId, UserId};
use crate::pool::Incarnation;
use crate::presence::Presence;
use crate::server::{self, Faults, Server};
use crate::{Database, DatabaseError};
use probe::{Heard, probe, probes};

/// How often a beat is sent.
const BEAT: Duration = Duration::from_millis(100);

/// How long the answer to a beat, or to anything else here, may take.
const PATIENCE: Duration = Duration::from_secs(1);

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
    /// Both servers have said what they are, before anything is believed.
    Examined(Faults),
    /// The stream begins: what was read after `clock` is covered by it.
    Started {
        /// Postgres' clock, read after `LISTEN` had been answered.
        clock: DateTime<Utc>,
        /// The server at the other end.
        incarnation: Incarnation,
    },
    /// A denial.
    Denied(Denial),
    /// Somebody has set the migration strategy.
    StrategySet,
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
    /// Something in the URL that the listening connection does not know.
    #[error("DATABASE_LISTEN_URL (or DATABASE_URL) has {0}, which is not known")]
    Url(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The servers are not what they must be.
    #[error("{0}")]
    Unfit(Faults),
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

/// Where events go. Breaking off ends the stream, with the reason for it.
pub type Sink<'a> = &'a (dyn Fn(Event) -> ControlFlow<StreamError> + Send + Sync);

/// Follows the stream until it ends. It always ends with an error; whoever remembers a yes stops believing
/// it then, and starts a new stream. `presence` is what this process says of itself meanwhile.
pub async fn follow(url: &str, pool: &Database, presence: Presence, sink: Sink<'_>) -> StreamError {
    match follow_until_error(url, pool, presence, sink).await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn follow_until_error(
    url: &str,
    pool: &Database,
    presence: Presence,
    sink: Sink<'_>,
) -> Result<Infallible, StreamError> {
    let (client, mut connection) = connect(url, PATIENCE).await?;
    let heard = Heard::default();
    let reading = poll_fn(|context| read(&mut connection, context, sink, &heard));
    let talking = talk(url, &client, pool, presence, sink, &heard);
    let (mut reading, mut talking) = (pin!(reading), pin!(talking));
    // Reading comes first, at every wake-up: all that is on the socket is applied before an answer is seen.
    tokio::select! {
        biased;
        error = &mut reading => Err(error),
        ended = &mut talking => ended,
    }
}

/// What the server that denials come from says of itself, on a connection of its own.
///
/// # Errors
/// When it cannot be asked.
pub async fn server(url: &str) -> Result<Server, StreamError> {
    let (client, connection) = connect(url, PATIENCE).await?;
    // Closed in order, so that it leaves no line in the server's log.
    let asked = async {
        let told = told(&client).await;
        drop(client);
        told
    };
    let (told, _) = tokio::join!(asked, connection);
    told
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
                // Another task would apply it some time after it has read on.
                None if told.payload() == "strategy" => {
                    if let ControlFlow::Break(reason) = sink(Event::StrategySet) {
                        return Poll::Ready(reason);
                    }
                }
                None if failpoint!("guard::socket_order") => {}
                None => {
                    if let ControlFlow::Break(reason) = sink(Event::Denied(parse(told.payload()))) {
                        return Poll::Ready(reason);
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
    #[cfg_attr(not(feature = "failpoints"), expect(unused_variables, reason = "only a test goes elsewhere"))]
    url: &str,
    client: &Client,
    pool: &Database,
    presence: Presence,
    sink: Sink<'_>,
    heard: &Heard,
) -> Result<Infallible, StreamError> {
    let greeting = format!("SET idle_in_transaction_session_timeout = 1000; {}", presence.mark());
    in_time(client.batch_execute(&greeting)).await?;
    let early = if failpoint!("guard::start_after_listen") { Some(beat(client).await?) } else { None };
    failpoint!(wait "stream::before_listen");
    // Alone: in one string with another statement it would take effect after that one.
    in_time(client.batch_execute(&format!("LISTEN {CHANNEL}"))).await?;
    let start = beat(client).await?;
    let start = early.unwrap_or(start);
    let (here, there) = (told(client).await?, pool.server().await?);
    tell(sink, Event::Examined(Faults::of(&there, Some(&here))))?;
    let incarnation = here.incarnation().ok_or(StreamError::Malformed)?;
    tell(sink, Event::Started { clock: start.clock, incarnation })?;
    let lag = probe(client, pool, heard).await?;
    tell(sink, Event::Probed { lag })?;
    #[cfg(feature = "failpoints")]
    if failpoint!("guard::beat_on_same_connection") {
        return elsewhere(url, sink).await;
    }
    // Beside each other: a pool that is busy or cut off must not hold the beats up.
    tokio::select! {
        ended = beats(client, start.backend, sink) => ended,
        ended = probes(client, pool, sink, heard) => ended,
    }
}

async fn beats(client: &Client, backend: i64, sink: Sink<'_>) -> Result<Infallible, StreamError> {
    let mut last_beat = tokio::time::interval(BEAT);
    last_beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        last_beat.tick().await;
        tell(sink, Event::BeatSent)?;
        let answer = beat(client).await?;
        if answer.backend != backend && !failpoint!("guard::same_backend") {
            return Err(StreamError::OtherBackend);
        }
        tell(sink, Event::BeatAnswered { clock: answer.clock })?;
    }
}

/// Sends the beats over another connection than the one that listens.
#[cfg(feature = "failpoints")]
async fn elsewhere(url: &str, sink: Sink<'_>) -> Result<Infallible, StreamError> {
    let (client, connection) = connect(url, PATIENCE).await?;
    let backend = async { beats(&client, beat(&client).await?.backend, sink).await };
    tokio::select! {
        ended = backend => ended,
        ended = connection => Err(ended.err().map_or(StreamError::Silent, StreamError::Connection)),
    }
}

fn tell(sink: Sink<'_>, event: Event) -> Result<(), StreamError> {
    match sink(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(reason) => Err(reason),
    }
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

async fn told(client: &Client) -> Result<Server, StreamError> {
    let row = row(client, server::ASK).await?;
    row.get(0).and_then(Server::read).ok_or(StreamError::Malformed)
}

/// The two whole numbers of a statement's one row.
async fn numbers(client: &Client, statement: &str) -> Result<[i64; 2], StreamError> {
    let row = row(client, statement).await?;
    let number = |column| row.get(column)?.parse().ok();
    match (number(0), number(1)) {
        (Some(first), Some(second)) => Ok([first, second]),
        _ => Err(StreamError::Malformed),
    }
}

/// A statement's one row, in one round trip to `ReadyForQuery`.
async fn row(client: &Client, statement: &str) -> Result<SimpleQueryRow, StreamError> {
    let messages = in_time(client.simple_query(statement)).await?;
    let row = messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    row.ok_or(StreamError::Malformed)
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, StreamError> {
    let patience = if failpoint!("stream::patience") { Duration::MAX } else { PATIENCE };
    Ok(tokio::time::timeout(patience, answer).await.map_err(|_| StreamError::Silent)??)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_support::{any_or_almost, for_all};
    use uuid::Uuid;

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

    #[test]
    fn a_denial_names_exactly_what_was_written_and_anything_else_denies_everything_c4() {
        let of_session = "[A-Za-z0-9_-]{43}".prop_map(|id| (format!("s:{id}"), id));
        for_all("denial of a session", of_session, |(payload, id)| {
            prop_assert_eq!(parse(&payload), Denial::Session(SessionId::parse(&id).unwrap()));
            Ok(())
        });
        for_all("denial of a person", (any::<u128>(), any::<i64>()), |(id, version)| {
            let id = Uuid::from_u128(id);
            prop_assert_eq!(parse(&format!("u:{id}:{version}")), Denial::User { id: UserId(id), version });
            Ok(())
        });
        const EXAMPLES: &[&str] = &[
            "s:vvV-x_U6bUC-tkCngKY5yDvCmsipgW8fxsXG3Nk8RyE",
            "u:6a2f41a3-c54c-fce8-32d2-0324e1c32e22:7",
            "all",
        ];
        for_all("denial", any_or_almost(EXAMPLES), |payload| {
            match parse(&payload) {
                Denial::Session(id) => prop_assert_eq!(payload, format!("s:{id}")),
                Denial::User { id, version } => {
                    let (_, rest) = payload.split_once(':').unwrap();
                    let (named, counted) = rest.split_once(':').unwrap();
                    prop_assert_eq!((named.parse().ok(), counted.parse().ok()), (Some(id.0), Some(version)));
                }
                Denial::All => {}
            }
            Ok(())
        });
    }
}
