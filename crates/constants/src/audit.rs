//! What the audit log tells of.

use crate::named::named_enum;

named_enum! {
    /// An act that is written down. Whoever writes a line names one of these, so that the log's page has words for it.
    pub enum AuditAction {
        /// An account was made.
        UserCreated = "user_created",
        /// A login.
        SessionCreated = "session_created",
        /// A session of the older software has a row now.
        SessionAdopted = "session_adopted",
        /// A session that the memory of a process had was saved.
        SessionCarried = "session_carried",
        /// The same, of one that had ended in that memory.
        SessionEndedInMemory = "session_ended_in_memory",
        /// A logout.
        SessionLogout = "session_logout",
        /// A person ended one of their sessions.
        SessionEndedByOwner = "session_ended_by_owner",
        /// A person ended all their other sessions.
        SessionsEndedByOwner = "sessions_ended_by_owner",
        /// A person changed their password, which ended all their other sessions.
        PasswordChanged = "password_changed",
        /// Staff ended one session.
        SessionEnded = "session_ended",
        /// Staff ended all sessions of a person.
        SessionsEnded = "sessions_ended",
        /// An operator ended every session of everybody.
        AllSessionsEnded = "all_sessions_ended",
        /// A role was changed.
        UserRoleChanged = "user_role_changed",
        /// An address counts as proven, or no more.
        UserVerificationChanged = "user_verification_changed",
        /// A person was blocked.
        UserBlocked = "user_blocked",
        /// A person was let in again.
        UserUnblocked = "user_unblocked",
        /// A permission was granted.
        PermissionGranted = "permission_granted",
        /// A permission was taken.
        PermissionTaken = "permission_taken",
        /// Another migration strategy runs.
        StrategySet = "strategy_set",
        /// A backup was taken.
        BackupTaken = "backup_taken",
        /// The clean-up was applied.
        CleanupApplied = "cleanup_applied",
        /// A root key was added.
        RootKeyAdded = "root_key_added",
        /// An import of a file of the older software began.
        LegacyImportStarted = "legacy_import_started",
        /// An import of a file of the older software ended.
        LegacyImportFinished = "legacy_import_finished",
    }
}
