//! An application that writes down what reaches it, byte by byte, and speaks like a WebSocket when it is asked to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\
                      Set-Cookie: sessionId=planted; Path=/\r\nSet-Cookie: __Host-sessionId=planted; Path=/; Secure\r\n\r\nyes";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The application; it listens for as long as the test runs.
pub(crate) struct Arrivals {
    port: u16,
    arrived: Arc<Mutex<Vec<Arrival>>>,
}

impl Arrivals {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("the port").port();
        let arrived: Arc<Mutex<Vec<Arrival>>> = Arc::default();
        let writes = Arc::clone(&arrived);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), writes) = (stream, Arc::clone(&writes)) else { return };
                std::thread::spawn(move || serve(stream, &writes));
            }
        });
        Self { port, arrived }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// What has arrived since this was asked last.
    pub(crate) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Arrival {
    /// The values of every header whose name a CGI, WSGI or PHP application could take for this one.
    pub(crate) fn like(&self, name: &str) -> Vec<String> {
        let plain = |name: &str| name.trim().to_ascii_lowercase().replace(['_', '.', ' '], "-");
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.filter(|(known, _)| plain(known) == name).map(|(_, value)| value.trim().to_owned()).collect()
    }
}

fn serve(mut stream: TcpStream, arrived: &Mutex<Vec<Arrival>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("the connection"));
    let mut head = String::new();
    // A connection that a proxy opens beforehand and never uses is no request.
    while !head.ends_with("\r\n\r\n") {
        if !matches!(reader.read_line(&mut head), Ok(1..)) {
            return;
        }
    }
    let mut arrival = Arrival { head, body: String::new() };
    arrival.body = body(&arrival, &mut reader);
    let is_socket = !arrival.like("upgrade").is_empty();
    arrived.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
    let _ = stream.write_all(if is_socket { SWITCH } else { ANSWER }.as_bytes());
    let mut bytes = [0; 1024];
    while is_socket && let Ok(length @ 1..) = reader.read(&mut bytes) {
        let _ = stream.write_all(&bytes[..length]);
    }
}

fn body(arrival: &Arrival, reader: &mut BufReader<TcpStream>) -> String {
    let mut text = String::new();
    if !arrival.like("transfer-encoding").is_empty() {
        while !text.ends_with("0\r\n\r\n") && matches!(reader.read_line(&mut text), Ok(1..)) {}
        return text;
    }
    let length = arrival.like("content-length").first().and_then(|length| length.parse().ok());
    let _ = reader.take(length.unwrap_or(0)).read_to_string(&mut text);
    text
}
