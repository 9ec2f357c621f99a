//! A client that goes away in the middle.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// Sends bytes and, so long after, resets the connection without having read anything.
pub fn send_and_reset(port: u16, bytes: &[u8], after: Duration) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection to the application");
    set_socket_linger(&stream, Some(Duration::ZERO)).expect("an option of the socket");
    let _ = stream.write_all(bytes);
    std::thread::sleep(after);
}
