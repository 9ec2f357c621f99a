//! What staff can do to a person by a form: its name, what it needs, what is said then.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use http_kit::Problem;
use session_management::administration::Deed;
use templates::Notice;

use crate::staff::not_found;

/// Something that staff do to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    EndSession,
    EndSessions,
    Block,
    Unblock,
    Verify,
    Unverify,
    Role,
    Grant,
    Take,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::EndSession,
        Self::EndSessions,
        Self::Block,
        Self::Unblock,
        Self::Verify,
        Self::Unverify,
        Self::Role,
        Self::Grant,
        Self::Take,
    ];

    /// Its name in addresses, and of its texts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EndSession => "end-session",
            Self::EndSessions => "end-sessions",
            Self::Block => "block",
            Self::Unblock => "unblock",
            Self::Verify => "verify",
            Self::Unverify => "unverify",
            Self::Role => "role",
            Self::Grant => "grant",
            Self::Take => "take",
        }
    }

    /// What is done by it. Its permission is needed to be asked at all, and its form asks for the password when the last
    /// proof is old; whether it may happen is judged where it happens.
    pub(crate) const fn deed(self) -> Deed {
        match self {
            Self::EndSession | Self::EndSessions => Deed::EndSessions,
            Self::Block | Self::Unblock => Deed::Block,
            Self::Verify | Self::Unverify => Deed::Verify,
            Self::Role => Deed::ChangeRole,
            Self::Grant | Self::Take => Deed::ChangePermissions,
        }
    }

    /// Whether it takes something away.
    pub(crate) const fn is_danger(self) -> bool {
        matches!(self, Self::EndSession | Self::EndSessions | Self::Block | Self::Unverify | Self::Take)
    }

    /// What is said once it is done.
    pub(crate) const fn notice(self) -> Notice {
        match self {
            Self::EndSession => Notice::SessionEnded,
            Self::EndSessions => Notice::PersonSessionsEnded,
            Self::Block => Notice::PersonBlocked,
            Self::Unblock => Notice::PersonUnblocked,
            Self::Verify => Notice::PersonVerified,
            Self::Unverify => Notice::PersonUnverified,
            Self::Role => Notice::RoleChanged,
            Self::Grant => Notice::PermissionGranted,
            Self::Take => Notice::PermissionTaken,
        }
    }
}

impl FromRequest for Kind {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let name = request.match_info().get("act");
        let kind = Self::ALL.into_iter().find(|kind| Some(kind.name()) == name);
        ready(kind.ok_or_else(|| not_found().for_request(request)))
    }
}

#[cfg(test)]
mod tests {
    use templates::Locale;

    use super::*;

    #[test]
    fn every_act_has_its_texts_in_both_languages() {
        for (kind, locale) in
            Kind::ALL.iter().flat_map(|kind| [(kind, Locale::English), (kind, Locale::Russian)])
        {
            for part in ["title", "text", "button"] {
                let name = format!("act-{}-{part}", kind.name());
                assert_ne!(locale.text(&name), name);
            }
        }
    }
}
