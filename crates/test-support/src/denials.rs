//! What Postgres tells those who remember a yes.

use std::time::Duration;

use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;

/// Listens on the channel `denials`.
pub struct Denials {
    listener: Client,
    speaker: Client,
    marks: u32,
}

impl Denials {
    pub(crate) fn listen(mut listener: Client, speaker: Client) -> Self {
        listener.batch_execute("LISTEN denials").expect("LISTEN");
        Self { listener, speaker, marks: 0 }
    }

    /// What was notified since the last call by transactions that have committed, sorted.
    pub fn heard(&mut self) -> Vec<String> {
        self.marks += 1;
        // Notifications come in the order of commits, so this mark comes behind everything that was done.
        let mark = format!("mark-{}", self.marks);
        self.speaker.batch_execute(&format!("NOTIFY denials, '{mark}'")).expect("NOTIFY");
        let mut heard = Vec::new();
        let mut notifications = self.listener.notifications();
        let mut stream = notifications.timeout_iter(Duration::from_secs(10));
        loop {
            let next =
                stream.next().expect("the listener's connection").expect("the mark within ten seconds");
            if next.payload() == mark {
                heard.sort();
                return heard;
            }
            heard.push(next.payload().to_owned());
        }
    }
}
