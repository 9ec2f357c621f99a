//! Users and sessions as the API shows them. What is not listed here is not shown.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use constants::ApplicationContext;
use serde::{Serialize, Serializer};
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
    #[serde(serialize_with = "rfc3339")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "rfc3339_or_null")]
    last_login_at: Option<DateTime<Utc>>,
    /// In admin-panel alone: whether every login and session is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<bool>,
}

impl UserView {
    /// A person as an application shows them.
    #[must_use]
    pub fn new(user: &User, context: ApplicationContext) -> Self {
        Self {
            id: user.id.0,
            email: user.email.clone(),
            phone: user.phone.clone(),
            telegram_id: user.telegram_id,
            role: user.role,
            is_verified: user.is_verified,
            created_at: user.created_at,
            last_login_at: user.last_login_at,
            blocked: (context == ApplicationContext::Admin).then_some(user.blocked_at.is_some()),
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
    #[serde(serialize_with = "rfc3339")]
    created_at: DateTime<Utc>,
    /// Up to a minute older than the last use.
    #[serde(serialize_with = "rfc3339")]
    last_activity: DateTime<Utc>,
    /// When it ends unless it is used; use does not move it past the absolute end.
    #[serde(serialize_with = "rfc3339")]
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

/// The same text as chrono's own serialization. That goes by the general formatter, and five times took a third of
/// the time that an answer takes to be written.
///
/// # Errors
/// As the serializer.
pub fn rfc3339<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    let micros = at.timestamp_subsec_micros();
    let (Ok(year), true) = (u32::try_from(at.year()), at.timestamp_subsec_nanos() == micros * 1000) else {
        return serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    };
    if year > 9999 {
        return serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    }
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    for (place, width, number) in [
        (0, 4, year),
        (5, 2, at.month()),
        (8, 2, at.day()),
        (11, 2, at.hour()),
        (14, 2, at.minute()),
        (17, 2, at.second()),
        (20, 6, micros),
    ] {
        put_digits(&mut text[place..place + width], number);
    }
    let length = match micros {
        0 => 20,
        _ if micros.is_multiple_of(1000) => 24,
        _ => 27,
    };
    text[length - 1] = b'Z';
    serializer.serialize_str(std::str::from_utf8(&text[..length]).unwrap_or_default())
}

fn put_digits(places: &mut [u8], mut number: u32) {
    for place in places.iter_mut().rev() {
        *place = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

/// The same of a time that may be absent.
///
/// # Errors
/// As the serializer.
pub fn rfc3339_or_null<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// Names of devices by what they say of themselves. There are few kinds of them, and parsing one takes longer than
/// all else that is shown of a session.
static DEVICES: LazyLock<RwLock<HashMap<String, String>>> = LazyLock::new(RwLock::default);

/// Kinds that are remembered at most; then they are forgotten together.
const KINDS: usize = 4096;

fn device(user_agent: Option<&str>) -> String {
    let Some(user_agent) = user_agent.filter(|text| !text.is_empty()) else { return "Unknown device".into() };
    if let Some(known) = DEVICES.read().unwrap_or_else(PoisonError::into_inner).get(user_agent) {
        return known.clone();
    }
    let device = parse_device(user_agent);
    let mut devices = DEVICES.write().unwrap_or_else(PoisonError::into_inner);
    if devices.len() >= KINDS {
        devices.clear();
    }
    devices.insert(user_agent.to_owned(), device.clone());
    device
}

fn parse_device(user_agent: &str) -> String {
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
    fn times_are_written_as_chrono_writes_them() {
        let moments = [0, 1, 1_000, -1, 951_782_399_999_999, 1_700_000_000_000_000, 1_700_000_000_120_000]
            .map(|micros| DateTime::from_timestamp_micros(micros).unwrap());
        let strange = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::from_timestamp_nanos(1)];
        for at in moments.into_iter().chain(strange) {
            let mut written = Vec::new();
            rfc3339(&at, &mut serde_json::Serializer::new(&mut written)).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&at).unwrap());
        }
    }

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
