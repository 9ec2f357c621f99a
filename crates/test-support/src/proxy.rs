//! What may stand between a process and Postgres: it holds messages up, swallows them, or moves the clock.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;

use crate::eventually;

const SOON: Duration = Duration::from_secs(20);

/// A way to Postgres for connections without TLS. Only those that have said LISTEN are held up.
pub struct PostgresProxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    server: Mutex<String>,
}

#[derive(Default)]
struct State {
    connections: Vec<Connection>,
    refuses: bool,
    holds: bool,
    swallows_notifications: bool,
    /// What Postgres' clock is ahead of itself, in microseconds.
    ahead: i64,
    /// Answers that went through whole, on any connection.
    answers: u64,
    /// The next words of that client go to this other one's server, and so on from then.
    swap: Option<(usize, usize)>,
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// Whose server hears this client, and whose client hears this server.
    server_of: usize,
    client_of: usize,
    listens: bool,
    held: VecDeque<Message>,
}

/// A message of the server: its kind, then its length, then the rest.
type Message = Vec<u8>;

const READY_FOR_QUERY: u8 = b'Z';
const NOTIFICATION: u8 = b'A';
const ROW: u8 = b'D';

impl PostgresProxy {
    /// In front of the server of this URL.
    #[must_use]
    pub fn start(url: &str) -> Self {
        let url = Url::parse(url).expect("a URL");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("the port").port();
        let shared = Arc::new(Shared::default());
        let host = url.host_str().unwrap_or("127.0.0.1");
        *lock(&shared.server) = format!("{host}:{}", url.port().unwrap_or(5432));
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accepting.connect(client);
            }
        });
        Self { port, shared }
    }

    /// The same database by this way.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).expect("a URL");
        url.set_port(Some(self.port)).expect("a URL with a host");
        url.set_query(Some("sslmode=disable&gssencmode=disable"));
        url.into()
    }

    /// Lets nothing through that the server says, until [`PostgresProxy::resume`].
    pub fn hold(&self) {
        self.state().holds = true;
    }

    /// Lets everything through again, first what was held up, in its order.
    pub fn resume(&self) {
        let mut state = self.state();
        state.holds = false;
        while self.release_one(&mut state, |_| true) {}
    }

    /// Waits until a whole answer is held up.
    pub fn wait_for_a_held_answer(&self) {
        eventually("an answer is held up", SOON, || {
            let state = self.state();
            let whole = |message: &Message| message[0] == READY_FOR_QUERY;
            state.connections.iter().any(|connection| connection.held.iter().any(whole)).then_some(())
        });
    }

    /// Lets one whole answer through, and nothing that came after it.
    pub fn release_one_answer(&self) {
        let mut state = self.state();
        let before = state.answers;
        while state.answers == before && self.release_one(&mut state, |_| true) {}
    }

    /// Lets no notification through, and nobody know.
    pub fn swallow_notifications(&self) {
        self.state().swallows_notifications = true;
    }

    /// Cuts every connection, and lets nobody in until [`PostgresProxy::accept`].
    pub fn cut(&self) {
        let mut state = self.state();
        state.refuses = true;
        for connection in &mut state.connections {
            let _ = connection.client.shutdown(Shutdown::Both);
            let _ = connection.server.shutdown(Shutdown::Both);
            connection.listens = false;
            connection.held.clear();
        }
    }

    /// Lets people in again.
    pub fn accept(&self) {
        self.state().refuses = false;
    }

    /// Moves the clock that beats bring.
    pub fn advance_clock(&self, by: Duration) {
        self.state().ahead += i64::try_from(by.as_micros()).expect("a time");
    }

    /// Waits until two more beats went out and were answered after now.
    pub fn wait_for_beats(&self) {
        let before = self.state().answers;
        eventually("beats are answered", SOON, || (self.state().answers >= before + 3).then_some(()));
    }

    /// Answers that went through whole.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.state().answers
    }

    /// Gives the one who listens the server's end of the newest connection, as a pooler does, before its next
    /// words; returns when that has happened.
    pub fn swap_servers(&self) {
        let mut state = self.state();
        let newest = state.connections.len() - 1;
        let listening = state.connections.iter().rposition(|connection| connection.listens);
        state.swap = Some((listening.expect("one that listens"), newest));
        while state.swap.is_some() {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    fn release_one(&self, state: &mut State, which: impl Fn(&Connection) -> bool) -> bool {
        let Some(at) = state.connections.iter().position(|one| which(one) && !one.held.is_empty()) else {
            return false;
        };
        if let Some(message) = state.connections[at].held.pop_front() {
            state.pass(at, &message);
        }
        true
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let mut state = lock(&self.state);
        if state.refuses {
            return;
        }
        let Ok(server) = TcpStream::connect(&*lock(&self.server)) else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let at = state.connections.len();
        let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else { return };
        let held = VecDeque::new();
        let both = (at, at);
        let (server_of, client_of) = both;
        state.connections.push(Connection { client, server, server_of, client_of, listens: false, held });
        drop(state);
        let (up, down) = (Arc::clone(self), Arc::clone(self));
        std::thread::spawn(move || up.carry_up(at, from_client));
        std::thread::spawn(move || down.carry_down(at, from_server));
    }

    /// From a client to a server, as it comes.
    fn carry_up(&self, at: usize, mut from: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            let mut state = lock(&self.state);
            if state.swap.is_some_and(|(listening, _)| listening == at) {
                state.swap();
                self.changed.notify_all();
            }
            let said = &bytes[..length];
            state.connections[at].listens |= said.windows(7).any(|words| words == b"LISTEN ");
            let server = state.connections[at].server_of;
            let _ = state.connections[server].server.write_all(said);
        }
        let state = lock(&self.state);
        let _ = state.connections[state.connections[at].server_of].server.shutdown(Shutdown::Both);
    }

    /// From a server to a client, message by message.
    fn carry_down(&self, at: usize, mut from: TcpStream) {
        while let Ok(message) = next_message(&mut from) {
            let mut state = lock(&self.state);
            let to = state.connections[at].client_of;
            if state.swallows_notifications && message[0] == NOTIFICATION {
            } else if state.holds && state.connections[to].listens {
                state.connections[to].held.push_back(message);
            } else {
                state.pass(to, &message);
            }
        }
        let state = lock(&self.state);
        let _ = state.connections[state.connections[at].client_of].client.shutdown(Shutdown::Both);
    }
}

impl State {
    fn pass(&mut self, to: usize, message: &Message) {
        self.answers += u64::from(message[0] == READY_FOR_QUERY);
        let moved = moved_clock(message, self.ahead);
        let _ = self.connections[to].client.write_all(moved.as_ref().unwrap_or(message));
    }

    fn swap(&mut self) {
        let Some((one, other)) = self.swap.take() else { return };
        self.connections[one].server_of = other;
        self.connections[other].server_of = one;
        self.connections[one].client_of = other;
        self.connections[other].client_of = one;
    }
}

fn next_message(from: &mut TcpStream) -> std::io::Result<Message> {
    let mut message = vec![0; 5];
    from.read_exact(&mut message)?;
    let length = u32::from_be_bytes([message[1], message[2], message[3], message[4]]);
    let rest = usize::try_from(length).unwrap_or_default().saturating_sub(4);
    message.resize(5 + rest, 0);
    from.read_exact(&mut message[5..])?;
    Ok(message)
}

/// The answer to a beat under another clock: a row of two columns, the first of which is microseconds.
fn moved_clock(message: &Message, ahead: i64) -> Option<Message> {
    const DIGITS: usize = 16;
    let clock = message.get(11..11 + DIGITS)?;
    let is_beat = message[0] == ROW && message[5..11] == [0, 2, 0, 0, 0, 16];
    if ahead == 0 || !is_beat {
        return None;
    }
    let clock: i64 = std::str::from_utf8(clock).ok()?.parse().ok()?;
    let mut moved = message.clone();
    moved[11..11 + DIGITS].copy_from_slice((clock + ahead).to_string().as_bytes());
    Some(moved)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
