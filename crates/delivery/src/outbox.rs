//! The outbox: a folder in which development finds what would have been sent.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use serde::Serialize;

use crate::{Delivery, DeliveryError, Message};

/// Writes each message as a file of its own.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    written: AtomicU32,
}

/// A file of the outbox: the contract with those who read it.
#[derive(Serialize)]
struct Entry<'a> {
    kind: &'static str,
    to: &'a str,
    body: &'a str,
    code: Option<&'a str>,
    link: Option<&'a str>,
}

impl Outbox {
    /// An outbox in this folder, which is made when the first message comes.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self(Arc::new(Inner { directory, written: AtomicU32::new(0) }))
    }

    /// Makes the folder now, so that one that cannot be used shows at the start.
    ///
    /// # Errors
    /// When the folder cannot be made or nothing can be written into it.
    pub fn prepare(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.0.directory)?;
        temporary(&self.0.directory).map(drop)
    }
}

#[async_trait]
impl Delivery for Outbox {
    async fn deliver(&self, message: Message) -> Result<(), DeliveryError> {
        let inner = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || inner.write(&message)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(DeliveryError::NotSent(format!("the outbox cannot be written: {error}"))),
            Err(panic) => Err(DeliveryError::NotSent(format!("the outbox: {panic}"))),
        }
    }
}

impl Inner {
    /// Whoever sees a file sees all of it: it is written under another name and renamed. The name begins
    /// with the time, so that a listing shows the order.
    fn write(&self, message: &Message) -> io::Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        let entry = Entry {
            kind: message.kind.as_str(),
            to: &message.to,
            body: &message.body,
            code: message.code.as_ref().map(|code| code.as_str()),
            link: message.link.as_ref().map(|link| link.as_str()),
        };
        let mut file = temporary(&self.directory)?;
        file.write_all(&serde_json::to_vec(&entry)?)?;
        // The time as the file system tells it; a clock before 1970 costs the order of the names, not the message.
        let modified = file.as_file().metadata()?.modified()?;
        let nanos = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let count = self.written.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let name = format!("{nanos:020}-{process}-{count:06}-{}.json", message.kind);
        file.persist_noclobber(self.directory.join(name)).map(drop).map_err(|error| error.error)
    }
}

fn temporary(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(".new-").suffix(".tmp").tempfile_in(directory)
}
