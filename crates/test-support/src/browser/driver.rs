//! The program that drives a browser, on a port of its own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{eventually, scripts};

const START: Duration = Duration::from_secs(20);

/// A running `chromedriver`. It is stopped with this value, and its browser with it.
pub(super) struct Driver {
    child: Child,
    browser: String,
    port: u16,
    /// Its log, and what it and the browser write down meanwhile.
    directory: TempDir,
}

impl Driver {
    /// Starts one at a free port.
    pub(super) fn start() -> Self {
        let paths = scripts::server(&["browser"]);
        let (program, browser) = paths.split_once('\n').expect("a driver and a browser");
        let directory = scripts::directory();
        let log = std::fs::File::create(directory.path().join("log")).expect("the driver's log");
        let child = Command::new(program)
            .arg("--port=0")
            .env("TMPDIR", directory.path())
            // Chromium writes caches beside its profile, too.
            .env("XDG_CACHE_HOME", directory.path())
            .env("XDG_CONFIG_HOME", directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the driver's log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        let mut driver = Self { child, browser: browser.to_owned(), port: 0, directory };
        driver.port = eventually("chromedriver says where it listens", START, || {
            let log = driver.log();
            let ended = driver.child.try_wait().ok().flatten();
            assert!(ended.is_none(), "chromedriver has ended: {log}");
            let (port, _) = log.split_once("successfully on port ")?.1.split_once('.')?;
            port.parse().ok()
        });
        driver
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn browser(&self) -> &str {
        &self.browser
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}
