//! The web database.

use async_trait::async_trait;
use identity_db::user::User;
use identity_db::web::{self, Choice, Preferences, PublicUser};
use identity_db::{Database, SessionId, UserId};

use super::WebStore;
use crate::manager::Result;
use crate::principal::Snapshot;

/// Rows that one statement deletes at most.
const BATCH: i64 = 500;

/// In Postgres, in the tables of the web set.
#[derive(Debug)]
pub struct PostgresWebStore(Database);

impl PostgresWebStore {
    pub(crate) fn new(database: Database) -> Self {
        Self(database)
    }
}

#[async_trait]
impl WebStore for PostgresWebStore {
    async fn preferences(&self, session: &SessionId, user: UserId) -> Result<Option<Preferences>> {
        let session = *session;
        Ok(self.0.read(move |conn| web::preferences(conn, &session, user)).await?)
    }

    async fn choose(&self, snapshot: &Snapshot, preferences: Preferences) -> Result<()> {
        let choice = Choice {
            session: snapshot.session.id,
            user: snapshot.user.id,
            expires_at: snapshot.session.absolute_expires_at,
            preferences,
        };
        Ok(self.0.run(move |conn| web::choose(conn, &choice)).await?)
    }

    async fn known_user(&self, id: UserId) -> Result<Option<PublicUser>> {
        Ok(self.0.read(move |conn| web::known_user(conn, id)).await?)
    }

    async fn remember_user(&self, user: &User) -> Result<()> {
        let user = PublicUser::from(user);
        Ok(self.0.run(move |conn| web::remember_user(conn, &user)).await?)
    }

    async fn purge(&self) -> Result<()> {
        while self.0.run(|conn| web::purge(conn, BATCH)).await? > 0 {}
        Ok(())
    }
}
