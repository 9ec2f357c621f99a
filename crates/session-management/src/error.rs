//! Why an act did not happen. Absent is not among the reasons: that is `Ok(None)`.

use std::time::Duration;

use identity_db::DatabaseError;

/// One enum for the whole crate; `http-kit` maps it to answers in one place.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A store could not be asked or did not answer: nobody knows, so nobody may say no.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The proof was wrong, or the account is blocked; which of the two is not told.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The person is known, and has no business in this application.
    #[error("not allowed here")]
    Forbidden,
    /// The session that acts has ended meanwhile.
    #[error("the session has ended")]
    Unauthenticated,
    /// What a member of staff wanted to do is not theirs to do.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The act needs a proof of identity that is at most five minutes old.
    #[error("a recent proof of identity is needed")]
    ReauthenticationRequired,
    /// Something of that name exists.
    #[error("taken")]
    Conflict,
    /// Too many attempts.
    #[error("too many attempts; the next in {0:?}")]
    RateLimited(Duration),
    /// This installation is not set up for it.
    #[error("not offered here")]
    NotOffered,
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(String),
}

/// Why an act of staff upon a person was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The member of staff lacks a permission.
    #[error("a permission is missing")]
    NotPermitted,
    /// The person has a higher role than the member of staff.
    #[error("the person has a higher role")]
    HigherRole,
    /// Nobody gives more than they have.
    #[error("nobody gives a role or a permission that is more than their own")]
    MoreThanOwn,
    /// Nobody would be left to administer.
    #[error("this is the last administrator who is not blocked")]
    LastAdmin,
}

impl From<DatabaseError> for SessionError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Unavailable(reason) => Self::Unavailable(reason),
            DatabaseError::RolledBack => Self::Internal("a transaction was given up".into()),
            DatabaseError::Refused(source) => Self::Internal(source.to_string()),
        }
    }
}
