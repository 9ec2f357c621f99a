//! What staff may do to whom. Nothing here asks a store: what is judged was read under a lock.

use constants::{ApplicationContext, Permission, Role};
use identity_db::right::{NewGrant, Rights};
use identity_db::user::User;

use super::{Actor, PersonChange};
use crate::error::{Refusal, SessionError};

/// What is to be done to a person.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act<'a> {
    Change(PersonChange),
    EndSessions,
    Grant(&'a NewGrant),
    Take,
}

/// Those whom an act concerns, as they are when it happens.
#[derive(Debug)]
pub(crate) struct Standing<'a> {
    /// The member of staff who acts, and their rights in admin-panel; absent when they are gone.
    pub(crate) actor: Option<(&'a User, &'a Rights)>,
    /// To whom it is to be done.
    pub(crate) subject: &'a User,
    /// Whether anybody but the subject could still administer.
    pub(crate) other_admin: bool,
}

/// The permissions that an act needs.
pub(crate) fn needed(act: Act<'_>) -> Vec<Permission> {
    match act {
        Act::Change(PersonChange { role, blocked, is_verified }) => [
            Some(Permission::UsersRead),
            role.map(|_| Permission::RolesChange),
            blocked.map(|_| Permission::UsersBlock),
            is_verified.map(|_| Permission::UsersVerify),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Act::EndSessions => vec![Permission::SessionsEnd],
        Act::Grant(_) | Act::Take => vec![Permission::PermissionsChange],
    }
}

/// Whether an act needs a proof of identity of the last five minutes.
fn needs_proof(act: Act<'_>) -> bool {
    match act {
        Act::Change(change) => change.role.is_some(),
        Act::EndSessions => false,
        Act::Grant(_) | Act::Take => true,
    }
}

/// Why an act must not happen.
pub(crate) fn forbids(actor: &Actor, act: Act<'_>, standing: &Standing<'_>) -> Result<(), SessionError> {
    let Standing { subject, .. } = standing;
    if let Some(staff) = &actor.staff {
        // First as they were let in: two who act upon each other at once learn why the second one failed.
        outranks(staff.role, subject)?;
        if needs_proof(act) && !staff.recently_proven {
            return Err(SessionError::ReauthenticationRequired);
        }
    }
    if let Act::Change(change) = act
        && ends_administration(subject, change)
        && !standing.other_admin
    {
        return Err(Refusal::LastAdmin.into());
    }
    if actor.staff.is_none() {
        return Ok(());
    }
    let (user, rights) = standing.actor.ok_or(SessionError::Unauthenticated)?;
    if user.blocked_at.is_some() {
        return Err(SessionError::Unauthenticated);
    }
    let may = |permission: Permission| user.role.brings(permission) || rights.contain(permission.as_str());
    if !user.role.is_staff() || !needed(act).into_iter().all(may) {
        return Err(Refusal::NotPermitted.into());
    }
    outranks(user.role, subject)?;
    match act {
        // Nobody makes anybody more than they are themselves.
        Act::Change(PersonChange { role: Some(role), .. }) if role.rank() > user.role.rank() => {
            Err(Refusal::MoreThanOwn.into())
        }
        Act::Grant(NewGrant { permission, application_context: ApplicationContext::Admin, .. })
            if permission.parse().is_ok_and(|known: Permission| !may(known)) =>
        {
            Err(Refusal::MoreThanOwn.into())
        }
        _ => Ok(()),
    }
}

fn outranks(role: Role, subject: &User) -> Result<(), SessionError> {
    if subject.role.rank() > role.rank() { Err(Refusal::HigherRole.into()) } else { Ok(()) }
}

/// Whether a person who can administer could not any more.
fn ends_administration(subject: &User, change: PersonChange) -> bool {
    let administers = subject.role == Role::Admin && subject.blocked_at.is_none();
    let demoted = change.role.is_some_and(|role| role != Role::Admin);
    administers && (demoted || change.blocked == Some(true))
}
