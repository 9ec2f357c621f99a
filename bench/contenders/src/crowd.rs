//! Very many people at once: asks `GET /api/me` with one session after another, or logs one person in after another,
//! and tells how long that took.
//!
//! Session `n` has the token that [`token`] makes and person `n` the address that [`email`] makes, as
//! `scripts/bench scale` writes them to Postgres.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use crate::Outcome;
use crate::drive::whole_length;

const PASSWORD: &str = "correct horse battery";

/// Two that follow each other are far apart in Postgres. It shares no factor with a power of ten.
const STRIDE: u64 = 618_033;

#[derive(Debug, Args)]
pub(crate) struct Crowd {
    address: SocketAddr,
    /// How many there are.
    #[arg(long)]
    of: u64,
    /// The turn to begin with; a turn always means the same session or person.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Requests in all.
    #[arg(long, default_value_t = u64::MAX)]
    count: u64,
    /// Requests only for as long as this process runs.
    #[arg(long = "while")]
    while_pid: Option<u32>,
    /// Requests a second, however long the answers take; without it each connection asks as fast as it is answered.
    #[arg(long)]
    rate: Option<f64>,
    #[arg(long, default_value_t = 16)]
    connections: u64,
    /// Logs people in instead.
    #[arg(long)]
    log_in: bool,
}

/// How often a request is sent again after 503, and how long after.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// What a connection has seen.
#[derive(Debug, Default)]
struct Seen {
    latencies: Vec<Duration>,
    /// Answers of 503; the request was sent again then.
    unavailable: u32,
}

/// Prints: requests, requests a second, of their latencies in ms the median, the 99th percentile and the worst, and how
/// often the answer was 503.
pub(crate) fn ask(crowd: &Crowd) -> Outcome {
    let started = Instant::now();
    let asked: Outcome<Vec<Seen>> = thread::scope(|scope| {
        let one = |connection| scope.spawn(move || crowd.ask_on(connection, started));
        let connections: Vec<_> = (0..crowd.connections).map(one).collect();
        connections.into_iter().map(|thread| thread.join().map_err(|_| "a connection panicked")?).collect()
    });
    let took = started.elapsed().as_secs_f64();
    let asked = asked?;
    let unavailable: u32 = asked.iter().map(|seen| seen.unavailable).sum();
    let mut latencies: Vec<Duration> = asked.into_iter().flat_map(|seen| seen.latencies).collect();
    latencies.sort_unstable();
    let at = |share: f64| {
        let rank = (share * latencies.len().saturating_sub(1) as f64).round() as usize;
        latencies.get(rank).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    };
    let rate = latencies.len() as f64 / took;
    let (middle, high, worst) = (at(0.5), at(0.99), at(1.0));
    println!("{} {rate:.1} {middle:.2} {high:.2} {worst:.2} {unavailable}", latencies.len());
    Ok(())
}

impl Crowd {
    /// Every so manieth request of all, on one connection.
    fn ask_on(&self, connection: u64, started: Instant) -> Outcome<Seen> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let (mut seen, mut answer) = (Seen::default(), Vec::new());
        for turn in (connection..self.count).step_by(usize::try_from(self.connections)?) {
            if self.while_pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
                break;
            }
            // Counted from when it was due: who waits behind a slow answer waits too.
            let due = match self.rate {
                Some(rate) => started + Duration::from_secs_f64(turn as f64 / rate),
                None => Instant::now(),
            };
            // The rate that was asked for is this pause.
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let request = self.request((self.first + turn).wrapping_mul(STRIDE) % self.of);
            let mut tries = 0;
            while !exchange(&mut stream, &request, &mut answer)? {
                tries += 1;
                if tries > TRIES {
                    return Err(String::from_utf8_lossy(&answer).into());
                }
                thread::sleep(PAUSE);
            }
            seen.latencies.push(due.elapsed());
            seen.unavailable += tries;
        }
        Ok(seen)
    }

    fn request(&self, number: u64) -> String {
        if !self.log_in {
            let token = token(number);
            return format!(
                "GET /api/me HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-sessionId={token}\r\n\r\n"
            );
        }
        let body = format!(r#"{{"email":"{}","password":"{PASSWORD}"}}"#, email(number));
        let [a, b, c] = [number >> 16, number >> 8, number].map(|part| part & 0xff);
        format!(
            "POST /api/login HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.{a}.{b}.{c}\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

fn token(number: u64) -> String {
    format!("scale-{number:037}")
}

fn email(number: u64) -> String {
    format!("person{number}@example.com")
}

/// Whether the answer is 200; it may be 503, and nothing else.
fn exchange(stream: &mut TcpStream, request: &str, answer: &mut Vec<u8>) -> Outcome<bool> {
    stream.write_all(request.as_bytes())?;
    answer.clear();
    let mut chunk = [0; 4096];
    while whole_length(answer).is_none_or(|whole| answer.len() < whole) {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..read]);
    }
    match answer.get(..13) {
        Some(b"HTTP/1.1 200 ") => Ok(true),
        Some(b"HTTP/1.1 503 ") => Ok(false),
        _ => Err(String::from_utf8_lossy(answer).into()),
    }
}
