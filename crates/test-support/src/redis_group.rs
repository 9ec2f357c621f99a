//! A Redis of several servers: a cluster, or a master with a replica and sentinels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::eventually;
use crate::resp::{Connection, Reply};
use crate::scripts;

/// How long servers may take to agree.
const AGREEMENT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cluster,
    Sentinel,
}

/// Servers that one test alone uses. They are killed with this value.
pub struct RedisGroup {
    dir: TempDir,
    kind: Kind,
    url: String,
    password: String,
}

impl RedisGroup {
    /// Three masters, each with a third of the keys.
    #[must_use]
    pub fn cluster() -> Self {
        Self::start(Kind::Cluster)
    }

    /// A master, its replica, and three sentinels.
    #[must_use]
    pub fn sentinel() -> Self {
        Self::start(Kind::Sentinel)
    }

    fn start(kind: Kind) -> Self {
        let dir = scripts::directory();
        let path = dir.path().to_str().expect("a temporary directory with a plain name").to_owned();
        scripts::server(&[kind.name(), "start", &path]);
        let url = scripts::server(&[kind.name(), "url", &path]);
        let password = std::fs::read_to_string(dir.path().join("password")).expect("the servers' password");
        Self { dir, kind, url, password }
    }

    /// The address that applications get.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Stops every server; what they held is lost. Sentinels stay, and know of no master.
    pub fn stop(&self) {
        for server in self.servers() {
            stop(&server);
        }
    }

    /// Empties it.
    pub fn flush(&self) {
        self.on_each_master(&["FLUSHALL"]);
    }

    /// A command about one key, which the server takes that has it.
    pub fn command(&self, words: &[&str]) -> Reply {
        let servers = self.servers();
        let answers = servers.iter().map(|server| self.ask(server, words));
        let mut taken = answers.filter(|reply| !is_elsewhere(reply));
        taken.next().expect("a server that has the key")
    }

    /// Every key with its value.
    #[must_use]
    pub fn dump(&self) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        for server in self.servers().iter().filter(|server| self.is_master(server)) {
            for key in self.ask(server, &["KEYS", "*"]).texts() {
                // One that has gone since is no text.
                if let Reply::Text(value) = self.ask(server, &["GET", &key]) {
                    values.insert(key, value);
                }
            }
        }
        values
    }

    /// How many keys each master has.
    #[must_use]
    pub fn sizes(&self) -> Vec<i64> {
        let number = |reply| match reply {
            Reply::Number(number) => number,
            other => panic!("no number but {other:?}"),
        };
        self.on_each_master(&["DBSIZE"]).into_iter().map(number).collect()
    }

    /// Kills a master (SIGKILL); what it held is lost. Returns which it was.
    pub fn kill_master(&self) -> usize {
        let servers = self.servers();
        let is_master = |server: &PathBuf| self.is_master(server);
        let index = servers.iter().position(is_master).expect("a master");
        signal(&servers[index], Signal::KILL);
        index
    }

    /// Starts a server that was stopped on the port that it had, empty.
    pub fn start_again(&self, index: usize) {
        scripts::server(&["redis", "start", path(&self.servers()[index])]);
        if self.kind == Kind::Cluster {
            eventually("the cluster is whole", AGREEMENT, || {
                let is_whole = |server: &PathBuf| {
                    self.try_ask(server, &["CLUSTER", "INFO"]).is_some_and(
                        |reply| matches!(reply, Reply::Text(text) if text.contains("cluster_state:ok")),
                    )
                };
                self.servers().iter().all(is_whole).then_some(())
            });
        }
    }

    /// Waits until the replica has become the master.
    pub fn wait_for_failover(&self, from: usize) {
        eventually("the sentinels have made the replica the master", AGREEMENT, || {
            let servers = self.servers();
            let mut others = servers.iter().enumerate().filter(|(index, _)| *index != from);
            others.any(|(_, server)| self.is_master(server)).then_some(())
        });
    }

    fn is_master(&self, server: &Path) -> bool {
        let role = self.try_ask(server, &["ROLE"]);
        matches!(role, Some(Reply::List(items)) if items.first() == Some(&Reply::Text("master".into())))
    }

    fn on_each_master(&self, words: &[&str]) -> Vec<Reply> {
        let servers = self.servers();
        let masters = servers.iter().filter(|server| self.is_master(server));
        masters.map(|server| self.ask(server, words)).collect()
    }

    fn ask(&self, server: &Path, words: &[&str]) -> Reply {
        self.try_ask(server, words).unwrap_or_else(|| Reply::Refused("MOVED: it is away".into()))
    }

    fn try_ask(&self, server: &Path, words: &[&str]) -> Option<Reply> {
        let port = std::fs::read_to_string(server.join("port")).ok()?.trim().parse().ok()?;
        let mut connection = Connection::open(port).ok()?;
        connection.command(&["AUTH", &self.password]).ok()?;
        connection.command(words).ok()
    }

    fn servers(&self) -> Vec<PathBuf> {
        let names: &[&str] = match self.kind {
            Kind::Cluster => &["1", "2", "3"],
            Kind::Sentinel => &["1", "2"],
        };
        names.iter().map(|name| self.dir.path().join(name)).collect()
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Cluster => "redis-cluster",
            Self::Sentinel => "redis-sentinel",
        }
    }
}

impl Drop for RedisGroup {
    fn drop(&mut self) {
        let _ = scripts::try_server(&["stop-below", path(self.dir.path())]);
    }
}

/// Another server has the key, or may write.
fn is_elsewhere(reply: &Reply) -> bool {
    matches!(reply, Reply::Refused(why) if why.starts_with("MOVED") || why.starts_with("READONLY"))
}

fn path(server: &Path) -> &str {
    server.to_str().expect("a temporary directory with a plain name")
}

fn stop(server: &Path) {
    scripts::server(&["redis", "stop", path(server)]);
}

fn signal(server: &Path, signal: Signal) {
    let pid = std::fs::read_to_string(server.join("pid")).expect("the server's process");
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw).expect("the server's process");
    kill_process(pid, signal).expect("the server gets the signal");
}
