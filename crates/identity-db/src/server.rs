//! What a Postgres server must be for a revocation to last, and for a cache to hear of it.

use std::collections::BTreeMap;
use std::fmt;

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::Deserialize;

use crate::pool::Incarnation;

/// The triggers without which a revocation could be undone, or would not be heard of: each with its table and with the
/// migration that makes it.
pub const TRIGGERS: [(&str, &str, &str); 11] = [
    ("sessions", "sessions_guard", GUARDS),
    ("sessions", "sessions_keep_imported", "20261122001000_remember_imports"),
    ("sessions", "sessions_keep_tombstone", GUARDS),
    ("sessions", "sessions_notify_denial", GUARDS),
    ("sessions", "sessions_notify_truncate", GUARDS),
    ("sessions", "sessions_refuse_adoption", "20261122001300_create_cleanup"),
    ("user_permissions", "user_permissions_notify_truncate", GUARDS),
    ("user_permissions", "user_permissions_raise_version", GUARDS),
    ("users", "users_guard", GUARDS),
    ("users", "users_notify_denial", GUARDS),
    ("users", "users_notify_truncate", GUARDS),
];

const GUARDS: &str = "20261122000700_guard_revocation";

/// What `pg_trigger` has for a trigger that is ENABLE ALWAYS.
const ALWAYS: &str = "A";

/// Asks for all of it as one text, so that two client libraries can read it. Any role may ask; a server in
/// recovery has no place in the log where it writes.
pub(crate) const ASK: &str = "SELECT json_build_object(
    'system', (SELECT system_identifier FROM pg_control_system()),
    'timeline', CASE WHEN NOT pg_is_in_recovery()
        THEN ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint END,
    'database', current_database(),
    'fsync', current_setting('fsync'),
    'synchronous_commit', current_setting('synchronous_commit'),
    'triggers', (SELECT coalesce(json_object_agg(tgname, tgenabled), '{}') FROM pg_trigger WHERE NOT tgisinternal
        AND tgrelid IN (to_regclass('sessions'), to_regclass('users'), to_regclass('user_permissions')))
)::text AS told";

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Server {
    system: i64,
    /// None in recovery.
    timeline: Option<i64>,
    database: String,
    fsync: String,
    synchronous_commit: String,
    triggers: BTreeMap<String, String>,
}

impl Server {
    pub(crate) fn read(told: &str) -> Option<Self> {
        serde_json::from_str(told).ok()
    }

    pub(crate) fn ask(conn: &mut PgConnection) -> QueryResult<Self> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            told: String,
        }
        let row: Row = diesel::sql_query(ASK).get_result(conn)?;
        serde_json::from_str(&row.told)
            .map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))
    }

    pub(crate) fn incarnation(&self) -> Option<Incarnation> {
        self.timeline.map(|timeline| Incarnation { system: self.system, timeline })
    }
}

/// Why a server, or the two that the two URLs lead to, cannot keep what is promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The URLs lead to two servers; their system identifiers.
    OtherServer(i64, i64),
    /// The URLs lead to two timelines of what once was one server.
    OtherTimeline(i64, i64),
    /// The URLs lead to two databases.
    OtherDatabase(String, String),
    /// The URL in this variable leads to a server in recovery.
    Standby(&'static str),
    /// These triggers are not there; with the migrations that make them.
    MissingTriggers(Vec<(&'static str, &'static str)>),
    /// These triggers do not fire, or not always; with their tables.
    DisabledTriggers(Vec<(&'static str, &'static str)>),
    /// What was committed may be lost in a power cut.
    NoFsync,
    /// What was committed may be lost in a crash; what `synchronous_commit` is.
    CommitsEarly(String),
}

impl Fault {
    /// Whether a cached yes could outlive a revocation without anybody hearing of it. What is left is about
    /// revocations that Postgres itself may lose.
    #[must_use]
    pub const fn voids_caches(&self) -> bool {
        !matches!(self, Self::NoFsync | Self::CommitsEarly(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherServer(pool, listener) => write!(
                f,
                "DATABASE_URL and DATABASE_LISTEN_URL lead to two Postgres servers (system identifiers {pool} and \
                 {listener}), so that revocations would not be heard of; let both lead to the same primary"
            ),
            Self::OtherTimeline(pool, listener) => write!(
                f,
                "DATABASE_URL leads to timeline {pool} of a Postgres server and DATABASE_LISTEN_URL to timeline \
                 {listener}, as after a failover that one of them missed; let both lead to the primary of today"
            ),
            Self::OtherDatabase(pool, listener) => write!(
                f,
                "DATABASE_URL leads to the database {pool} and DATABASE_LISTEN_URL to {listener}, so that revocations \
                 would not be heard of; name the same database in both"
            ),
            Self::Standby(variable) => write!(
                f,
                "{variable} leads to a Postgres server in recovery, which tells of no revocation and takes none; let \
                 it lead to the primary"
            ),
            Self::MissingTriggers(triggers) => {
                let named: Vec<String> =
                    triggers.iter().map(|(name, by)| format!("{name} (of {by})")).collect();
                write!(
                    f,
                    "these triggers are missing, without which a revocation may be undone or not be heard of: {}; run \
                     `migrate run`, or create each as its migration in migrations/identity does",
                    named.join(", ")
                )
            }
            Self::DisabledTriggers(triggers) => {
                let remedy: Vec<String> = triggers
                    .iter()
                    .map(|(table, name)| format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};"))
                    .collect();
                write!(
                    f,
                    "triggers are not enabled always, without which a revocation may be undone or not be heard of; \
                     run as the owner: {}",
                    remedy.join(" ")
                )
            }
            Self::NoFsync => f.write_str(
                "fsync is off in Postgres, so that a power cut may bring ended sessions back; set fsync = on",
            ),
            Self::CommitsEarly(value) => write!(
                f,
                "synchronous_commit is {value} for the applications' role, so that a crash may bring ended sessions \
                 back; set it to on or remote_apply"
            ),
        }
    }
}

/// What is wrong, the gravest first; never empty where it is an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; also: "))]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// Looks for faults of the server that `DATABASE_URL` leads to, and of the one that denials come from.
    #[must_use]
    pub fn of(pool: &Server, listener: Option<&Server>) -> Self {
        let mut faults = Vec::new();
        if let Some(listener) = listener {
            if pool.system != listener.system {
                faults.push(Fault::OtherServer(pool.system, listener.system));
            } else if let (Some(pool), Some(listener)) = (pool.timeline, listener.timeline)
                && pool != listener
            {
                faults.push(Fault::OtherTimeline(pool, listener));
            }
            if pool.database != listener.database {
                faults.push(Fault::OtherDatabase(pool.database.clone(), listener.database.clone()));
            }
        }
        if pool.timeline.is_none() {
            faults.push(Fault::Standby("DATABASE_URL"));
        } else if listener.is_some_and(|listener| listener.timeline.is_none()) {
            faults.push(Fault::Standby("DATABASE_LISTEN_URL"));
        }
        faults.extend(faults_of_triggers(&pool.triggers));
        if pool.fsync != "on" {
            faults.push(Fault::NoFsync);
        }
        // `remote_write` and `local` may forget, in a failover, what was acknowledged.
        if !matches!(&*pool.synchronous_commit, "on" | "remote_apply") {
            faults.push(Fault::CommitsEarly(pool.synchronous_commit.clone()));
        }
        Self(faults)
    }

    /// Whether nothing cached may count.
    #[must_use]
    pub fn void_caches(&self) -> bool {
        self.0.iter().any(Fault::voids_caches)
    }
}

fn faults_of_triggers(found: &BTreeMap<String, String>) -> impl Iterator<Item = Fault> {
    let missing: Vec<_> = TRIGGERS
        .iter()
        .filter(|(_, name, _)| !found.contains_key(*name))
        .map(|(_, name, migration)| (*name, *migration))
        .collect();
    let disabled: Vec<_> = TRIGGERS
        .iter()
        .filter(|(_, name, _)| found.get(*name).is_some_and(|enabled| enabled != ALWAYS))
        .map(|(table, name, _)| (*table, *name))
        .collect();
    let missing = (!missing.is_empty()).then_some(Fault::MissingTriggers(missing));
    missing.into_iter().chain((!disabled.is_empty()).then_some(Fault::DisabledTriggers(disabled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        Server {
            system: 7,
            timeline: Some(1),
            database: "d".into(),
            fsync: "on".into(),
            synchronous_commit: "on".into(),
            triggers: TRIGGERS.iter().map(|(_, name, _)| ((*name).to_owned(), "A".to_owned())).collect(),
        }
    }

    #[test]
    fn two_timelines_of_one_server_are_two_servers() {
        let promoted = Server { timeline: Some(2), ..server() };
        assert_eq!(Faults::of(&server(), Some(&promoted)).0, [Fault::OtherTimeline(1, 2)]);
        assert_eq!(Faults::of(&server(), Some(&server())).0, []);
    }

    #[test]
    fn only_commits_that_are_on_disk_last() {
        for (value, fault) in
            [("off", true), ("local", true), ("remote_write", true), ("on", false), ("remote_apply", false)]
        {
            let server = Server { synchronous_commit: value.into(), ..server() };
            let faults = Faults::of(&server, None);
            assert_eq!(!faults.0.is_empty(), fault, "{value}: {faults}");
            assert!(!faults.void_caches());
        }
    }

    #[test]
    fn faults_are_one_line() {
        let mut broken = Server { fsync: "off".into(), timeline: None, ..server() };
        broken.triggers.insert("users_guard".into(), "O".into());
        broken.triggers.remove("sessions_guard");
        let other = Server { system: 8, database: "e".into(), ..server() };
        let faults = Faults::of(&broken, Some(&other));
        assert_eq!(faults.0.len(), 6, "{faults}");
        assert!(faults.void_caches());
        assert_eq!(faults.to_string().lines().count(), 1, "{faults}");
    }
}
