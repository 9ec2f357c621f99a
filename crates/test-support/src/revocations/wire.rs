//! `GET /api/me` on a connection that is kept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::lint::{self, Exchange};

/// What an application said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// 200.
    LetIn,
    /// 401.
    Refused,
    /// 503: nobody knows.
    Unavailable,
    /// Any other status.
    Other(u16),
    /// Nothing.
    Silent,
}

pub(super) struct Wire {
    port: u16,
    request: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Wire {
    pub(super) fn new(port: u16, token: &str) -> Self {
        let request =
            format!("GET /api/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        Self { port, request, connection: None }
    }

    /// Asks once.
    pub(super) fn me(&mut self) -> Status {
        self.ask().unwrap_or_else(|_| {
            self.connection = None;
            Status::Silent
        })
    }

    fn ask(&mut self) -> std::io::Result<Status> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(("127.0.0.1", self.port))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(5)))?;
                BufReader::new(stream)
            }
        };
        connection.get_mut().write_all(self.request.as_bytes())?;
        let (mut line, mut status, mut length, mut kept) = (String::new(), 0, 0, true);
        let mut headers = Vec::new();
        loop {
            line.clear();
            connection.read_line(&mut line)?;
            let head = line.trim_end().to_ascii_lowercase();
            if let Some((name, value)) = line.trim_end().split_once(": ") {
                headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
            if head.is_empty() {
                break;
            } else if let Some(code) = head.strip_prefix("http/1.1 ") {
                status = code.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
            } else if let Some(value) = head.strip_prefix("content-length: ") {
                length = value.parse().unwrap_or(0);
            } else if head == "connection: close" {
                kept = false;
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body)?;
        if kept {
            self.connection = Some(connection);
        }
        if let Some(site) = lint::site(self.port) {
            let (method, path, body) = ("GET", "/api/me", Some(body.as_slice()));
            lint::check(&Exchange { site, method, path, sent: &[], status, headers: &headers, body });
        }
        Ok(match status {
            200 => Status::LetIn,
            401 => Status::Refused,
            503 => Status::Unavailable,
            0 => Status::Silent,
            other => Status::Other(other),
        })
    }
}
