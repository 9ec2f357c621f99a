//! The acts of staff and of the command line upon a person, on a connection: each is judged, done and written down in the
//! transaction that it is called in.

use constants::{ApplicationContext, AuditAction, Role};
use identity_db::audit;
use identity_db::right::{self, Grant, NewGrant, Rights};
use identity_db::session::{self, Ended};
use identity_db::user::{self, User, UserChange};
use identity_db::{PgConnection, QueryError, QueryResult, SessionId, UserId};
use serde_json::{Value, json};

use super::rules::{Act, Standing, forbids};
use super::{Actor, Granted, PersonChange, Result};
use crate::error::SessionError;

/// What an act did to a person and their sessions.
#[derive(Debug, Clone)]
pub struct Changed {
    /// As they are now.
    pub user: User,
    /// The sessions that ended.
    pub ended: Ended,
}

/// Why an act stops: Postgres gave no answer, or the act is refused. By then nothing was written.
enum Stop {
    Query(QueryError),
    Refused(SessionError),
}

impl From<QueryError> for Stop {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<SessionError> for Stop {
    fn from(refusal: SessionError) -> Self {
        Self::Refused(refusal)
    }
}

type Judged<T> = std::result::Result<Option<T>, Stop>;

fn settle<T>(judged: Judged<T>) -> QueryResult<Result<Option<T>>> {
    match judged {
        Ok(done) => Ok(Ok(done)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Query(error)) => Err(error),
    }
}

/// Changes a person; see [`super::Administration::change_person`].
///
/// # Errors
/// When Postgres gives no answer; the inner error is why it is refused.
pub fn change_person(
    conn: &mut PgConnection,
    actor: &Actor,
    id: UserId,
    change: PersonChange,
) -> QueryResult<Result<Option<Changed>>> {
    settle(change_or_stop(conn, actor, id, change))
}

fn change_or_stop(
    conn: &mut PgConnection,
    actor: &Actor,
    id: UserId,
    change: PersonChange,
) -> Judged<Changed> {
    let Some(before) = judge(conn, actor, id, Act::Change(change))? else { return Ok(None) };
    let mut ended = nothing_ended();
    let (role, is_verified) = (
        change.role.filter(|role| *role != before.role),
        change.is_verified.filter(|to| *to != before.is_verified),
    );
    if role.is_some() || is_verified.is_some() {
        user::update(conn, id, &UserChange { role, is_verified })?;
    }
    if let Some(role) = role {
        note(
            conn,
            actor,
            AuditAction::UserRoleChanged,
            id,
            json!({"role": {"old": before.role, "new": role}}),
        )?;
    }
    if let Some(to) = is_verified {
        let detail = json!({"is_verified": {"old": before.is_verified, "new": to}});
        note(conn, actor, AuditAction::UserVerificationChanged, id, detail)?;
    }
    if let Some(blocked) = change.blocked.filter(|blocked| *blocked != before.blocked_at.is_some()) {
        user::set_blocked(conn, id, blocked)?;
        let mut detail = json!({"blocked": {"old": !blocked, "new": blocked}});
        if blocked {
            ended = end_all(conn, id)?;
            detail["revoked"] = ended.live.len().into();
        }
        note(
            conn,
            actor,
            if blocked { AuditAction::UserBlocked } else { AuditAction::UserUnblocked },
            id,
            detail,
        )?;
    }
    Ok(user::find(conn, id)?.map(|user| Changed { user, ended }))
}

/// Ends every session of a person; see [`super::Administration::end_sessions_of`].
///
/// # Errors
/// When Postgres gives no answer; the inner error is why it is refused.
pub fn end_sessions(
    conn: &mut PgConnection,
    actor: &Actor,
    id: UserId,
) -> QueryResult<Result<Option<Changed>>> {
    settle(end_all_or_stop(conn, actor, id))
}

fn end_all_or_stop(conn: &mut PgConnection, actor: &Actor, id: UserId) -> Judged<Changed> {
    if judge(conn, actor, id, Act::EndSessions)?.is_none() {
        return Ok(None);
    }
    let ended = end_all(conn, id)?;
    note(conn, actor, AuditAction::SessionsEnded, id, json!({"revoked": ended.live.len()}))?;
    Ok(user::find(conn, id)?.map(|user| Changed { user, ended }))
}

/// Ends one live session of a person; see [`super::Administration::end_session_of`]. In which application it was.
///
/// # Errors
/// When Postgres gives no answer; the inner error is why it is refused.
pub fn end_session(
    conn: &mut PgConnection,
    actor: &Actor,
    id: UserId,
    session: &SessionId,
) -> QueryResult<Result<Option<ApplicationContext>>> {
    settle(end_one_or_stop(conn, actor, id, session))
}

fn end_one_or_stop(
    conn: &mut PgConnection,
    actor: &Actor,
    id: UserId,
    session: &SessionId,
) -> Judged<ApplicationContext> {
    let Some(subject) = judge(conn, actor, id, Act::EndSessions)? else { return Ok(None) };
    let Some(context) = session::end_one(conn, &subject, session)? else { return Ok(None) };
    let entry = actor.entry(AuditAction::SessionEnded, id, json!({"application_context": context}));
    audit::append(conn, &audit::Entry { session: Some(*session), ..entry })?;
    Ok(Some(context))
}

/// Grants a right; see [`super::Administration::grant`]. With the person as they are then.
///
/// # Errors
/// When Postgres gives no answer; the inner error is why it is refused.
pub(crate) fn grant(
    conn: &mut PgConnection,
    actor: &Actor,
    id: UserId,
    new: &NewGrant,
) -> QueryResult<Result<Option<(Granted, User)>>> {
    settle(grant_or_stop(conn, actor, id, new))
}

fn grant_or_stop(
    conn: &mut PgConnection,
    actor: &Actor,
    id: UserId,
    new: &NewGrant,
) -> Judged<(Granted, User)> {
    if judge(conn, actor, id, Act::Grant(new))?.is_none() {
        return Ok(None);
    }
    let before = right::find(conn, id, &new.permission, new.application_context)?;
    let by = actor.staff.as_ref().map(|staff| staff.id);
    let grant = right::grant(conn, id, new, by)?;
    let detail = grant_detail(&grant.permission, grant.application_context, before.as_ref(), Some(&grant));
    note(conn, actor, AuditAction::PermissionGranted, id, detail)?;
    let granted = Granted { grant, is_new: before.is_none() };
    Ok(user::find(conn, id)?.map(|user| (granted, user)))
}

/// Takes a right; see [`super::Administration::take`]. The person as they are then.
///
/// # Errors
/// When Postgres gives no answer; the inner error is why it is refused.
pub(crate) fn take(
    conn: &mut PgConnection,
    actor: &Actor,
    id: UserId,
    permission: &str,
    context: ApplicationContext,
) -> QueryResult<Result<Option<User>>> {
    settle(take_or_stop(conn, actor, id, permission, context))
}

fn take_or_stop(
    conn: &mut PgConnection,
    actor: &Actor,
    id: UserId,
    permission: &str,
    context: ApplicationContext,
) -> Judged<User> {
    if judge(conn, actor, id, Act::Take)?.is_none() {
        return Ok(None);
    }
    let Some(before) = right::find(conn, id, permission, context)? else { return Ok(None) };
    right::take(conn, id, permission, context)?;
    let detail = grant_detail(permission, context, Some(&before), None);
    note(conn, actor, AuditAction::PermissionTaken, id, detail)?;
    Ok(user::find(conn, id)?)
}

/// Locks those whom an act concerns and judges it; to whom it is to be done, or `None` when there is no such person.
fn judge(conn: &mut PgConnection, actor: &Actor, id: UserId, act: Act<'_>) -> Judged<User> {
    let staff = actor.staff.as_ref().map(|staff| staff.id);
    let of_admins =
        matches!(act, Act::Change(change) if change.role.is_some() || change.blocked == Some(true));
    let ids: Vec<UserId> = staff.into_iter().chain([id]).collect();
    let locked = user::lock(conn, &ids, of_admins)?;
    let find = |id: UserId| locked.iter().find(|user| user.id == id);
    let Some(subject) = find(id) else { return Ok(None) };
    let rights = match staff {
        Some(staff) => right::of(conn, staff, ApplicationContext::Admin)?,
        None => Rights::default(),
    };
    let administers = |user: &&User| user.role == Role::Admin && user.blocked_at.is_none();
    let other_admin = locked.iter().filter(administers).any(|user| user.id != id);
    let actor_now = staff.and_then(find).map(|user| (user, &rights));
    forbids(actor, act, &Standing { actor: actor_now, subject, other_admin })?;
    Ok(Some(subject.clone()))
}

fn end_all(conn: &mut PgConnection, id: UserId) -> QueryResult<Ended> {
    match user::raise_epoch(conn, id, None, None)? {
        Some(raised) => session::end_all(conn, id, raised.session_epoch, None),
        None => Ok(nothing_ended()),
    }
}

const fn nothing_ended() -> Ended {
    Ended { live: Vec::new(), all: Vec::new(), kept: false }
}

fn note(
    conn: &mut PgConnection,
    actor: &Actor,
    action: AuditAction,
    subject: UserId,
    detail: Value,
) -> QueryResult<()> {
    audit::append(conn, &actor.entry(action, subject, detail))
}

/// A right before and after, for the audit log.
pub(crate) fn grant_detail(
    permission: &str,
    context: ApplicationContext,
    old: Option<&Grant>,
    new: Option<&Grant>,
) -> Value {
    let shown = |grant: Option<&Grant>| grant.map(|grant| json!({"expires_at": grant.expires_at}));
    json!({"permission": permission, "application_context": context, "old": shown(old), "new": shown(new)})
}
