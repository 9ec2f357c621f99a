//! What staff do, in memory, by the rules that are followed in Postgres.

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use constants::{ApplicationContext, AuditAction, Role};
use identity_db::audit::{self, Line};
use identity_db::people::{Page, Position, Search};
use identity_db::right::{Grant, NewGrant};
use identity_db::session::Session;
use identity_db::statistics::LiveSessions;
use identity_db::user::User;
use identity_db::{SessionId, UserId};
use serde_json::{Value, json};

use super::{MockUserManager, Store};
use crate::administration::{
    Act, Actor, Administration, AuditPage, Cursor, Granted, LegacyDay, Logins, PageOf, PeoplePage,
    PersonChange, Result, Standing, Statistics, forbids, grant_detail,
};

/// Lines of the audit log that are kept.
const LINES: usize = 20_000;

impl Store {
    /// Writes a line of the audit log.
    pub(super) fn note(&mut self, entry: audit::Entry, now: DateTime<Utc>) {
        let audit::Entry { action, context, actor, subject, session, origin, detail } = entry;
        let email = |id: Option<UserId>| self.user(id?)?.email.clone();
        let line = Line {
            id: self.audit.back().map_or(0, |line| line.id) + 1,
            at: now,
            action: action.to_string(),
            context,
            actor,
            actor_email: email(actor),
            subject,
            subject_email: email(subject),
            session: session.map(|id| id.to_string()),
            origin,
            detail,
        };
        if self.audit.len() == LINES {
            self.audit.pop_front();
        }
        self.audit.push_back(line);
    }

    fn user(&self, id: UserId) -> Option<&User> {
        self.person(id).map(|person| &person.credential.user)
    }

    /// Whom an act is to be done to, if it may be done; `None` when there is no such person.
    fn judge(&self, actor: &Actor, id: UserId, act: Act<'_>, now: DateTime<Utc>) -> Result<Option<User>> {
        let Some(subject) = self.user(id) else { return Ok(None) };
        let staff = actor.staff.as_ref().and_then(|staff| self.user(staff.id));
        let rights =
            staff.map(|user| self.rights(user.id, ApplicationContext::Admin, now)).unwrap_or_default();
        let administers = |user: &User| user.role == Role::Admin && user.blocked_at.is_none();
        let other_admin = self.people().any(|known| known.user.id != id && administers(&known.user));
        let standing = Standing { actor: staff.map(|user| (user, &rights)), subject, other_admin };
        forbids(actor, act, &standing)?;
        Ok(Some(subject.clone()))
    }

    fn live_of(&self, user: UserId, now: DateTime<Utc>) -> Vec<Session> {
        let live = |session: &&Session| self.live(&session.id, session.application_context, now).is_some();
        let mut live: Vec<Session> =
            self.sessions_of(user).map(|kept| &kept.session).filter(live).cloned().collect();
        live.sort_by_key(|session| (std::cmp::Reverse(session.last_activity), session.id));
        live
    }

    fn end_all(&mut self, user: UserId, now: DateTime<Utc>) -> usize {
        let live = self.live_of(user, now);
        if let Some((known, changes)) = self.change(user) {
            known.user.session_epoch += 1;
            known.user.version += 1;
            changes.ended_before = Some((now, AuditAction::SessionsEnded));
        }
        live.iter().filter(|session| self.revoke(&session.id)).count()
    }

    fn change_user(
        &mut self,
        actor: &Actor,
        before: &User,
        change: PersonChange,
        now: DateTime<Utc>,
    ) -> Option<User> {
        let id = before.id;
        let mut notes: Vec<(AuditAction, Value)> = Vec::new();
        let (known, changes) = self.change(id)?;
        known.user.version += 1;
        if let Some(role) = change.role.filter(|role| *role != before.role) {
            known.user.role = role;
            changes.attributes = true;
            notes.push((AuditAction::UserRoleChanged, json!({"role": {"old": before.role, "new": role}})));
        }
        if let Some(to) = change.is_verified.filter(|to| *to != before.is_verified) {
            known.user.is_verified = to;
            changes.attributes = true;
            let detail = json!({"is_verified": {"old": before.is_verified, "new": to}});
            notes.push((AuditAction::UserVerificationChanged, detail));
        }
        if let Some(blocked) = change.blocked.filter(|to| *to != before.blocked_at.is_some()) {
            let lifted = std::mem::replace(&mut known.user.blocked_at, blocked.then_some(now));
            changes.lifted = changes.lifted.or(lifted);
            changes.blocked = blocked;
            let mut detail = json!({"blocked": {"old": !blocked, "new": blocked}});
            if blocked {
                detail["revoked"] = self.end_all(id, now).into();
            }
            notes.push((if blocked { AuditAction::UserBlocked } else { AuditAction::UserUnblocked }, detail));
        }
        notes.into_iter().for_each(|(action, detail)| self.note(actor.entry(action, id, detail), now));
        self.user(id).cloned()
    }
}

/// The people who match, in the order of the list, each with what comes after them.
fn matching(store: &Store, search: &Search) -> Vec<(User, Position)> {
    let people = store.people().map(|known| &known.user);
    let people = people.filter(|user| search.role.is_none_or(|role| user.role == role));
    let people = people.filter(|user| search.blocked.is_none_or(|to| user.blocked_at.is_some() == to));
    let position = |user: &User| match &search.text {
        None => Some(Position::Newest { created_at: user.created_at, id: user.id }),
        Some(text) => text.matched(user).map(|(name, key)| Position::Match { name, key }),
    };
    let mut found: Vec<(User, Position)> =
        people.filter_map(|user| Some((user.clone(), position(user)?))).collect();
    found.sort_by(|(_, one), (_, other)| order(one, other));
    found
}

fn order(one: &Position, other: &Position) -> std::cmp::Ordering {
    match (one, other) {
        (Position::Newest { created_at, id }, Position::Newest { created_at: other_at, id: other }) => {
            (other_at, other).cmp(&(created_at, id))
        }
        (Position::Match { name, key }, Position::Match { name: other, key: other_key }) => {
            (name, key).cmp(&(other, other_key))
        }
        (Position::Newest { .. }, Position::Match { .. }) => std::cmp::Ordering::Less,
        (Position::Match { .. }, Position::Newest { .. }) => std::cmp::Ordering::Greater,
    }
}

fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

#[async_trait]
impl Administration for MockUserManager {
    async fn people(&self, search: Search, page: PageOf, per_page: i64) -> Result<PeoplePage> {
        let found = matching(&self.store(), &search);
        let skip = match page {
            PageOf::Number(page) => size((page - 1) * per_page),
            PageOf::After(Cursor::People(after)) => {
                found.iter().take_while(|(_, position)| order(position, &after).is_le()).count()
            }
            PageOf::After(Cursor::Audit(_)) => return Err(Cursor::foreign()),
        };
        let rest = &found[skip.min(found.len())..];
        let (shown, beyond) = rest.split_at(size(per_page).min(rest.len()));
        let next = shown.last().filter(|_| !beyond.is_empty()).map(|(_, position)| position.clone());
        let people = shown.iter().map(|(user, _)| user.clone()).collect();
        Ok(PeoplePage::new(Page { people, next }, i64::try_from(found.len()).unwrap_or(i64::MAX)))
    }

    async fn person(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.store().user(id).cloned())
    }

    async fn change_person(&self, actor: Actor, id: UserId, change: PersonChange) -> Result<Option<User>> {
        let now = self.now();
        let mut store = self.store();
        let Some(before) = store.judge(&actor, id, Act::Change(change), now)? else { return Ok(None) };
        Ok(store.change_user(&actor, &before, change, now))
    }

    async fn sessions_of(&self, id: UserId) -> Result<Option<Vec<Session>>> {
        let store = self.store();
        Ok(store.user(id).map(|_| store.live_of(id, self.now())))
    }

    async fn end_sessions_of(&self, actor: Actor, id: UserId) -> Result<Option<usize>> {
        let now = self.now();
        let mut store = self.store();
        if store.judge(&actor, id, Act::EndSessions, now)?.is_none() {
            return Ok(None);
        }
        let revoked = store.end_all(id, now);
        store.note(actor.entry(AuditAction::SessionsEnded, id, json!({"revoked": revoked})), now);
        Ok(Some(revoked))
    }

    async fn end_session_of(&self, actor: Actor, id: UserId, session: SessionId) -> Result<Option<()>> {
        let now = self.now();
        let mut store = self.store();
        if store.judge(&actor, id, Act::EndSessions, now)?.is_none() {
            return Ok(None);
        }
        let Some(live) = store.live_of(id, now).into_iter().find(|live| live.id == session) else {
            return Ok(None);
        };
        store.revoke(&session);
        let detail = json!({"application_context": live.application_context});
        let entry = actor.entry(AuditAction::SessionEnded, id, detail);
        store.note(audit::Entry { session: Some(session), ..entry }, now);
        Ok(Some(()))
    }

    async fn grants_of(&self, id: UserId) -> Result<Option<Vec<Grant>>> {
        let store = self.store();
        let Some(mut grants) = store.person(id).map(|known| known.grants.clone()) else { return Ok(None) };
        grants.sort_by(|one, other| {
            let key = |grant: &Grant| (grant.application_context, grant.permission.clone());
            key(one).cmp(&key(other))
        });
        Ok(Some(grants))
    }

    async fn grant(&self, actor: Actor, id: UserId, new: NewGrant) -> Result<Option<Granted>> {
        let now = self.now();
        let mut store = self.store();
        if store.judge(&actor, id, Act::Grant(&new), now)?.is_none() {
            return Ok(None);
        }
        let NewGrant { permission, application_context, expires_at } = new;
        let granted_by = actor.staff.as_ref().map(|staff| staff.id);
        let grant = Grant { permission, application_context, granted_at: now, granted_by, expires_at };
        let change = store.change_right(id, application_context, &grant.permission);
        let Some(grants) = change else { return Ok(None) };
        let is_same = |known: &Grant| {
            known.permission == grant.permission && known.application_context == application_context
        };
        let before = grants.iter().position(is_same).map(|index| grants.swap_remove(index));
        grants.push(grant.clone());
        let detail = grant_detail(&grant.permission, application_context, before.as_ref(), Some(&grant));
        store.note(actor.entry(AuditAction::PermissionGranted, id, detail), now);
        Ok(Some(Granted { grant, is_new: before.is_none() }))
    }

    async fn take(
        &self,
        actor: Actor,
        id: UserId,
        permission: String,
        context: ApplicationContext,
    ) -> Result<Option<()>> {
        let now = self.now();
        let mut store = self.store();
        if store.judge(&actor, id, Act::Take, now)?.is_none() {
            return Ok(None);
        }
        let is_it = |known: &Grant| known.permission == permission && known.application_context == context;
        let index = store.person(id).and_then(|known| known.grants.iter().position(is_it));
        let change = index.and_then(|index| Some((index, store.change_right(id, context, &permission)?)));
        let Some((index, grants)) = change else { return Ok(None) };
        let before = grants.swap_remove(index);
        let detail = grant_detail(&permission, context, Some(&before), None);
        store.note(actor.entry(AuditAction::PermissionTaken, id, detail), now);
        Ok(Some(()))
    }

    async fn audit_log(&self, search: audit::Search, page: PageOf, per_page: i64) -> Result<AuditPage> {
        let store = self.store();
        let matches = |line: &&Line| {
            search.subject.is_none_or(|id| line.subject == Some(id))
                && search.actor.is_none_or(|id| line.actor == Some(id))
                && search.action.as_ref().is_none_or(|action| line.action == *action)
        };
        let (skip, below) = match page {
            PageOf::Number(page) => (size((page - 1) * per_page), i64::MAX),
            PageOf::After(Cursor::Audit(position)) => (0, position.id),
            PageOf::After(Cursor::People(_)) => return Err(Cursor::foreign()),
        };
        let lines = store.audit.iter().rev().filter(matches).filter(|line| line.id < below);
        Ok(AuditPage::new(lines.skip(skip).take(size(per_page) + 1).cloned().collect(), per_page))
    }

    async fn statistics(&self) -> Result<Statistics> {
        let now = self.now();
        let store = self.store();
        let live = |context| {
            let count = store.ids().iter().filter(|id| store.live(id, context, now).is_some()).count();
            i64::try_from(count).unwrap_or(i64::MAX)
        };
        let logins = |hour: DateTime<Utc>| {
            let within = |line: &&Line| {
                line.action == AuditAction::SessionCreated.as_str()
                    && line.at >= hour
                    && line.at < hour + Duration::hours(1)
            };
            let logins = i64::try_from(store.audit.iter().filter(within).count()).unwrap_or(i64::MAX);
            Logins { hour, logins }
        };
        Ok(Statistics {
            live_sessions: LiveSessions { by_context: LiveSessions::each(live), exact: true },
            logins: Logins::hours(now).into_iter().map(logins).collect(),
            legacy_uses: LegacyDay::each(now, &[]),
        })
    }
}
