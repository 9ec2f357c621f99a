//! How a session stands in Redis: JSON that operators and the older software can read, and beside it, packed, what
//! a decision needs.
//!
//! What is packed is read far more often than it is written, by every first request of a session to a process;
//! as JSON with names it took most of the time of such a look-up.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use constants::LegacySource;
use identity_db::right::{Right, Rights};
use identity_db::session::Session;
use identity_db::user::User;
use identity_db::{Incarnation, IpNetwork, SessionId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::SessionData;
use crate::principal::{Memo, Snapshot};

/// Stands first in what is packed. It changes whenever a field does: a value of another format is as good as absent.
const FORMAT: u8 = 3;

#[derive(Serialize, Deserialize)]
struct Value<'a> {
    user_id: UserId,
    /// Milliseconds since 1970, as in the older software.
    created_at: Option<i64>,
    expires_at: i64,
    ip: Option<IpAddr>,
    #[serde(borrow)]
    user_agent: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decision: Option<&'a str>,
}

/// Names and not numbers stand for enums, so that a variant more changes the meaning of none.
#[derive(Serialize, Deserialize)]
struct Decision<'a> {
    format: u8,
    read_at: i64,
    incarnation: (i64, i64),
    id: &'a str,
    context: &'a str,
    created_at: i64,
    last_activity: i64,
    expires_at: i64,
    absolute_expires_at: i64,
    prefix: Option<u8>,
    auth_method: &'a str,
    authenticated_at: Option<i64>,
    adopted_from: Option<&'a str>,
    epoch: i64,
    user: Person<'a>,
    /// Each with its end.
    #[serde(borrow)]
    rights: Vec<(&'a str, Option<i64>)>,
}

#[derive(Serialize, Deserialize)]
struct Person<'a> {
    id: [u8; 16],
    email: Option<&'a str>,
    phone: Option<&'a str>,
    telegram_id: Option<i64>,
    is_verified: bool,
    role: &'a str,
    created_at: i64,
    last_login_at: Option<i64>,
    session_epoch: i64,
    credential_version: i64,
    version: i64,
}

/// The bytes of a value; `None` when it cannot be written.
pub(super) fn encode(data: &SessionData) -> Option<Vec<u8>> {
    let decision = match &data.snapshot {
        Some(snapshot) => Some(URL_SAFE_NO_PAD.encode(postcard::to_allocvec(&pack(snapshot)).ok()?)),
        None => None,
    };
    let value = Value {
        user_id: data.user_id,
        created_at: data.created_at,
        expires_at: data.expires_at,
        ip: data.ip,
        user_agent: data.user_agent.as_deref().map(Cow::Borrowed),
        decision: decision.as_deref(),
    };
    serde_json::to_vec(&value).ok()
}

/// The value of these bytes; `None` when they are none.
pub(super) fn decode(bytes: &[u8]) -> Option<SessionData> {
    let value: Value<'_> = serde_json::from_slice(bytes).ok()?;
    let Value { user_id, created_at, expires_at, ip, user_agent, decision } = value;
    let user_agent = user_agent.map(Cow::into_owned);
    let snapshot = match decision {
        Some(packed) => {
            Some(Arc::new(unpack(&URL_SAFE_NO_PAD.decode(packed).ok()?, ip, user_agent.clone())?))
        }
        None => None,
    };
    Some(SessionData { user_id, created_at, expires_at, ip, user_agent, snapshot })
}

/// The value of bytes that the older software wrote. It must name a person and an end; what else it says is taken
/// as far as it can be read, since a session must not be lost for a strange address.
pub(super) fn decode_legacy(bytes: &[u8]) -> Option<SessionData> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let millis =
        |member: &str| value.get(member).and_then(|number| number.as_i64().or(number.as_f64().map(whole)));
    let text = |member: &str| value.get(member).and_then(serde_json::Value::as_str);
    Some(SessionData {
        user_id: UserId(text("user_id")?.parse().ok()?),
        created_at: millis("created_at"),
        expires_at: millis("expires_at")?,
        ip: text("ip")
            .and_then(|address| address.parse::<IpAddr>().ok())
            .map(|address| address.to_canonical()),
        user_agent: text("user_agent").map(str::to_owned),
        snapshot: None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds; `as` saturates")]
fn whole(number: f64) -> i64 {
    number as i64
}

fn pack(snapshot: &Snapshot) -> Decision<'_> {
    let Snapshot { session, user, rights, read_at, incarnation, .. } = snapshot;
    let micros = |at: &DateTime<Utc>| at.timestamp_micros();
    Decision {
        format: FORMAT,
        read_at: micros(read_at),
        incarnation: (incarnation.system, incarnation.timeline),
        id: session.id.as_str(),
        context: session.application_context.as_str(),
        created_at: micros(&session.created_at),
        last_activity: micros(&session.last_activity),
        expires_at: micros(&session.expires_at),
        absolute_expires_at: micros(&session.absolute_expires_at),
        prefix: session.ip_address.map(|network| network.prefix()),
        auth_method: &session.auth_method,
        authenticated_at: session.authenticated_at.as_ref().map(micros),
        adopted_from: session.adopted_from.map(LegacySource::as_str),
        epoch: session.session_epoch,
        user: Person {
            id: user.id.0.into_bytes(),
            email: user.email.as_deref(),
            phone: user.phone.as_deref(),
            telegram_id: user.telegram_id,
            is_verified: user.is_verified,
            role: user.role.as_str(),
            created_at: micros(&user.created_at),
            last_login_at: user.last_login_at.as_ref().map(micros),
            session_epoch: user.session_epoch,
            credential_version: user.credential_version,
            version: user.version,
        },
        rights: rights
            .iter()
            .map(|right| (right.permission.as_str(), right.expires_at.as_ref().map(micros)))
            .collect(),
    }
}

fn unpack(bytes: &[u8], ip: Option<IpAddr>, user_agent: Option<String>) -> Option<Snapshot> {
    let packed: Decision<'_> = postcard::from_bytes(bytes).ok()?;
    if packed.format != FORMAT {
        return None;
    }
    let person = packed.user;
    let at = DateTime::from_timestamp_micros;
    let moment = |at: Option<i64>| match at {
        Some(micros) => DateTime::from_timestamp_micros(micros).map(Some),
        None => Some(None),
    };
    let user = User {
        id: UserId(Uuid::from_bytes(person.id)),
        email: person.email.map(str::to_owned),
        phone: person.phone.map(str::to_owned),
        telegram_id: person.telegram_id,
        is_verified: person.is_verified,
        role: person.role.parse().ok()?,
        created_at: at(person.created_at)?,
        last_login_at: moment(person.last_login_at)?,
        // Of a blocked person nothing is written.
        blocked_at: None,
        session_epoch: person.session_epoch,
        credential_version: person.credential_version,
        version: person.version,
    };
    let adopted_from = match packed.adopted_from {
        Some(name) => Some(name.parse().ok()?),
        None => None,
    };
    let ip_address = match (ip, packed.prefix) {
        (Some(ip), Some(prefix)) => Some(IpNetwork::new(ip, prefix).ok()?),
        _ => None,
    };
    let session = Session {
        id: SessionId::parse(packed.id)?,
        user_id: user.id,
        application_context: packed.context.parse().ok()?,
        created_at: at(packed.created_at)?,
        last_activity: at(packed.last_activity)?,
        expires_at: at(packed.expires_at)?,
        absolute_expires_at: at(packed.absolute_expires_at)?,
        ip_address,
        user_agent,
        // Of a revoked one neither.
        revoked: false,
        session_epoch: packed.epoch,
        auth_method: packed.auth_method.to_owned(),
        authenticated_at: moment(packed.authenticated_at)?,
        adopted_from,
    };
    let right = |(permission, expires_at): (&str, Option<i64>)| {
        Some(Right { permission: permission.to_owned(), expires_at: moment(expires_at)? })
    };
    let (system, timeline) = packed.incarnation;
    Some(Snapshot {
        session,
        user,
        rights: packed.rights.into_iter().map(right).collect::<Option<Rights>>()?,
        read_at: at(packed.read_at)?,
        incarnation: Incarnation { system, timeline },
        memo: Memo::default(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use test_support::{any_object, any_or_almost, any_text, for_all};

    use super::*;
    use crate::principal::tests::snapshot;

    fn full() -> Snapshot {
        let mut snapshot = snapshot("session-a");
        let at = DateTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        snapshot.read_at = at;
        snapshot.session.authenticated_at = Some(at);
        snapshot.session.adopted_from = Some(LegacySource::Redis);
        snapshot.session.ip_address = "192.0.2.0/24".parse().ok();
        snapshot.session.user_agent = Some("curl/8 \"quoted\" — ü".into());
        snapshot.user.last_login_at = Some(at);
        snapshot.user.phone = Some("+447946000001".into());
        snapshot.user.telegram_id = Some(-7);
        let right = |(permission, expires_at): (&str, _)| Right { permission: permission.into(), expires_at };
        snapshot.rights =
            [("reports.export", Some(at)), ("reports.read", None)].map(right).into_iter().collect();
        snapshot
    }

    #[test]
    fn what_is_read_is_what_was_written_to_the_microsecond_a5() {
        for snapshot in [snapshot("session-a"), full()] {
            let data = SessionData::of(Arc::new(snapshot));
            assert_eq!(decode(&encode(&data).unwrap()), Some(data));
        }
    }

    #[test]
    fn a_value_shows_operators_what_the_older_software_showed_a5() {
        let value: serde_json::Value =
            serde_json::from_slice(&encode(&SessionData::of(Arc::new(full()))).unwrap()).unwrap();
        for member in ["user_id", "created_at", "expires_at", "ip", "user_agent"] {
            assert!(!value[member].is_null(), "{member}");
        }
    }

    #[test]
    fn a_value_of_another_format_is_as_good_as_absent() {
        let mut bytes = postcard::to_allocvec(&pack(&full())).unwrap();
        assert!(unpack(&bytes, None, None).is_some());
        bytes[0] = FORMAT + 1;
        assert!(unpack(&bytes, None, None).is_none());
    }

    #[test]
    fn a_value_of_the_older_software_is_read_as_far_as_it_goes_a12() {
        let user = "6a2f41a3-c54c-4ce8-b2d2-0324e1c32e22";
        let strange =
            format!(r#"{{"user_id":"{user}","expires_at":1.7e12,"ip":"unknown","user_agent":7,"x":[]}}"#);
        let data = decode_legacy(strange.as_bytes()).unwrap();
        assert_eq!((data.expires_at, data.created_at, data.ip), (1_700_000_000_000, None, None));
        let whole =
            format!(r#"{{"user_id":"{user}","created_at":1,"expires_at":2,"ip":"::ffff:192.0.2.1"}}"#);
        let data = decode_legacy(whole.as_bytes()).unwrap();
        assert_eq!((data.created_at, data.ip), (Some(1), "192.0.2.1".parse().ok()));
        for none in
            ["", "null", "[]", r#"{"user_id":"7","expires_at":2}"#, &format!(r#"{{"user_id":"{user}"}}"#)]
        {
            assert_eq!(decode_legacy(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn every_value_is_read_as_it_was_written_a5() {
        let text = || prop::option::of(any_text());
        let moment = || {
            let year_10000 = 253_402_300_800_000_000_i64;
            (-year_10000..year_10000).prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
        };
        let times = (moment(), moment(), prop::option::of(moment()), prop::option::of(moment()));
        let numbers = (any::<i64>(), any::<i64>(), any::<i64>(), any::<u128>());
        let rights = prop::collection::vec((any_text(), prop::option::of(moment())), 0..4);
        let values = (text(), text(), text(), times, numbers, rights, any::<Option<std::net::Ipv6Addr>>());
        for_all("cached value, round trip", values, |(email, phone, agent, times, numbers, rights, ip)| {
            let mut snapshot = full();
            (snapshot.user.email, snapshot.user.phone, snapshot.session.user_agent) = (email, phone, agent);
            (snapshot.session.created_at, snapshot.read_at) = (times.0, times.1);
            (snapshot.user.last_login_at, snapshot.session.authenticated_at) = (times.2, times.3);
            (snapshot.user.version, snapshot.session.session_epoch) = (numbers.0, numbers.1);
            (snapshot.user.session_epoch, snapshot.user.id) = (numbers.2, UserId(Uuid::from_u128(numbers.3)));
            snapshot.session.user_id = snapshot.user.id;
            snapshot.session.ip_address = ip.map(|ip| IpAddr::from(ip).into());
            let right = |(permission, expires_at)| Right { permission, expires_at };
            snapshot.rights = rights.into_iter().map(right).collect();
            let data = SessionData::of(Arc::new(snapshot));
            prop_assert_eq!(decode(&encode(&data).unwrap()), Some(data));
            Ok(())
        });
    }

    #[test]
    fn whatever_stands_in_redis_is_no_value_or_one_that_can_be_written_again_a5() {
        let packed = postcard::to_allocvec(&pack(&full())).unwrap();
        let changed = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
        let changed = changed.prop_map(move |changes| {
            let mut bytes = packed.clone();
            changes.into_iter().for_each(|(index, byte)| *index.get_mut(&mut bytes) = byte);
            bytes
        });
        let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..400), changed];
        for_all("cached value, packed", bytes, |bytes| {
            let ip = Some(IpAddr::from([192, 0, 2, 1]));
            if let Some(snapshot) = unpack(&bytes, ip, None) {
                // An address without a network, and a network without an address, say nothing.
                let again = unpack(&postcard::to_allocvec(&pack(&snapshot)).unwrap(), ip, None);
                prop_assert_eq!(again, Some(snapshot));
            }
            prop_assert!(decode(&bytes).is_none() && decode_legacy(&bytes).is_none());
            Ok(())
        });
    }

    #[test]
    fn whatever_the_older_software_left_is_read_as_json_says_it_a12() {
        const USER: &str = "6a2f41a3-c54c-4ce8-b2d2-0324e1c32e22";
        let members = &["user_id", "created_at", "expires_at", "ip", "user_agent", "mac", "decision"];
        let user = prop::option::of(prop_oneof![Just(USER.to_owned()), any_or_almost(&[USER])]);
        let values = (any_object(members), user, prop::option::of(any::<i64>()), any_text());
        for_all("legacy value of Redis", values, |(mut object, user, end, tail)| {
            user.into_iter().for_each(|user| object["user_id"] = user.into());
            end.into_iter().for_each(|end| object["expires_at"] = end.into());
            let data = decode_legacy(object.to_string().as_bytes());
            let named = object["user_id"].as_str().and_then(|id| id.parse::<Uuid>().ok()).map(UserId);
            let ends = object["expires_at"].is_number();
            prop_assert_eq!(data.as_ref().map(|data| data.user_id), named.filter(|_| ends));
            if let Some(data) = data {
                prop_assert!(data.snapshot.is_none(), "nothing decides without a signature");
                prop_assert!(object["expires_at"].as_i64().is_none_or(|end| end == data.expires_at));
                prop_assert_eq!(data.user_agent.as_deref(), object["user_agent"].as_str());
                let ip = object["ip"].as_str().and_then(|text| text.parse().ok());
                prop_assert_eq!(data.ip, ip.map(|ip: IpAddr| ip.to_canonical()));
            }
            let _ = decode_legacy(format!("{object}{tail}").as_bytes());
            Ok(())
        });
    }
}
