//! The same in the memory of one process, for `APP_ENV=mock`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use identity_db::user::User;
use identity_db::web::{Preferences, PublicUser};
use identity_db::{SessionId, UserId};

use super::WebStore;
use crate::manager::Result;
use crate::principal::Snapshot;

/// In memory, and gone with it.
#[derive(Debug, Default)]
pub struct MemoryWebStore(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    sessions: HashMap<SessionId, Preferences>,
    /// What each person chose last.
    people: HashMap<UserId, Preferences>,
    users: HashMap<UserId, PublicUser>,
}

impl MemoryWebStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl WebStore for MemoryWebStore {
    async fn preferences(&self, session: &SessionId, user: UserId) -> Result<Option<Preferences>> {
        let kept = self.kept();
        Ok(kept.sessions.get(session).or_else(|| kept.people.get(&user)).copied())
    }

    async fn choose(&self, snapshot: &Snapshot, preferences: Preferences) -> Result<()> {
        let mut kept = self.kept();
        kept.sessions.insert(snapshot.session.id, preferences);
        kept.people.insert(snapshot.user.id, preferences);
        Ok(())
    }

    async fn known_user(&self, id: UserId) -> Result<Option<PublicUser>> {
        Ok(self.kept().users.get(&id).cloned())
    }

    async fn remember_user(&self, user: &User) -> Result<()> {
        let mut kept = self.kept();
        if kept.users.get(&user.id).is_none_or(|known| known.version <= user.version) {
            kept.users.insert(user.id, PublicUser::from(user));
        }
        Ok(())
    }

    async fn purge(&self) -> Result<()> {
        Ok(())
    }
}
