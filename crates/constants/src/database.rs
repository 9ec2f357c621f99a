//! Bounds on the use of Postgres.

use std::time::Duration;

/// Connections that one process opens at most.
pub const MAX_CONNECTIONS: u32 = 10;

/// How long opening one connection in the background may take.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_millis(5000);

/// How long a request waits at most for a connection and its query together.
pub const REQUEST_BUDGET: Duration = Duration::from_millis(800);
