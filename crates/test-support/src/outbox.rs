//! The folder into which an application writes what it would have sent.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

/// An outbox that one test alone uses.
pub struct TestOutbox(TempDir);

impl TestOutbox {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the outbox"))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// What `OUTBOX_DIR` is to be.
    #[must_use]
    pub fn directory(&self) -> String {
        self.0.path().display().to_string()
    }

    /// Every message that is there now, the oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        let entries =
            std::fs::read_dir(self.0.path()).expect("the outbox").map(|entry| entry.expect("a file").path());
        let mut files: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
        files.sort();
        let read = |path: &std::path::PathBuf| {
            let text = std::fs::read(path).expect("a message");
            serde_json::from_slice(&text).unwrap_or_else(|error| panic!("half a message: {error}"))
        };
        files.iter().map(read).collect()
    }

    /// The newest code for this phone or address; panics when there is none.
    #[must_use]
    #[track_caller]
    pub fn code_for(&self, to: &str) -> String {
        let messages = self.messages();
        let newest = messages.iter().rev().find(|message| message["to"] == to);
        let code = newest.and_then(|message| message["code"].as_str());
        code.unwrap_or_else(|| panic!("no code for {to} in {messages:?}")).to_owned()
    }
}

impl Default for TestOutbox {
    fn default() -> Self {
        Self::new()
    }
}
