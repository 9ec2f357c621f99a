//! What stands in Redis, of the older software and of ours: it is no value, or one that says what its JSON says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use session_management::adapter::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    let json = serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    if let Some(data) = fuzzing::decode_legacy(bytes) {
        assert_eq!(json["user_id"].as_str().and_then(|id| id.parse().ok()), Some(data.user_id.0));
        assert!(json["expires_at"].is_number());
        assert!(json["expires_at"].as_i64().is_none_or(|end| end == data.expires_at));
        assert_eq!(data.user_agent.as_deref(), json["user_agent"].as_str());
        assert!(data.snapshot.is_none());
    }
    if let Some(data) = fuzzing::decode(bytes) {
        let again = fuzzing::encode(&data).expect("a value");
        assert_eq!(fuzzing::decode(&again), Some(data));
    }
});
