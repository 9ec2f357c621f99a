//! What a person is to the company.

use crate::named::named_enum;

named_enum! {
    /// A person's role. In Postgres: the enum `user_role`.
    pub enum Role {
        /// A customer: logs in to web alone.
        User = "user",
        /// Staff with every right.
        Admin = "admin",
        /// Staff who may end sessions and block people.
        Operator = "operator",
        /// Staff who may look.
        Support = "support",
    }
}

impl Role {
    /// Whether this role may open sessions in admin-panel at all.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        !matches!(self, Self::User)
    }

    /// Standing among roles; nobody acts on a person of a higher one.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::User => 0,
            Self::Support => 1,
            Self::Operator => 2,
            Self::Admin => 3,
        }
    }
}
