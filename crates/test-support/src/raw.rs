//! Requests that no HTTP client would send.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Sends bytes and returns everything that comes back until the other side closes or is silent for a second.
#[must_use]
#[track_caller]
pub fn raw_exchange(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection to the application");
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a time-out");
    // An application may close before it has read everything; what it said before that still counts.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..length]);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    crate::lint::check_raw(port, bytes, &answer);
    answer
}
