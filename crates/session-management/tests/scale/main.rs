//! Past one machine: several processes, Redis as a cluster and behind sentinels, Postgres behind a pooler, with a
//! standby that takes over and a replica that is read. The built applications on real servers, under load while
//! something changes; what was counted is printed.

#![expect(clippy::unwrap_used, reason = "the way in which a test fails")]

mod cluster;
mod failover;
mod load;
mod pooler;
mod replica;
mod rolling;
mod sentinel;
mod tls;

use std::time::Duration;

use test_support::{App, eventually};

/// How long a switch may take to be felt nowhere any more.
const RECOVERY: Duration = Duration::from_secs(20);

/// What `/readyz` says of a part.
fn part(app: &App, name: &str) -> String {
    app.anon().get("/readyz").member(&format!("/{name}"))
}

/// Waits until each of them says that Redis is up or down.
fn wait_for_redis(apps: &[&App], state: &str) {
    for app in apps {
        eventually(&format!("Redis is {state}"), RECOVERY, || (part(app, "redis") == state).then_some(()));
    }
}
