//! What a test takes from outside itself: the environment of `scripts/test`, and `scripts/server`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// A variable of the environment; empty means unset.
#[expect(clippy::disallowed_methods, reason = "the settings of tests are two variables of scripts/test")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A directory for a server. `scripts/test` stops what a killed test has left in its own; a user without
/// rights must get in, since Postgres does not run as root.
pub(crate) fn directory() -> TempDir {
    let parent = variable("TEST_SERVERS").map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir_in(parent);
    directory.expect("a directory for a server")
}

/// Runs `scripts/server` and returns what it printed.
pub(crate) fn server(arguments: &[&str]) -> String {
    match try_server(arguments) {
        Ok(printed) => printed,
        Err(error) => panic!("scripts/server {}: {error}", arguments.join(" ")),
    }
}

/// Like [`server`], for those who go on without it.
pub(crate) fn try_server(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(root().join("scripts/server"))
        .args(arguments)
        .output()
        .map_err(|error| format!("cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
