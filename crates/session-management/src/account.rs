//! What goes in and out of the acts of logging in and ending sessions.

use std::net::IpAddr;

use constants::{AuditAction, LegacyTokens};
use identity_db::HashedPassword;
use identity_db::UserId;
use identity_db::audit::Origin;
use identity_db::session::Session;
use identity_db::user::User;

use crate::token::SessionToken;

/// Where an act comes from, and what the request carried.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// The client as the audit log and the device list name it.
    pub origin: Origin,
    /// The client's address, for the limits.
    pub address: Option<IpAddr>,
    /// Tokens that the request carried; their sessions end.
    pub carried: Vec<SessionToken>,
    /// Whether the answer sets cookies. A bearer login writes nothing for the older software.
    pub by_cookie: bool,
}

/// A session that was just opened. The token exists nowhere else.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// For the client.
    pub token: SessionToken,
    /// The person.
    pub user: User,
    /// The session.
    pub session: Session,
    /// Whether the token also went where the older software looks, so that its cookie must follow.
    pub dual_written: bool,
}

/// A session to be opened for a person who has proved who they are.
#[derive(Debug, Clone)]
pub struct SessionRequest {
    /// Who.
    pub user: User,
    /// How they proved it.
    pub auth_method: &'static str,
    /// From where, with what.
    pub login: Login,
    /// The password under today's parameters, where it was stored under weaker ones.
    pub rehashed: Option<HashedPassword>,
}

/// The session of the caller, as acts upon all of a person's sessions need it.
#[derive(Debug, Clone)]
pub struct OwnSession {
    /// The caller.
    pub user_id: UserId,
    /// The caller's token.
    pub token: SessionToken,
    /// From where.
    pub origin: Origin,
    /// The client's address, for the limits.
    pub address: Option<IpAddr>,
    /// Whether the caller came by cookie.
    pub by_cookie: bool,
}

/// What ends when all other sessions of a person end.
#[derive(Debug, Clone)]
pub struct EndOthers {
    /// Whose session acts, and goes on under a new token.
    pub own: OwnSession,
    /// A new password, if that is the reason.
    pub new_password: Option<HashedPassword>,
    /// The version of the credential that the proof was checked against.
    pub credential_version: i64,
    /// Whether the act proved anew who the person is.
    pub proven: bool,
    /// The audit log's name for it.
    pub action: AuditAction,
}

/// The other sessions have ended; the caller's goes on.
#[derive(Debug, Clone)]
pub struct OthersEnded {
    /// Live sessions that ended, in every application.
    pub revoked: usize,
    /// The caller's new token.
    pub token: SessionToken,
    /// As in [`LoggedIn`].
    pub dual_written: bool,
}

/// Whether a token goes to the older software: a session of web by cookie, while dual writing is on.
pub(crate) fn dual_writes(
    context: constants::ApplicationContext,
    legacy: LegacyTokens,
    by_cookie: bool,
) -> bool {
    context.counts_legacy_tokens() && legacy == LegacyTokens::DualWrite && by_cookie
}
