//! A way to a server on which messages are late, held, cut or lost, whatever the protocol.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;

/// What becomes of what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It goes through.
    Open,
    /// It goes through later, in either direction.
    Late(Duration),
    /// It waits until the passage is another one.
    Held,
    /// The server gets every request and does what it says; nobody hears of it.
    AnswersLost,
    /// Of the next answer so many bytes go through, then the connection ends.
    AnswersCut(usize),
    /// Whoever comes is turned away, and whoever is there is thrown out.
    Closed,
}

/// Stands in front of a Postgres or a Redis. It goes on until the process ends.
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    passage: Passage,
    connections: Vec<Connection>,
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// Something that was said on it is gone, so that what follows would be taken for it.
    torn: bool,
}

impl FaultProxy {
    /// In front of the server of this URL, open.
    #[must_use]
    pub fn start(url: &str) -> Self {
        let url = Url::parse(url).expect("a URL");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("the port").port();
        let usual = if url.scheme().starts_with("redis") { 6379 } else { 5432 };
        let server = format!("{}:{}", url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(usual));
        let state = Mutex::new(State { passage: Passage::Open, connections: Vec::new() });
        let shared = Arc::new(Shared { server, state, changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|client| accepting.connect(client));
        });
        Self { port, shared }
    }

    /// The same by this way; of a Postgres without TLS, whose first words nobody could tell from others.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).expect("a URL");
        url.set_port(Some(self.port)).expect("a URL with a host");
        if url.scheme().starts_with("postgres") {
            url.set_query(Some("sslmode=disable&gssencmode=disable"));
        }
        url.into()
    }

    /// Makes the passage another one. Connections on which something was lost end when it opens.
    pub fn set(&self, passage: Passage) {
        let mut state = self.shared.state();
        state.passage = passage;
        for connection in &state.connections {
            if connection.torn || passage == Passage::Closed {
                connection.end();
            }
        }
        if matches!(passage, Passage::Open | Passage::Closed) {
            state.connections.iter_mut().for_each(|connection| connection.torn = false);
        }
        self.shared.changed.notify_all();
    }

    /// Ends every connection; new ones may be made.
    pub fn cut(&self) {
        self.shared.state().connections.iter().for_each(Connection::end);
    }
}

impl Connection {
    fn end(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        let mut state = self.state();
        if state.passage == Passage::Closed {
            return;
        }
        let Ok(server) = TcpStream::connect(&self.server) else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let clones = (client.try_clone(), server.try_clone(), client.try_clone(), server.try_clone());
        let (Ok(from_client), Ok(to_server), Ok(to_client), Ok(from_server)) = clones else { return };
        let at = state.connections.len();
        state.connections.push(Connection { client, server, torn: false });
        drop(state);
        let (up, down) = (Arc::clone(self), Arc::clone(self));
        std::thread::spawn(move || up.carry_up(at, from_client, to_server));
        std::thread::spawn(move || down.carry_down(at, from_server, to_client));
    }

    /// The passage once it is no longer held.
    fn passage(&self) -> Passage {
        let mut state = self.state();
        while state.passage == Passage::Held {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.passage
    }

    fn carry_up(&self, at: usize, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            if let Passage::Late(by) = self.passage() {
                std::thread::sleep(by);
            }
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        self.state().connections[at].end();
    }

    fn carry_down(&self, at: usize, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            let said = match self.passage() {
                Passage::Open | Passage::Held => &bytes[..length],
                Passage::Late(by) => {
                    std::thread::sleep(by);
                    &bytes[..length]
                }
                Passage::AnswersLost => {
                    self.state().connections[at].torn = true;
                    continue;
                }
                Passage::AnswersCut(after) => {
                    let _ = to.write_all(&bytes[..length.min(after)]);
                    break;
                }
                Passage::Closed => break,
            };
            // What follows something that was lost would be taken for its answer.
            if self.state().connections[at].torn || to.write_all(said).is_err() {
                break;
            }
        }
        self.state().connections[at].end();
    }
}
