//! A Postgres of a test's own, for tests that stop it.

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use url::Url;

use crate::{TestDatabase, scripts};

/// A whole Postgres server that one test alone uses. It is stopped with this value.
pub struct TestPostgres {
    dir: TempDir,
}

impl TestPostgres {
    /// Makes a cluster and starts it.
    #[must_use]
    pub fn start() -> Self {
        let cluster = Self { dir: scripts::directory() };
        cluster.start_again();
        cluster
    }

    /// A migrated database in it.
    #[must_use]
    pub fn database(&self) -> TestDatabase {
        let url = scripts::server(&["postgres", "url", self.path(), "postgres"]);
        TestDatabase::migrated_in(&Url::parse(&url).expect("the URL of the cluster"))
    }

    /// Stops it as a crash would: no client is told more than that the connection is gone.
    pub fn stop(&self) {
        scripts::server(&["postgres", "stop", self.path(), "immediate"]);
    }

    /// Starts it on the port that it had, with the data that it had.
    pub fn start_again(&self) {
        scripts::server(&["postgres", "start", self.path(), "0", "--fast"]);
    }

    /// Makes it hang until the answer is dropped: connections are open and can be made, nothing is answered.
    #[must_use]
    pub fn pause(&self) -> Paused<'_> {
        self.signal(Signal::STOP);
        Paused(self)
    }

    /// To the server and to the processes that serve its clients.
    fn signal(&self, signal: Signal) {
        let Some(server) = scripts::try_server(&["postgres", "pid", self.path()]).ok() else { return };
        let mut pids = vec![server.clone()];
        for entry in std::fs::read_dir("/proc").expect("the list of processes").flatten() {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            // pid (name) state ppid …
            let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
            if parent == Some(server.as_str()) {
                pids.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        for pid in pids.iter().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
            let _ = kill_process(pid, signal);
        }
    }

    fn path(&self) -> &str {
        self.dir.path().to_str().expect("a temporary directory with a plain name")
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        let _ = scripts::try_server(&["wipe", self.path()]);
    }
}

/// A Postgres that hangs. It goes on when this value is dropped, so that a failed test does not hang with it.
pub struct Paused<'a>(&'a TestPostgres);

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.signal(Signal::CONT);
    }
}
