//! What a page says once about the act that led to it. It is one of a few, never a text that came with a request.

/// A message that is shown once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// One session was ended.
    SessionEnded,
    /// All others were ended.
    OthersEnded,
    /// The password was changed.
    PasswordChanged,
    /// Theme and language were kept.
    PreferencesSaved,
    /// The person has logged out.
    LoggedOut,
    /// A code is on its way.
    CodeSent,
    /// A code may be on its way.
    CodeLate,
    /// Every session of a person was ended.
    PersonSessionsEnded,
    /// A person was blocked.
    PersonBlocked,
    /// A person was let in again.
    PersonUnblocked,
    /// An address counts as proven.
    PersonVerified,
    /// An address counts as proven no more.
    PersonUnverified,
    /// A role was changed.
    RoleChanged,
    /// A permission was granted.
    PermissionGranted,
    /// A permission was taken.
    PermissionTaken,
}

impl Notice {
    /// Every one.
    pub const ALL: &'static [Self] = &[
        Self::SessionEnded,
        Self::OthersEnded,
        Self::PasswordChanged,
        Self::PreferencesSaved,
        Self::LoggedOut,
        Self::CodeSent,
        Self::CodeLate,
        Self::PersonSessionsEnded,
        Self::PersonBlocked,
        Self::PersonUnblocked,
        Self::PersonVerified,
        Self::PersonUnverified,
        Self::RoleChanged,
        Self::PermissionGranted,
        Self::PermissionTaken,
    ];

    /// Its name, and that of its text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionEnded => "notice-session-ended",
            Self::OthersEnded => "notice-others-ended",
            Self::PasswordChanged => "notice-password-changed",
            Self::PreferencesSaved => "notice-preferences-saved",
            Self::LoggedOut => "notice-logged-out",
            Self::CodeSent => "notice-code-sent",
            Self::CodeLate => "notice-code-late",
            Self::PersonSessionsEnded => "notice-person-sessions-ended",
            Self::PersonBlocked => "notice-person-blocked",
            Self::PersonUnblocked => "notice-person-unblocked",
            Self::PersonVerified => "notice-person-verified",
            Self::PersonUnverified => "notice-person-unverified",
            Self::RoleChanged => "notice-role-changed",
            Self::PermissionGranted => "notice-permission-granted",
            Self::PermissionTaken => "notice-permission-taken",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|notice| notice.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Locale;

    #[test]
    fn every_notice_is_found_by_its_name_and_has_a_text() {
        for notice in Notice::ALL {
            assert_eq!(Notice::named(notice.name()), Some(*notice));
            assert_ne!(Locale::Russian.text(notice.name()), notice.name());
        }
        assert_eq!(Notice::named("notice-<b>"), None);
    }
}
