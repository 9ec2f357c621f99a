//! What staff do, in Postgres. After the commit this process denies what ended, and Redis' values go as well as it goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use constants::{ApplicationContext, AuditAction};
use identity_db::people::{self, Search};
use identity_db::right::{self, Grant, NewGrant};
use identity_db::session::{self, Session};
use identity_db::statistics;
use identity_db::user::{self, User};
use identity_db::{PgConnection, QueryResult, SessionId, UserId, audit};

use super::{Inner, ProductionUserManager, to_the_end};
use crate::adapter::SessionKey;
use crate::administration::{
    self, Actor, Administration, AuditPage, Changed, Cursor, Granted, LegacyDay, Logins, PageOf, PeoplePage,
    PersonChange, Result, Statistics,
};
use crate::metrics;

/// An hour that ended so long ago gets no more lines: no transaction lasts that long.
const SETTLED: Duration = Duration::minutes(1);

/// Logins of hours that are over, each counted once.
#[derive(Debug, Default)]
pub(super) struct ClosedHours(Mutex<BTreeMap<DateTime<Utc>, i64>>);

impl Inner {
    /// Does an act in a transaction of its own.
    async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut PgConnection) -> QueryResult<Result<Option<T>>> + Send + 'static,
    ) -> Result<Option<T>> {
        self.database.transaction(act).await?
    }

    /// What follows the commit of an act upon a person.
    async fn settle(&self, changed: &Changed, cause: AuditAction) {
        let Changed { user, ended } = changed;
        self.near.deny_user(user.id, user.version);
        for id in &ended.live {
            metrics::REVOCATIONS.with_label_values(&[cause.as_str()]).inc();
            log::info!("[SESSION_DELETE] context={} session={} cause={cause}", self.context, id.short());
        }
        if !ended.all.is_empty() {
            self.forget_everywhere(&ended.all).await;
        }
    }

    /// As [`Inner::forget`], for sessions of any application. That their values go is for the operator who looks at
    /// Redis: no process would believe them.
    pub(super) async fn forget_everywhere(&self, ids: &[SessionId]) {
        self.forget(ids).await;
        let keys: Vec<SessionKey<'_>> = ids.iter().map(SessionKey::from).collect();
        for cache in &self.other_caches {
            if let Err(error) = cache.delete(&keys).await {
                log::debug!("[SESSION_DELETE] {error}");
            }
        }
    }

    async fn change_person(&self, actor: Actor, id: UserId, change: PersonChange) -> Result<Option<User>> {
        let act = move |conn: &mut _| administration::change_person(conn, &actor, id, change);
        let Some(changed) = self.act(act).await? else { return Ok(None) };
        self.settle(&changed, AuditAction::UserBlocked).await;
        Ok(Some(changed.user))
    }

    async fn end_sessions(&self, actor: Actor, id: UserId) -> Result<Option<usize>> {
        let act = move |conn: &mut _| administration::end_sessions(conn, &actor, id);
        let Some(changed) = self.act(act).await? else { return Ok(None) };
        self.settle(&changed, AuditAction::SessionsEnded).await;
        Ok(Some(changed.ended.live.len()))
    }

    async fn end_session(&self, actor: Actor, id: UserId, session: SessionId) -> Result<Option<()>> {
        let act = move |conn: &mut _| administration::end_session(conn, &actor, id, &session);
        let Some(context) = self.act(act).await? else { return Ok(None) };
        metrics::REVOCATIONS.with_label_values(&[AuditAction::SessionEnded.as_str()]).inc();
        log::info!("[SESSION_DELETE] context={context} session={} cause=session_ended", session.short());
        self.forget_everywhere(&[session]).await;
        Ok(Some(()))
    }

    /// Logins of the hour that begins then.
    async fn logins(&self, hour: DateTime<Utc>, now: DateTime<Utc>) -> Result<Logins> {
        let hours = || self.closed_hours.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&logins) = hours().get(&hour) {
            return Ok(Logins { hour, logins });
        }
        let end = hour + Duration::hours(1);
        let logins = self.lists.read(move |conn| statistics::logins(conn, hour, end)).await?;
        if end + SETTLED < now {
            let mut hours = hours();
            hours.insert(hour, logins);
            hours.retain(|known, _| *known > now - Duration::hours(Logins::HOURS + 1));
        }
        Ok(Logins { hour, logins })
    }
}

#[async_trait]
impl Administration for ProductionUserManager {
    async fn people(&self, search: Search, page: PageOf, per_page: i64) -> Result<PeoplePage> {
        let (after, offset) = match page {
            PageOf::Number(page) => (None, (page - 1) * per_page),
            PageOf::After(Cursor::People(position)) => (Some(position), 0),
            PageOf::After(Cursor::Audit(_)) => return Err(Cursor::foreign()),
        };
        let (page, counted) = self
            .0
            .lists
            .read(move |conn| {
                let page = people::page(conn, &search, after.as_ref(), per_page, offset)?;
                Ok((page, people::count(conn, &search)?))
            })
            .await?;
        Ok(PeoplePage::new(page, counted))
    }

    async fn person(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.0.database.read(move |conn| user::find(conn, id)).await?)
    }

    async fn change_person(&self, actor: Actor, id: UserId, change: PersonChange) -> Result<Option<User>> {
        let inner = Arc::clone(&self.0);
        to_the_end(async move { inner.change_person(actor, id, change).await }).await
    }

    async fn sessions_of(&self, id: UserId) -> Result<Option<Vec<Session>>> {
        let read = move |conn: &mut PgConnection| {
            if user::exists(conn, id)? { session::list(conn, id, None).map(Some) } else { Ok(None) }
        };
        Ok(self.0.lists.read(read).await?)
    }

    async fn end_sessions_of(&self, actor: Actor, id: UserId) -> Result<Option<usize>> {
        let inner = Arc::clone(&self.0);
        to_the_end(async move { inner.end_sessions(actor, id).await }).await
    }

    async fn end_session_of(&self, actor: Actor, id: UserId, session: SessionId) -> Result<Option<()>> {
        let inner = Arc::clone(&self.0);
        to_the_end(async move { inner.end_session(actor, id, session).await }).await
    }

    async fn grants_of(&self, id: UserId) -> Result<Option<Vec<Grant>>> {
        let read = move |conn: &mut PgConnection| {
            if user::exists(conn, id)? { right::list(conn, id).map(Some) } else { Ok(None) }
        };
        Ok(self.0.lists.read(read).await?)
    }

    async fn grant(&self, actor: Actor, id: UserId, new: NewGrant) -> Result<Option<Granted>> {
        let inner = Arc::clone(&self.0);
        to_the_end(async move {
            let act = move |conn: &mut _| administration::grant(conn, &actor, id, &new);
            let Some((granted, user)) = inner.act(act).await? else { return Ok(None) };
            inner.near.deny_user(user.id, user.version);
            Ok(Some(granted))
        })
        .await
    }

    async fn take(
        &self,
        actor: Actor,
        id: UserId,
        permission: String,
        context: ApplicationContext,
    ) -> Result<Option<()>> {
        let inner = Arc::clone(&self.0);
        to_the_end(async move {
            let act = move |conn: &mut _| administration::take(conn, &actor, id, &permission, context);
            let Some(user) = inner.act(act).await? else { return Ok(None) };
            inner.near.deny_user(user.id, user.version);
            Ok(Some(()))
        })
        .await
    }

    async fn audit_log(&self, search: audit::Search, page: PageOf, per_page: i64) -> Result<AuditPage> {
        let (after, offset) = match page {
            PageOf::Number(page) => (None, (page - 1) * per_page),
            PageOf::After(Cursor::Audit(position)) => (Some(position), 0),
            PageOf::After(Cursor::People(_)) => return Err(Cursor::foreign()),
        };
        let read = move |conn: &mut PgConnection| audit::search(conn, &search, after, per_page + 1, offset);
        Ok(AuditPage::new(self.0.lists.read(read).await?, per_page))
    }

    async fn statistics(&self) -> Result<Statistics> {
        let inner = &self.0;
        let (now, live_sessions) =
            inner.lists.read(|conn| Ok((statistics::now(conn)?, statistics::live_sessions(conn)?))).await?;
        let mut logins = Vec::new();
        for hour in Logins::hours(now) {
            logins.push(inner.logins(hour, now).await?);
        }
        let first = LegacyDay::first(now);
        let uses = inner.lists.read(move |conn| statistics::legacy_uses(conn, first)).await?;
        Ok(Statistics { live_sessions, logins, legacy_uses: LegacyDay::each(now, &uses) })
    }
}
