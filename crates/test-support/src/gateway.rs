//! A server that speaks just enough HTTP to be a gateway for SMS, and remembers what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What a gateway was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// `POST /path HTTP/1.1`.
    pub line: String,
    /// Every header; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Received {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A gateway that one test alone uses.
pub struct TestGateway {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    received: Vec<Received>,
    /// `None` hangs.
    answer: Option<(u16, String)>,
    ended: bool,
}

impl TestGateway {
    /// A gateway that answers with this status and body.
    #[must_use]
    pub fn answering(status: u16, body: &str) -> Self {
        Self::start(Some((status, body.to_owned())))
    }

    /// A gateway that takes every request and answers none.
    #[must_use]
    pub fn hanging() -> Self {
        Self::start(None)
    }

    fn start(answer: Option<(u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the port").port();
        let state = Arc::new(State::default());
        state.kept().answer = answer;
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.kept().ended {
                    break;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.serve(&stream));
            }
        });
        Self { port, state }
    }

    /// Its host and port.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it was sent until now.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.kept().received.clone()
    }

    /// Answers from now on, also those who wait.
    pub fn answer(&self, status: u16, body: &str) {
        self.state.kept().answer = Some((status, body.to_owned()));
        self.state.changed.notify_all();
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.state.kept().ended = true;
        self.state.changed.notify_all();
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl State {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: &TcpStream) {
        let Some(received) = read(stream) else { return };
        let mut kept = self.kept();
        kept.received.push(received);
        while kept.answer.is_none() && !kept.ended {
            kept = self.changed.wait(kept).unwrap_or_else(PoisonError::into_inner);
        }
        let Some((status, body)) = kept.answer.clone() else { return };
        drop(kept);
        let length = body.len();
        let _ = write!(
            stream,
            "HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    }
}

fn read(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<_> = lines.iter().skip(1).filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse());
    let mut body = vec![0; length.and_then(Result::ok).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Some(Received { line: lines.into_iter().next()?, headers, body })
}
