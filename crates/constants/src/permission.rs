//! What staff may do in admin-panel.

use crate::named::named_enum;
use crate::role::Role;

named_enum! {
    /// A permission that admin-panel asks for. Other applications name theirs as they like.
    pub enum Permission {
        /// Seeing people, their sessions and permissions, and the statistics.
        UsersRead = "users.read",
        /// Reading the audit log.
        AuditRead = "audit.read",
        /// Ending sessions of others.
        SessionsEnd = "sessions.end",
        /// Blocking people and letting them in again.
        UsersBlock = "users.block",
        /// Saying that an address counts as proven.
        UsersVerify = "users.verify",
        /// Changing roles.
        RolesChange = "roles.change",
        /// Granting and taking permissions.
        PermissionsChange = "permissions.change",
    }
}

impl Permission {
    /// The lowest role that brings it.
    #[must_use]
    pub const fn least_role(self) -> Role {
        match self {
            Self::UsersRead | Self::AuditRead => Role::Support,
            Self::SessionsEnd | Self::UsersBlock => Role::Operator,
            Self::UsersVerify | Self::RolesChange | Self::PermissionsChange => Role::Admin,
        }
    }
}

impl Role {
    /// Whether people of this role have a permission in admin-panel without a grant.
    #[must_use]
    pub const fn brings(self, permission: Permission) -> bool {
        self.rank() >= permission.least_role().rank()
    }
}
