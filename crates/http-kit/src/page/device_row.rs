//! A session as a device in a list of them, the same in every application.

use chrono::{DateTime, SecondsFormat, Utc};
use session_management::{Session, SessionId};
use templates::page::DeviceRow;
use templates::{Device, Locale, ago, moment};

/// A session at `now`, as seen from the session `own`.
#[must_use]
pub fn device_row(session: &Session, own: &SessionId, now: DateTime<Utc>, locale: Locale) -> DeviceRow {
    let exact = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (began, seen) = (session.created_at, session.last_activity);
    DeviceRow {
        id: session.id.to_string(),
        name: Device::of(session.user_agent.as_deref()).name(locale),
        // A program that says nothing of itself has nothing to be read in full.
        user_agent: session.user_agent.clone().unwrap_or_default(),
        address: session.ip_address.map(|network| network.ip().to_string()),
        began: (exact(began), moment(began, locale)),
        seen: (exact(seen), ago(seen, now, locale), moment(seen, locale)),
        is_current: session.id == *own,
    }
}
