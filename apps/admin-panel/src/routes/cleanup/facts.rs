//! What was found at a point of the checklist, in the words of the page.

use session_management::cleanup::{BackupFile, Facts, Lacking, Processes};
use templates::{Locale, moment};

pub(super) fn told(facts: &Facts, locale: Locale) -> String {
    let text = |name: &str| locale.text(&format!("cleanup-fact-{name}"));
    let with = |name: &str, arguments: &[(&'static str, &str)]| {
        locale.text_with(&format!("cleanup-fact-{name}"), arguments)
    };
    match facts {
        Facts::Keys { found, seen, total, lacking } => {
            let (found, seen, total) = (found.to_string(), seen.to_string(), total.to_string());
            match lacking {
                None => with("keys", &[("found", &found), ("total", &total)]),
                Some(lacking) => {
                    let partly =
                        with("keys-partly", &[("found", &found), ("seen", &seen), ("total", &total)]);
                    format!("{partly}: {}", why(lacking, locale))
                }
            }
        }
        Facts::Uses { last: None, .. } => text("unused"),
        Facts::Uses { last: Some(day), recent } => {
            with("uses", &[("day", &day.to_string()), ("count", &recent.to_string())])
        }
        Facts::Contexts { required, default } => {
            let required = text(if *required { "required" } else { "not-required" });
            format!("{required}, {}", text(if *default { "default" } else { "no-default" }))
        }
        Facts::Pending(count) => with("pending", &[("count", &count.to_string())]),
        Facts::Backup(None) => text("no-backup"),
        Facts::Backup(Some(BackupFile { name, bytes, taken_at })) => {
            let (bytes, when) = (bytes.to_string(), moment(*taken_at, locale));
            with("backup", &[("file", name), ("bytes", &bytes), ("when", &when)])
        }
        Facts::Processes(kinds) if kinds.is_empty() => text("no-process"),
        Facts::Processes(kinds) => {
            let kinds: Vec<String> = kinds.iter().map(|kind| processes(kind, locale)).collect();
            kinds.join(", ")
        }
        Facts::Migrated(None) => text("never-migrated"),
        Facts::Migrated(Some(at)) => with("migrated", &[("when", &moment(*at, locale))]),
    }
}

fn why(lacking: &Lacking, locale: Locale) -> String {
    match lacking {
        Lacking::NoRedis => locale.text("cleanup-fact-no-redis"),
        Lacking::Time(_) => locale.text("cleanup-fact-no-time"),
        Lacking::Error(reason) => reason.clone(),
    }
}

fn processes(kind: &Processes, locale: Locale) -> String {
    let application = locale.application(kind.context);
    let (count, tokens) = (kind.count.to_string(), kind.legacy_tokens.to_string());
    let arguments = [("count", count.as_str()), ("application", application), ("tokens", &tokens)];
    locale.text_with("cleanup-fact-process", &arguments)
}
