//! Look-ups that come while others are on their way wait for the next statement and share it.
//!
//! A statement costs two changes of thread, a connection and a round trip, however many sessions it asks for. One
//! look-up alone goes at once. What matters for revocation stays: a look-up is answered by one autocommitted
//! statement that began after the look-up did, and is told that statement's clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::{Found, find_all};
use crate::budget;
use crate::id::SessionId;
use crate::pool::Incarnation;
use crate::{Database, DatabaseError};

/// Sessions that one statement asks for at most.
const MOST: usize = 64;

type Answer = Result<(Option<Found>, Incarnation), DatabaseError>;

/// The way to Postgres of every look-up in a process. Cloning shares it.
#[derive(Debug, Clone)]
pub struct LookUps(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Database,
    /// Statements on their way at most; the pool has connections left for all else.
    flights: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    flights: usize,
}

#[derive(Debug)]
struct Waiting {
    id: SessionId,
    answer: oneshot::Sender<Answer>,
}

impl LookUps {
    /// Looks up through a pool.
    #[must_use]
    pub fn new(database: Database) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let flights = cores.min(database.connections() / 2).max(1);
        Self(Arc::new(Shared { database, flights, queue: Mutex::default() }))
    }

    /// The session with this id, whatever state it is in, and the server that said so.
    ///
    /// # Errors
    /// When Postgres gives no answer in the time that one request has.
    pub async fn find(&self, id: SessionId) -> Answer {
        let (answer, answered) = oneshot::channel();
        if self.0.board(Waiting { id, answer }) {
            tokio::spawn(Flight { shared: Arc::clone(&self.0), landed: false }.run());
        }
        let (started, budget) = (Instant::now(), budget::left(self.0.database.budget()));
        let answered = tokio::time::timeout(budget, answered).await;
        budget::spend(started.elapsed());
        match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(DatabaseError::Unavailable("the look-up was given up".into())),
            Err(_) => Err(DatabaseError::Unavailable(format!("no answer within {budget:?}"))),
        }
    }
}

impl Shared {
    /// Queues a look-up; `true` when a statement may begin for it.
    fn board(&self, waiting: Waiting) -> bool {
        let mut queue = self.queue();
        queue.waiting.push(waiting);
        let departs = queue.flights < self.flights;
        queue.flights += usize::from(departs);
        departs
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        ids: Vec<SessionId>,
    ) -> Result<(HashMap<SessionId, Found>, Incarnation), DatabaseError> {
        let found = self.database.read_located(move |conn| find_all(conn, &ids)).await;
        found.map(|(found, from)| (found.into_iter().map(|found| (found.session.id, found)).collect(), from))
    }
}

/// One statement after another, until nobody waits.
struct Flight {
    shared: Arc<Shared>,
    /// Whether it is no longer counted among the flights.
    landed: bool,
}

impl Flight {
    async fn run(mut self) {
        while let Some(waiting) = self.next() {
            if !waiting.is_empty() {
                self.answer(waiting).await;
            }
        }
    }

    /// Those whom the next statement answers. That nobody waits and that this flight has ended is one step, so
    /// that whoever comes after it begins another.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.shared.queue();
        if queue.waiting.is_empty() {
            queue.flights -= 1;
            self.landed = true;
            return None;
        }
        let count = queue.waiting.len().min(MOST);
        Some(queue.waiting.drain(..count).filter(|waiting| !waiting.answer.is_closed()).collect())
    }

    async fn answer(&self, waiting: Vec<Waiting>) {
        let ids = waiting.iter().map(|waiting| waiting.id).collect();
        match self.shared.ask(ids).await {
            Ok((found, incarnation)) => {
                for Waiting { id, answer } in waiting {
                    // Whoever went away meanwhile is not waited for.
                    let _ = answer.send(Ok((found.get(&id).cloned(), incarnation)));
                }
            }
            // A row that cannot be read is the fault of one of them and no answer to the others.
            Err(DatabaseError::Refused(_)) if waiting.len() > 1 => {
                for one in waiting {
                    Box::pin(self.answer(vec![one])).await;
                }
            }
            Err(error) => {
                let reason = error.to_string();
                let mut first = Some(error);
                for Waiting { answer, .. } in waiting {
                    let error = first.take().unwrap_or_else(|| DatabaseError::Unavailable(reason.clone()));
                    let _ = answer.send(Err(error));
                }
            }
        }
    }
}

impl Drop for Flight {
    /// When the runtime ends under it, those who wait are told so, and the next look-up begins anew.
    fn drop(&mut self) {
        if !self.landed {
            let mut queue = self.shared.queue();
            queue.flights -= 1;
            if queue.flights == 0 {
                queue.waiting.clear();
            }
        }
    }
}
