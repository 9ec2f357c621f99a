//! A Postgres of a test's own, for tests that stop it.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use url::Url;

use crate::certificate::Certificate;
use crate::{TestDatabase, eventually, scripts, template};

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
        TestDatabase::migrated_in(&self.url())
    }

    /// A server that follows this one, with all its databases; `synchronous_standby_names` knows it by any name.
    #[must_use]
    pub fn standby(&self) -> Self {
        let standby = Self { dir: scripts::directory() };
        scripts::server(&["postgres", "standby", standby.path(), self.path()]);
        standby
    }

    /// Lets a standby take over.
    pub fn promote(&self) {
        self.execute("SELECT pg_promote()");
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.url().port().expect("the port of the cluster"))
    }

    /// Runs a statement as the superuser.
    pub fn execute(&self, sql: &str) {
        template::connect(&self.url()).batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The one value of a query, as the superuser.
    #[must_use]
    pub fn value(&self, sql: &str) -> String {
        let row = template::connect(&self.url()).query_one(sql, &[]);
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
    }

    pub(crate) fn url(&self) -> Url {
        let url = scripts::server(&["postgres", "url", self.path(), "postgres"]);
        Url::parse(&url).expect("the URL of the cluster")
    }

    /// Stops it as a crash would: no client is told more than that the connection is gone.
    pub fn stop(&self) {
        scripts::server(&["postgres", "stop", self.path(), "immediate"]);
    }

    /// Kills it (SIGKILL): nothing is written down any more. What served its clients ends by itself.
    pub fn crash(&self) {
        let pid = scripts::server(&["postgres", "pid", self.path()]);
        let pid = pid.parse().ok().and_then(Pid::from_raw).expect("the server's process");
        kill_process(pid, Signal::KILL).expect("the server is killed");
    }

    /// Starts it on the port that it had, with the data that it had.
    pub fn start_again(&self) {
        scripts::server(&["postgres", "start", self.path(), "0", "--fast"]);
    }

    /// Makes it a standby that waits for a primary which never comes: it can be read and not be written to.
    pub fn demote(&self) {
        scripts::server(&["postgres", "stop", self.path()]);
        std::fs::write(self.data().join("standby.signal"), "").expect("the mark of a standby");
        self.start_again();
    }

    /// What it wrote to its log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read(self.dir.path().join("log")).expect("the log of the cluster");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Where its data is; files that it is to read may be put there.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data").canonicalize().expect("the data of the cluster")
    }

    /// Lets it offer TLS, under a certificate of its own for a server of this name; returns the file with the
    /// certificate.
    #[must_use]
    pub fn offer_tls(&self, name: &str) -> PathBuf {
        let Certificate { certificate, key } = Certificate::of(name);
        let data = self.data();
        let owner = std::fs::metadata(&data).expect("the data of the cluster");
        for (file, content) in [("server.crt", &certificate), ("server.key", &key)] {
            let path = data.join(file);
            std::fs::write(&path, content).expect("a file of the cluster");
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a private file");
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid()))
                .expect("a file of the server's");
        }
        // Off in between, so that a certificate from before is not mistaken for this one.
        self.set("ssl", "off");
        self.set("ssl", "on");
        // Where the tests' own user can read it, too.
        let copy = self.dir.path().join("server.crt");
        std::fs::write(&copy, &certificate).expect("a copy of the certificate");
        copy
    }

    /// Refuses whoever comes without TLS, this test's own SQL included.
    pub fn require_tls(&self) {
        let path = self.data().join("pg_hba.conf");
        let rules = std::fs::read_to_string(&path).expect("pg_hba.conf");
        std::fs::write(&path, rules.replace("\nhost ", "\nhostssl ")).expect("pg_hba.conf");
        let url = self.url();
        let asked = template::connect(&url).batch_execute("SELECT pg_reload_conf()");
        asked.expect("the rules are read again");
        eventually("TLS is required", Duration::from_secs(5), || {
            postgres::Client::connect(url.as_str(), postgres::NoTls).is_err().then_some(())
        });
    }

    /// Changes a setting of the whole server that needs no restart.
    pub fn set(&self, setting: &str, value: &str) {
        let mut client = template::connect(&self.url());
        for sql in [format!("ALTER SYSTEM SET {setting} = '{value}'"), "SELECT pg_reload_conf()".to_owned()] {
            client.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        drop(client);
        // The server's processes read it when they are told; a new connection is the first to know.
        eventually(setting, Duration::from_secs(5), || {
            let row = template::connect(&self.url()).query_one(&format!("SHOW {setting}"), &[]);
            (row.expect("a setting").get::<_, String>(0) == value).then_some(())
        });
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
