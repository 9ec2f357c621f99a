//! Users and sessions as the API shows them. What is not listed here is not shown.

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use constants::ApplicationContext;
use serde::{Serialize, Serializer};
use session_management::{Session, SessionId, User};
use templates::{Device, Locale};
use utoipa::ToSchema;
use uuid::Uuid;

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
            blocked: context.application().staff_only.then_some(user.blocked_at.is_some()),
        }
    }
}

/// How a person is named on pages: by what they log in with.
#[must_use]
pub fn name_of(user: &User) -> String {
    let telegram = || user.telegram_id.map(|id| format!("Telegram {id}"));
    user.email.clone().or_else(|| user.phone.clone()).or_else(telegram).unwrap_or_else(|| user.id.to_string())
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
    /// Browser and system in words; in English whoever asks, since answers are kept.
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
            device: Device::of(session.user_agent.as_deref()).name(Locale::English),
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
}
