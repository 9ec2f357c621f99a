//! Users and sessions as the API shows them. What is not listed here is not shown.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use serde::Serialize;
use session_management::{Session, SessionId, User};
use utoipa::ToSchema;
use uuid::Uuid;
use woothee::parser::Parser;

static USER_AGENTS: LazyLock<Parser> = LazyLock::new(Parser::new);

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    id: Uuid,
    email: Option<String>,
    /// E.164.
    phone: Option<String>,
    telegram_id: Option<i64>,
    #[schema(value_type = String, example = "user")]
    role: constants::Role,
    is_verified: bool,
    created_at: DateTime<Utc>,
    last_login_at: Option<DateTime<Utc>>,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.0,
            email: user.email.clone(),
            phone: user.phone.clone(),
            telegram_id: user.telegram_id,
            role: user.role,
            is_verified: user.is_verified,
            created_at: user.created_at,
            last_login_at: user.last_login_at,
        }
    }
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// The digest of the token, never the token.
    id: String,
    #[schema(value_type = String, example = "web")]
    application_context: constants::ApplicationContext,
    created_at: DateTime<Utc>,
    /// Up to a minute older than the last use.
    last_activity: DateTime<Utc>,
    /// When it ends unless it is used; use does not move it past the absolute end.
    expires_at: DateTime<Utc>,
    /// The address of the login.
    ip_address: Option<String>,
    user_agent: Option<String>,
    /// Browser and system in words.
    device: String,
    /// Whether this request came with it.
    current: bool,
}

impl SessionView {
    /// A session as seen from the session `current`.
    #[must_use]
    pub fn new(session: &Session, current: &SessionId) -> Self {
        Self {
            id: session.id.to_string(),
            application_context: session.application_context,
            created_at: session.created_at,
            last_activity: session.last_activity,
            expires_at: session.expires_at.min(session.absolute_expires_at),
            ip_address: session.ip_address.map(|network| network.ip().to_string()),
            user_agent: session.user_agent.clone(),
            device: device(session.user_agent.as_deref()),
            current: session.id == *current,
        }
    }
}

/// The answer to a login, and to `GET /api/me`.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginView {
    /// The person.
    pub user: UserView,
    /// The session.
    pub session: SessionView,
    /// The token; only in the answer to a login with `"transport": "bearer"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

fn device(user_agent: Option<&str>) -> String {
    let Some(user_agent) = user_agent.filter(|text| !text.is_empty()) else { return "Unknown device".into() };
    if let Some(known) = USER_AGENTS.parse(user_agent)
        && known.name != "UNKNOWN"
        && known.os != "UNKNOWN"
    {
        return format!("{} on {}", known.name, known.os);
    }
    // A program names itself first: `curl/8.0`.
    user_agent.split(['/', ' ']).next().unwrap_or_default().chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_with_their_system_and_programs_by_their_own_name_c1() {
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/120.0.0.0 Safari/537.36";
        assert_eq!(device(Some(chrome)), "Chrome on Windows 10");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                     Gecko) Version/17.0 Mobile/15E148 Safari/604.1";
        assert_eq!(device(Some(phone)), "Safari on iPhone");
        assert_eq!(device(Some("curl/8.0")), "curl");
        assert_eq!(device(None), "Unknown device");
    }
}
