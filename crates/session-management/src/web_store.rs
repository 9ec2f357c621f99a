//! What the web application keeps beside its sessions: how a person wants its pages, and what they show of people.
//!
//! Nothing here decides who may go on. It may stand in a database of its own, and while that is away everything but
//! this works.

mod memory;
mod postgres;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use identity_db::user::User;
use identity_db::web::{Preferences, PublicUser};
use identity_db::{SessionId, UserId};
use tokio::sync::broadcast::error::RecvError;

use crate::manager::{Result, UserManager};
use crate::principal::Snapshot;

pub use memory::MemoryWebStore;
pub use postgres::PostgresWebStore;

/// Keeps what belongs to web alone.
#[async_trait]
pub trait WebStore: Send + Sync + std::fmt::Debug {
    /// What was chosen in this session, or else what its person chose last; `None` when they never chose.
    async fn preferences(&self, session: &SessionId, user: UserId) -> Result<Option<Preferences>>;

    /// Keeps a choice.
    async fn choose(&self, snapshot: &Snapshot, preferences: Preferences) -> Result<()>;

    /// The copy of a person's public data, however old it is.
    async fn known_user(&self, id: UserId) -> Result<Option<PublicUser>>;

    /// Keeps a copy of a person's public data, unless a newer one is there.
    async fn remember_user(&self, user: &User) -> Result<()>;

    /// Forgets what belongs to sessions that have ended.
    async fn purge(&self) -> Result<()>;
}

/// A person's public data as web shows it, at least as new as the session that asks for its own person.
///
/// # Errors
/// [`crate::SessionError::Unavailable`] while the web database is away.
pub async fn own_public_data(store: &dyn WebStore, user: &User) -> Result<PublicUser> {
    match store.known_user(user.id).await? {
        Some(known) if known.version >= user.version => Ok(known),
        _ => {
            store.remember_user(user).await?;
            Ok(PublicUser::from(user))
        }
    }
}

/// How often what has ended is forgotten.
const PURGE: Duration = Duration::from_secs(600);

/// Keeps the copies of people current as they change, and forgets what has ended; runs as long as the process does.
///
/// A change that is missed, because the stream of denials was down or this process was, is made good when the person
/// is next asked for with a newer session ([`own_public_data`]).
pub async fn keep_current(store: Arc<dyn WebStore>, manager: Arc<dyn UserManager>) {
    let mut changes = manager.changed_users();
    let mut purge = tokio::time::interval(PURGE);
    loop {
        tokio::select! {
            changed = changes.recv() => match changed {
                Ok(id) => report(renew(&*store, &*manager, id).await),
                Err(RecvError::Lagged(missed)) => log::debug!("{missed} changes of people were missed"),
                Err(RecvError::Closed) => std::future::pending().await,
            },
            _ = purge.tick() => report(store.purge().await),
        }
    }
}

/// Only of those who have a copy; the others get one when they are first asked for.
async fn renew(store: &dyn WebStore, manager: &dyn UserManager, id: UserId) -> Result<()> {
    if store.known_user(id).await?.is_none() {
        return Ok(());
    }
    let Some(user) = manager.find_by_id(id).await? else { return Ok(()) };
    store.remember_user(&user).await
}

fn report(outcome: Result<()>) {
    if let Err(error) = outcome {
        log::warn!("the web database is not kept current: {error}");
    }
}
