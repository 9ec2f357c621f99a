//! A Redis of a test's own, which it may stop, pause and look into.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::resp::{Connection, Reply};
use crate::scripts;
use crate::test_proxy::TestProxy;

/// A Redis server that one test alone uses. It is killed with this value.
pub struct TestRedis {
    dir: TempDir,
    port: u16,
}

impl TestRedis {
    /// Starts one on a free port.
    #[must_use]
    pub fn start() -> Self {
        let mut redis = Self { dir: scripts::directory(), port: 0 };
        redis.port = redis.launch("0");
        redis
    }

    /// Starts one that also offers TLS, under a certificate of its own for `localhost`; returns the address for it, and the
    /// file with the certificate.
    #[must_use]
    pub fn start_with_tls() -> (Self, String, PathBuf) {
        let mut redis = Self { dir: scripts::directory(), port: 0 };
        let Certificate { certificate, key } = Certificate::of("localhost");
        let file = |name: &str| redis.dir.path().join(name);
        for (name, content) in [("certificate", &certificate), ("key", &key)] {
            std::fs::write(file(name), content).expect("a file for Redis");
        }
        let port = TestProxy::free_port();
        let (certificate, key) = (file("certificate"), file("key"));
        let settings = format!(
            "tls-port {port}\ntls-auth-clients no\ntls-cert-file {0}\ntls-key-file {1}\ntls-ca-cert-file {0}\n",
            certificate.display(),
            key.display()
        );
        std::fs::write(file("config"), settings).expect("a file for Redis");
        redis.port = redis.launch("0");
        (redis, format!("rediss://localhost:{port}"), certificate)
    }

    /// The address that applications get.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops it; what it held is lost.
    pub fn stop(&self) {
        self.signal(Signal::CONT);
        scripts::server(&["redis", "stop", self.path()]);
    }

    /// Starts it on the port that it had, empty.
    pub fn start_again(&self) {
        self.launch(&self.port.to_string());
    }

    /// Makes it hang: connections open, nothing is answered.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends [`TestRedis::pause`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Lets every deletion fail, as when one is lost on its way.
    pub fn lose_deletions(&self) {
        self.command(&["ACL", "SETUSER", "default", "-del", "-unlink", "-getdel", "-expire", "-pexpire"]);
    }

    /// Empties it.
    pub fn flush(&self) {
        self.command(&["FLUSHALL"]);
    }

    /// Any command.
    pub fn command(&self, words: &[&str]) -> Reply {
        let mut connection = Connection::open(self.port).expect("a connection to Redis");
        connection.command(words).expect("an answer of Redis")
    }

    /// Every key with its value.
    #[must_use]
    pub fn dump(&self) -> BTreeMap<String, String> {
        let keys = self.command(&["KEYS", "*"]).texts();
        let value = |key: String| match self.command(&["GET", &key]) {
            // It has gone since.
            Reply::Nil => None,
            value => Some((key, value.text().to_owned())),
        };
        keys.into_iter().filter_map(value).collect()
    }

    /// Listens to every command from now on.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        let mut connection = Connection::open(self.port).expect("a connection to Redis");
        connection.command(&["MONITOR"]).expect("MONITOR");
        Monitor { connection, port: self.port, marks: 0 }
    }

    fn launch(&self, port: &str) -> u16 {
        let printed = scripts::server(&["redis", "start", self.path(), port, "--no-auth"]);
        printed.parse().unwrap_or_else(|_| panic!("scripts/server printed no port but {printed:?}"))
    }

    fn pid(&self) -> Option<Pid> {
        let pid = std::fs::read_to_string(self.dir.path().join("pid")).ok()?;
        Pid::from_raw(pid.trim().parse().ok()?)
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, signal);
        }
    }

    fn path(&self) -> &str {
        self.dir.path().to_str().expect("a temporary directory with a plain name")
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        // A stopped process takes SIGTERM only when it goes on.
        self.signal(Signal::CONT);
        let _ = scripts::try_server(&["redis", "stop", self.path()]);
    }
}

/// What a Redis was told while somebody listened.
pub struct Monitor {
    connection: Connection,
    port: u16,
    marks: u32,
}

impl Monitor {
    /// The commands since the last call, without those of connecting and of the test itself; each begins with
    /// the command's name in capitals.
    pub fn commands(&mut self) -> Vec<String> {
        self.marks += 1;
        // Redis reports in the order of execution, so this mark comes behind everything that was done.
        let mark = format!("mark-{}", self.marks);
        let mut other = Connection::open(self.port).expect("a connection to Redis");
        other.command(&["ECHO", &mark]).expect("an answer of Redis");
        let mut seen = Vec::new();
        loop {
            let line = self.connection.reply().expect("the monitor's next line").text().to_owned();
            // 1700000000.123456 [0 127.0.0.1:5000] "GET" "key"
            let command = line.split_once("] ").map_or(line.as_str(), |(_, command)| command);
            if command.contains(&mark) {
                return seen;
            }
            let words: Vec<&str> = command.split('"').skip(1).step_by(2).collect();
            let name = words.first().copied().unwrap_or_default().to_uppercase();
            // Sent once when a connection opens, not when it is used.
            if !matches!(name.as_str(), "CLIENT" | "HELLO" | "AUTH" | "SELECT") {
                let rest = words.get(1..).unwrap_or_default().join(" ");
                seen.push(format!("{name} {rest}"));
            }
        }
    }
}
