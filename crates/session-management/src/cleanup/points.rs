//! The points of the checklist: what each asks for, and what was found.

use chrono::{Duration, NaiveTime};
use constants::LegacyTokens;
use identity_db::cleanup::{Measured, QUIET_DAYS};

use super::Point;
use super::facts::{BackupFile, Facts, Processes};
use super::keys::Keys;

/// How old the newest backup may be.
const BACKUP_AGE: Duration = Duration::hours(24);

/// All of them. Once the clean-up was applied, only what it did is asked for; the rest is for information.
pub(super) fn of(measured: &Measured, keys: &Keys) -> Vec<Point> {
    let applied = measured.applied.is_some();
    let mut points = vec![
        legacy_keys(keys),
        legacy_uses(measured),
        contexts(measured),
        migrations(measured),
        backup(measured),
        dual_write(measured),
        stable(measured),
    ];
    for point in &mut points {
        point.required &= !applied || point.id == "contexts";
    }
    points
}

fn point(id: &'static str, sentence: &'static str, holds: bool, facts: Facts) -> Point {
    let measured = facts.to_string();
    Point { id, sentence, holds, required: true, complete: true, measured, facts, since: None }
}

fn legacy_keys(keys: &Keys) -> Point {
    let Keys { found, seen, total, lacking } = keys.clone();
    let complete = lacking.is_none();
    let sentence = "Redis holds no key session:<id> of the older software";
    let facts = Facts::Keys { found, seen, total, lacking };
    Point { complete, ..point("legacy-keys", sentence, complete && found == 0, facts) }
}

fn legacy_uses(measured: &Measured) -> Point {
    let told = Facts::Uses { last: measured.last_use, recent: measured.uses };
    let sentence = "No token of the older software was used for 14 days";
    let end_of_day =
        |day: chrono::NaiveDate| day.succ_opt().map(|next| next.and_time(NaiveTime::MIN).and_utc());
    let since = measured.last_use.and_then(end_of_day).filter(|_| measured.uses == 0);
    Point { since, ..point("legacy-uses", sentence, measured.uses == 0, told) }
}

/// Before the clean-up the default is still there for older programs; after it it must be gone.
fn contexts(measured: &Measured) -> Point {
    let (required, default) = (measured.context_required, measured.context_default);
    let holds = required && !(measured.applied.is_some() && default);
    let told = Facts::Contexts { required, default };
    point("contexts", "Every session names its application", holds, told)
}

fn migrations(measured: &Measured) -> Point {
    let told = Facts::Pending(measured.pending);
    let holds = measured.pending == 0;
    let since = measured.migrated_at.filter(|_| holds);
    Point { since, ..point("migrations", "No migration is pending", holds, told) }
}

fn backup(measured: &Measured) -> Point {
    let sentence = "A backup of the last 24 hours was restored once and was complete";
    let Some(backup) = &measured.backup else {
        return point("backup", sentence, false, Facts::Backup(None));
    };
    let name = backup.file_name.rsplit_once('/').map_or(&*backup.file_name, |(_, name)| name).to_owned();
    let told = Facts::Backup(Some(BackupFile { name, bytes: backup.bytes, taken_at: backup.taken_at }));
    let holds = measured.now - backup.taken_at <= BACKUP_AGE;
    Point { since: Some(backup.taken_at), ..point("backup", sentence, holds, told) }
}

/// Not required: the clean-up itself ends it, in every process.
fn dual_write(measured: &Measured) -> Point {
    let kinds = measured.processes.iter().map(|(process, count)| Processes {
        count: *count,
        context: process.context,
        legacy_tokens: process.legacy_tokens,
    });
    let told = Facts::Processes(kinds.collect());
    let writes = |tokens| measured.applied.is_none() && tokens == LegacyTokens::DualWrite;
    let holds = !measured
        .processes
        .iter()
        .any(|(process, _)| process.context.counts_legacy_tokens() && writes(process.legacy_tokens));
    let sentence = "No running process writes users.auth_token for the older software";
    Point { required: false, ..point("dual-write", sentence, holds, told) }
}

/// Not required: a clock cannot tell whether production was well.
fn stable(measured: &Measured) -> Point {
    let sentence = "The schema has not changed for 14 days";
    let told = Facts::Migrated(measured.migrated_at);
    let holds = measured.migrated_at.is_some_and(|at| measured.now - at >= Duration::days(QUIET_DAYS));
    Point { required: false, since: measured.migrated_at, ..point("stable", sentence, holds, told) }
}
