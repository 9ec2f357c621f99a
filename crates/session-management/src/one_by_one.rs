//! One at a time of each name, while other names go on beside it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// Names that somebody is in, or waits for. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct OneByOne(Arc<Mutex<HashMap<String, Lock>>>);

/// The right to be in, until it is dropped.
#[derive(Debug)]
pub(crate) struct Alone {
    names: OneByOne,
    name: String,
    lock: Lock,
    guard: Option<OwnedMutexGuard<()>>,
}

impl OneByOne {
    /// Waits, but not longer than `patience`, until nobody else is in under this name; who came first goes first.
    pub(crate) async fn enter(&self, name: &str, patience: Duration) -> Option<Alone> {
        let lock = Arc::clone(self.names().entry(name.to_owned()).or_default());
        // Made before the wait, so that who gives up leaves no name behind.
        let mut alone = Alone { names: self.clone(), name: name.to_owned(), lock, guard: None };
        let waiting = Arc::clone(&alone.lock).lock_owned();
        alone.guard = Some(tokio::time::timeout(patience, waiting).await.ok()?);
        Some(alone)
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Lock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.guard = None;
        let mut names = self.names.names();
        // The map's and this one: nobody else is in or waits.
        if Arc::strong_count(&self.lock) == 2 {
            names.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(flavor = "multi_thread")]
    async fn of_one_name_there_is_one_at_a_time_and_no_name_is_left_behind() {
        let (names, inside) = (OneByOne::default(), Arc::new(AtomicUsize::new(0)));
        let one = |_| {
            let (names, inside) = (names.clone(), Arc::clone(&inside));
            tokio::spawn(async move {
                let _alone = names.enter("ann", PATIENCE).await.unwrap();
                let before = inside.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                before
            })
        };
        let tasks: Vec<_> = (0..200).map(one).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), 0);
        }
        assert!(names.names().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn others_do_not_wait_and_who_gives_up_leaves_nothing() {
        let names = OneByOne::default();
        let ann = names.enter("ann", PATIENCE).await.unwrap();
        assert!(names.enter("boris", PATIENCE).await.is_some());
        assert!(names.enter("ann", PATIENCE).await.is_none());
        drop(ann);
        assert!(names.names().is_empty());
    }
}
