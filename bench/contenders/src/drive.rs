//! A client that sends exactly so many requests, for counts of instructions.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::Outcome;

pub(crate) fn drive(address: SocketAddr, path: &str, count: u32, cookie: &str) -> Outcome {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
    // The port has as many digits as it has; a name of fixed length makes all contenders parse as much.
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n");
    let mut answer = Vec::new();
    let length = exchange(&mut stream, &request, &mut answer, None)?;
    for _ in 1..count {
        exchange(&mut stream, &request, &mut answer, Some(length))?;
    }
    println!("{length}");
    Ok(())
}

/// Sends one request and reads its answer, of `length` bytes if that is known; the answer is its length.
fn exchange(
    stream: &mut TcpStream,
    request: &str,
    answer: &mut Vec<u8>,
    length: Option<usize>,
) -> Outcome<usize> {
    stream.write_all(request.as_bytes())?;
    answer.clear();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk)?;
        answer.extend_from_slice(&chunk[..read]);
        let whole = length.or_else(|| whole_length(answer));
        if read == 0 || whole.is_some_and(|whole| answer.len() >= whole) {
            break;
        }
    }
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        return Err(String::from_utf8_lossy(answer).into());
    }
    Ok(answer.len())
}

/// How many bytes an answer has, once its head is there.
pub(crate) fn whole_length(answer: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(answer).ok()?;
    let head = text.find("\r\n\r\n")? + 4;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head + length.parse::<usize>().ok()?)
}
