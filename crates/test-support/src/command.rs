//! A program that runs to its end, as an operator calls it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::app::program;
use crate::{TestDatabase, scripts};

/// What a program left behind.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

/// A program without the settings that a developer may have exported: it gets what it needs to run at all, and no more.
#[must_use]
pub fn bare_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
        if let Some(value) = scripts::variable(name) {
            command.env(name, value);
        }
    }
    command
}

/// A program of somebody else's, as `scripts/server install --proxies` brought it; its process is the program's own.
#[must_use]
pub fn tool(name: &str) -> Command {
    let mut command = bare_command(scripts::root().join("scripts/server"));
    command.args(["exec", name]);
    command
}

/// Whether that is here.
#[must_use]
pub fn has_tool(name: &str) -> bool {
    scripts::try_server(&["has", name]).is_ok()
}

/// A file of this repository.
#[must_use]
pub fn file_of_ours(path: &str) -> PathBuf {
    scripts::root().join(path)
}

/// An empty folder for a program that keeps files. What a killed test has left there goes with the servers of `scripts/test`.
#[must_use]
pub fn folder() -> TempDir {
    scripts::directory()
}

/// Runs `sessionctl` on a database as an operator would, and returns what it printed. Panics when it fails.
#[track_caller]
pub fn sessionctl(database: &TestDatabase, arguments: &[&str]) -> String {
    let ended = try_sessionctl(database, arguments, "");
    assert_eq!(ended.code, Some(0), "sessionctl {arguments:?}: {}", ended.errors);
    ended.output
}

/// Runs `sessionctl` on a database, whether it succeeds or not.
#[must_use]
pub fn try_sessionctl(database: &TestDatabase, arguments: &[&str], input: &str) -> Ended {
    let stores = [("DATABASE_URL", database.url()), ("DATABASE_OWNER_URL", database.owner_url().to_owned())];
    sessionctl_with(&stores.each_ref().map(|(name, value)| (*name, value.as_str())), arguments, input)
}

/// Runs `sessionctl` with these variables and no other settings.
#[must_use]
pub fn sessionctl_with(environment: &[(&str, &str)], arguments: &[&str], input: &str) -> Ended {
    let mut command = bare_command(program("sessionctl"));
    command.args(arguments).envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program's process");
    // A program that reads no input may have ended by now.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let ended = child.wait_with_output().expect("the program ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: ended.status.code(), output: text(&ended.stdout), errors: text(&ended.stderr) }
}
