//! How long one request may wait for Postgres: all its statements together, however many they are.
//!
//! Each call of [`crate::Database`] is bounded by itself. A login makes four of them, and where a pool is exhausted each
//! may wait almost to its end; whoever asked would wait for the sum.

use std::cell::Cell;
use std::time::Duration;

use constants::database::REQUEST_BUDGET;
use tokio::task::JoinError;
use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static LEFT: Cell<Duration>;
}

/// The work of one request.
pub type OfRequest<F> = TaskLocalFuture<Cell<Duration>, F>;

/// Lets the work of one request wait for Postgres for [`REQUEST_BUDGET`] in all.
pub fn of_request<F: Future>(work: F) -> OfRequest<F> {
    LEFT.scope(Cell::new(REQUEST_BUDGET), work)
}

/// Runs a part of a request's work as a task that outlives it; what it waits is the request's.
///
/// # Errors
/// When the task panicked.
pub async fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, JoinError> {
    let Ok(left) = LEFT.try_with(Cell::get) else { return tokio::spawn(work).await };
    let counted = async move {
        let value = work.await;
        (value, LEFT.with(Cell::get))
    };
    let (value, left) = tokio::spawn(LEFT.scope(Cell::new(left), counted)).await?;
    LEFT.with(|known| known.set(left));
    Ok(value)
}

/// How long a call may wait that may wait so long by itself. Pools that are more patient than a request are not for
/// requests.
pub(crate) fn left(own: Duration) -> Duration {
    if own > REQUEST_BUDGET {
        return own;
    }
    LEFT.try_with(Cell::get).map_or(own, |left| left.min(own))
}

/// Notes how long a call has waited.
pub(crate) fn spend(waited: Duration) {
    let _ = LEFT.try_with(|left| left.set(left.get().saturating_sub(waited)));
}
