//! Old and new values of the audit log, in words.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use templates::page::LogValue;
use templates::{Locale, moment};

/// What was written down of an act. What nobody foresaw is shown as it stands.
pub(super) fn of(detail: &Value, locale: Locale) -> Vec<LogValue> {
    let Value::Object(members) = detail else {
        return vec![LogValue { name: String::new(), old: None, new: text("", detail, locale) }];
    };
    let plain =
        members.iter().filter(|(name, _)| !is_pair(members) || !matches!(name.as_str(), "old" | "new"));
    let mut values: Vec<LogValue> = plain.map(|(name, value)| member(name, value, locale)).collect();
    if is_pair(members) {
        values.push(grant(members, locale));
    }
    values
}

/// Whether the object itself is something old and something new.
fn is_pair(members: &Map<String, Value>) -> bool {
    members.contains_key("old") && members.contains_key("new")
}

fn member(name: &str, value: &Value, locale: Locale) -> LogValue {
    let (old, new) = match value {
        Value::Object(pair) if is_pair(pair) => (pair.get("old"), pair.get("new").unwrap_or(value)),
        _ => (None, value),
    };
    LogValue {
        name: locale.find(&format!("value-{name}")).unwrap_or_else(|| name.to_owned()),
        old: old.map(|old| text(name, old, locale)),
        new: text(name, new, locale),
    }
}

/// A permission before and after: whether it was granted, and until when.
fn grant(members: &Map<String, Value>, locale: Locale) -> LogValue {
    let shown = |name: &str| match members.get(name) {
        Some(Value::Object(grant)) => match grant.get("expires_at") {
            Some(Value::Null) | None => locale.text("until-taken"),
            Some(end) => text("expires_at", end, locale),
        },
        _ => locale.text("value-not-granted"),
    };
    LogValue { name: locale.text("value-expires_at"), old: Some(shown("old")), new: shown("new") }
}

fn text(name: &str, value: &Value, locale: Locale) -> String {
    match value {
        Value::Null => locale.text("none"),
        Value::Bool(true) => locale.text("log-yes"),
        Value::Bool(false) => locale.text("log-no"),
        Value::String(text) => match name {
            "role" | "method" | "from" => locale.find(&format!("{name}-{text}")),
            "application_context" | "closed_context" => {
                text.parse().ok().map(|context| locale.application(context).to_owned())
            }
            "expires_at" => text.parse::<DateTime<Utc>>().ok().map(|at| moment(at, locale)),
            _ => None,
        }
        .unwrap_or_else(|| text.clone()),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use constants::{AuditAction, LegacySource};
    use serde_json::json;

    use super::*;

    fn shown(detail: &Value, locale: Locale) -> Vec<(String, Option<String>, String)> {
        of(detail, locale).into_iter().map(|value| (value.name, value.old, value.new)).collect()
    }

    fn row(name: &str, old: Option<&str>, new: &str) -> (String, Option<String>, String) {
        (name.to_owned(), old.map(str::to_owned), new.to_owned())
    }

    #[test]
    fn old_and_new_values_are_told_in_words_c2() {
        let english = Locale::English;
        let role = json!({"role": {"old": "user", "new": "support"}});
        assert_eq!(shown(&role, english), [row("Role", Some("Customer"), "Support")]);
        assert_eq!(shown(&role, Locale::Russian), [row("Роль", Some("Клиент"), "Поддержка")]);
        let blocked = json!({"blocked": {"old": false, "new": true}, "revoked": 3});
        assert_eq!(
            shown(&blocked, english),
            [row("Blocked", Some("no"), "yes"), row("Sessions ended", None, "3")]
        );
        let granted = json!({"permission": "users.block", "application_context": "admin", "old": null,
            "new": {"expires_at": "2026-01-02T03:04:00Z"}});
        assert_eq!(
            shown(&granted, english),
            [
                row("Application", None, "Admin panel"),
                row("Permission", None, "users.block"),
                row("Granted until", Some("not granted"), "2 January 2026, 03:04 UTC"),
            ]
        );
        let taken = json!({"permission": "a", "application_context": "web", "old": {"expires_at": null}, "new": null});
        let taken = shown(&taken, english);
        assert_eq!(taken.last(), Some(&row("Granted until", Some("until it is taken"), "not granted")));
    }

    /// Every name in a detail that is written down.
    const NAMES: &[&str] = &[
        "method",
        "role",
        "blocked",
        "is_verified",
        "revoked",
        "permission",
        "application_context",
        "expires_at",
        "from",
        "ended",
        "people",
        "file",
        "sha256",
        "strategy",
        "users",
        "auth_tokens",
        "sessions",
    ];

    #[test]
    fn what_is_written_down_has_words_in_both_languages_c2() {
        for locale in [Locale::English, Locale::Russian] {
            for action in AuditAction::ALL {
                assert!(locale.find(&format!("action-{action}")).is_some(), "{action}");
            }
            for name in NAMES {
                assert!(locale.find(&format!("value-{name}")).is_some(), "{name}");
            }
            for source in LegacySource::NAMES.iter().chain(&["memory"]) {
                assert!(locale.find(&format!("from-{source}")).is_some(), "{source}");
            }
            for method in ["password", "sms", "telegram", "legacy"] {
                assert!(locale.find(&format!("method-{method}")).is_some(), "{method}");
            }
        }
        let adopted = json!({"from": "auth_token", "ended": false});
        assert_eq!(
            shown(&adopted, Locale::Russian),
            [row("Завершён раньше", None, "нет"), row("Откуда взято", None, "столбец users.auth_token")]
        );
        let login = shown(&json!({"method": "sms"}), Locale::Russian);
        assert_eq!(login, [row("Способ", None, "код из SMS")]);
    }

    #[test]
    fn what_nobody_foresaw_is_shown_as_it_stands() {
        let odd = json!({"<b>": {"a": [1]}, "old": 1, "role": "<script>", "expires_at": "soon"});
        let values = shown(&odd, Locale::English);
        assert!(values.contains(&row("<b>", None, r#"{"a":[1]}"#)), "{values:?}");
        assert!(values.contains(&row("Role", None, "<script>")), "{values:?}");
        assert!(values.contains(&row("old", None, "1")), "{values:?}");
        assert_eq!(shown(&json!([1]), Locale::English), [row("", None, "[1]")]);
    }
}
