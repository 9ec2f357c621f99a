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

/// A single thing that is done to a person, as pages and programs ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Giving another role.
    ChangeRole,
    /// Blocking, or letting in again.
    Block,
    /// Saying that an address is proven, or is not.
    Verify,
    /// Ending one session, or all.
    EndSessions,
    /// Granting a permission, or taking one.
    ChangePermissions,
}

impl Deed {
    /// The permission without which nobody does it.
    #[must_use]
    pub const fn permission(self) -> Permission {
        match self {
            Self::ChangeRole => Permission::RolesChange,
            Self::Block => Permission::UsersBlock,
            Self::Verify => Permission::UsersVerify,
            Self::EndSessions => Permission::SessionsEnd,
            Self::ChangePermissions => Permission::PermissionsChange,
        }
    }

    /// Whether it needs a proof of identity of the last five minutes.
    #[must_use]
    pub const fn needs_proof(self) -> bool {
        matches!(self, Self::ChangeRole | Self::ChangePermissions)
    }
}

impl PersonChange {
    /// What it consists of.
    pub fn deeds(self) -> impl Iterator<Item = Deed> {
        let Self { role, blocked, is_verified } = self;
        [role.map(|_| Deed::ChangeRole), blocked.map(|_| Deed::Block), is_verified.map(|_| Deed::Verify)]
            .into_iter()
            .flatten()
    }
}

impl Act<'_> {
    fn deeds(self) -> Vec<Deed> {
        match self {
            Self::Change(change) => change.deeds().collect(),
            Self::EndSessions => vec![Deed::EndSessions],
            Self::Grant(_) | Self::Take => vec![Deed::ChangePermissions],
        }
    }

    /// The permissions that it needs.
    fn needed(self) -> Vec<Permission> {
        // Who changes a person sees what became of them.
        let read = matches!(self, Self::Change(_)).then_some(Permission::UsersRead);
        read.into_iter().chain(self.deeds().into_iter().map(Deed::permission)).collect()
    }

    fn needs_proof(self) -> bool {
        self.deeds().into_iter().any(Deed::needs_proof)
    }
}

/// Why an act must not happen.
pub(crate) fn forbids(actor: &Actor, act: Act<'_>, standing: &Standing<'_>) -> Result<(), SessionError> {
    let Standing { subject, .. } = standing;
    if let Some(staff) = &actor.staff {
        // First as they were let in: two who act upon each other at once learn why the second one failed.
        outranks(staff.role, subject)?;
        if act.needs_proof() && !staff.recently_proven {
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
    if !user.role.is_staff() || !act.needed().into_iter().all(may) {
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
