//! pgbouncer or haproxy in front of what a test has started.

use std::net::TcpStream;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use crate::scripts;

/// A pooler or load balancer that one test alone uses. It is killed with this value.
pub struct TestProxy {
    kind: &'static str,
    dir: TempDir,
    port: u16,
}

impl TestProxy {
    /// Starts `pgbouncer` or `haproxy`; in the configuration `@PORT@` is the port that it gets, `@DIR@` its directory.
    #[must_use]
    pub fn start(kind: &'static str, configuration: &str) -> Self {
        Self::with_file(kind, configuration, "none", "")
    }

    /// The same with a further file in its directory.
    #[must_use]
    pub fn with_file(kind: &'static str, configuration: &str, name: &str, content: &str) -> Self {
        let dir = scripts::directory();
        for (name, content) in [("config", configuration), (name, content)] {
            std::fs::write(dir.path().join(name), content).expect("a file for the proxy");
        }
        let printed = scripts::server(&[kind, "start", path(&dir)]);
        let port =
            printed.parse().unwrap_or_else(|_| panic!("scripts/server printed no port but {printed:?}"));
        Self { kind, dir, port }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it wrote to its log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read(self.dir.path().join("log")).expect("the log of the proxy");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// A port that nobody has now, below those of outgoing connections; no other of this process' gets the same.
    #[must_use]
    pub fn free_port() -> u16 {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let first = 12_000 + u16::try_from(std::process::id() % 700).unwrap_or_default() * 10;
        let is_free = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_err();
        let mut candidates = (0..1000).map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed));
        candidates.find(is_free).expect("a free port")
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        let _ = scripts::try_server(&[self.kind, "stop", path(&self.dir)]);
    }
}

fn path(dir: &TempDir) -> &str {
    dir.path().to_str().expect("a temporary directory with a plain name")
}
