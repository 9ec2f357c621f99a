//! The course of an import: batch after batch, each of them one transaction, so that it may end at any moment.

use constants::AuditAction;
use std::path::PathBuf;

use identity_db::audit::{self, Entry};
use identity_db::legacy_import::Import;
use identity_db::{PgConnection, QueryResult, SessionId, cleanup, migration};
use indicatif::ProgressBar;
use rusqlite::params;
use serde_json::json;
use session_management::Lifetimes;

use crate::Failure;

use super::people;
use super::person::Person;
use super::report::{Reason, Report, Table};
use super::rows::{SessionRow, Tables};
use super::sessions;
use super::source::Source;

/// What is to be imported, and how.
pub(super) struct Order {
    pub(super) path: PathBuf,
    pub(super) dry_run: bool,
    pub(super) region: Option<phonenumber::country::Id>,
    pub(super) batch: u32,
    pub(super) lifetimes: Lifetimes,
}

/// Imports a file. The same file again changes nothing, and a later copy of it brings what is new.
pub(super) fn run(order: &Order, database_url: &str, progress: &ProgressBar) -> Result<Report, Failure> {
    let source = Source::open(&order.path)?;
    let tables = Tables::of(&source)?;
    let mut import = Import::begin(database_url)?
        .ok_or_else(|| Failure::Refused("another import is running on this database".into()))?;
    if import.read(migration::pending)? > 0 {
        return Err(Failure::Refused("migrations are pending on this database; run migrate first".into()));
    }
    if let Some(cleanup) = import.read(cleanup::applied)? {
        let at = cleanup.applied_at.format("%F %R UTC");
        return Err(Failure::Refused(format!(
            "the clean-up was applied at {at}: nothing of the older software counts any more"
        )));
    }
    let file = source.path.file_name().map(|name| name.to_string_lossy().into_owned());
    let report = Report { file: file.unwrap_or_default(), dry_run: order.dry_run, ..Report::default() };
    let mut run = Run { order, source, tables, import, report, began: false };
    run.prepare(progress)?;
    run.people(progress)?;
    run.sessions(progress)?;
    run.finish()?;
    progress.finish_and_clear();
    Ok(run.report)
}

struct Run<'a> {
    order: &'a Order,
    source: Source,
    tables: Tables,
    import: Import,
    report: Report,
    /// Whether the audit log says that something was brought.
    began: bool,
}

impl Run<'_> {
    fn prepare(&mut self, progress: &ProgressBar) -> Result<(), Failure> {
        let (users, sessions) = self.tables.count(&self.source)?;
        progress.set_length(users + sessions);
        // A dry run has nowhere to look up what its own earlier batches would have written.
        self.source.conn.execute_batch("CREATE TEMP TABLE claimed (value PRIMARY KEY) WITHOUT ROWID")?;
        let (without_id, repeated) =
            (self.tables.without_id(&self.source)?, self.tables.repeated_ids(&self.source)?);
        let Report { users, findings, .. } = &mut self.report;
        findings.add_all(Table::Users, Reason::IdNotAnInteger, without_id.count, &without_id.first);
        findings.add_all(Table::Users, Reason::IdRepeated, repeated.count, &repeated.first);
        users.read = without_id.count + repeated.count;
        users.skipped = users.read;
        Ok(())
    }

    fn people(&mut self, progress: &ProgressBar) -> Result<(), Failure> {
        let mut from = Some(i64::MIN);
        while let Some(id) = from {
            let rows = self.tables.users(&self.source, id, self.order.batch)?;
            self.source.check()?;
            let Some(last) = rows.last().map(|row| row.id) else { break };
            from = last.checked_add(1);
            let people: Vec<Person> =
                rows.into_iter().map(|row| Person::of(row, self.order.region)).collect();
            self.bring_people(&people)?;
            progress.inc(people.len() as u64);
        }
        Ok(())
    }

    fn bring_people(&mut self, people: &[Person]) -> Result<(), Failure> {
        let plan = if self.order.dry_run {
            let mut known = self.import.read(|conn| people::Known::load(conn, people, false))?;
            self.add_claims(people, &mut known)?;
            let plan = people::Plan::of(people, known);
            self.claim_values(&plan)?;
            plan
        } else {
            let (order, report, began) = (self.order, &self.report, self.began);
            self.import.write(|conn| {
                let plan = people::Plan::of(people, people::Known::load(conn, people, true)?);
                note_beginning(conn, report, began || !plan.has_changes())?;
                plan.write(conn, order.lifetimes)?;
                Ok(plan)
            })?
        };
        self.began |= plan.has_changes();
        let Report { users, auth_tokens, findings, .. } = &mut self.report;
        users.add(&plan.users);
        auth_tokens.add(&plan.auth_tokens);
        findings.merge(&plan.findings);
        Ok(())
    }

    fn sessions(&mut self, progress: &ProgressBar) -> Result<(), Failure> {
        let mut from = Some(i64::MIN);
        while let Some(rowid) = from {
            let rows = self.tables.sessions(&self.source, rowid, self.order.batch)?;
            self.source.check()?;
            let Some(last) = rows.last() else { break };
            from = last.rowid.checked_add(1);
            self.bring_sessions(&rows)?;
            progress.inc(rows.len() as u64);
        }
        Ok(())
    }

    fn bring_sessions(&mut self, rows: &[SessionRow]) -> Result<(), Failure> {
        let plan = if self.order.dry_run {
            let mut known = self.import.read(|conn| sessions::Known::load(conn, rows, false))?;
            for id in rows.iter().filter_map(SessionRow::id) {
                if self.is_claimed(id.as_str())? {
                    known.added.insert(id);
                }
            }
            let plan = sessions::Plan::of(rows, known, false);
            self.claim_sessions(plan.session_ids())?;
            plan
        } else {
            let (order, report, began) = (self.order, &self.report, self.began);
            self.import.write(|conn| {
                let mut plan = sessions::Plan::of(rows, sessions::Known::load(conn, rows, true)?, true);
                note_beginning(conn, report, began || !plan.has_changes())?;
                plan.write(conn, order.lifetimes)?;
                Ok(plan)
            })?
        };
        self.began |= plan.has_changes();
        self.report.sessions.add(&plan.sessions);
        self.report.findings.merge(&plan.findings);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.report.changed_while_read = self.source.has_changed()?;
        if self.began && !self.order.dry_run {
            let Report { file, users, auth_tokens, sessions, .. } = &self.report;
            let detail =
                json!({ "file": file, "users": users, "auth_tokens": auth_tokens, "sessions": sessions });
            let entry = Entry { detail: Some(detail), ..Entry::of(AuditAction::LegacyImportFinished) };
            self.import.write(|conn| audit::append(conn, &entry))?;
        }
        Ok(())
    }

    /// Adds what earlier batches of a dry run would have taken.
    fn add_claims(&self, people: &[Person], known: &mut people::Known) -> Result<(), Failure> {
        for person in people {
            if let Some(email) = &person.email.value
                && self.is_claimed(email)?
            {
                known.taken.emails.insert(email.clone());
            }
            if let Some(phone) = &person.phone.value
                && self.is_claimed(phone)?
            {
                known.taken.phones.insert(phone.clone());
            }
            if let Some(id) = person.telegram_id.value
                && self.is_claimed(id)?
            {
                known.taken.telegram_ids.insert(id);
            }
        }
        Ok(())
    }

    fn claim_values(&self, plan: &people::Plan<'_>) -> Result<(), Failure> {
        for (email, phone, telegram_id) in plan.taken() {
            email.map_or(Ok(()), |value| self.claim(value))?;
            phone.map_or(Ok(()), |value| self.claim(value))?;
            telegram_id.map_or(Ok(()), |value| self.claim(value))?;
        }
        self.claim_sessions(plan.session_ids())
    }

    fn claim_sessions(&self, ids: impl Iterator<Item = SessionId>) -> Result<(), Failure> {
        for id in ids {
            self.claim(id.as_str())?;
        }
        Ok(())
    }

    /// Addresses have an at sign, numbers a plus, Telegram's ids are integers and sessions' ids are none of these: one
    /// table holds them all.
    fn claim(&self, value: impl rusqlite::ToSql) -> Result<(), Failure> {
        self.source.conn.execute("INSERT OR IGNORE INTO temp.claimed VALUES (?1)", params![value])?;
        Ok(())
    }

    fn is_claimed(&self, value: impl rusqlite::ToSql) -> Result<bool, Failure> {
        let sql = "SELECT EXISTS (SELECT 1 FROM temp.claimed WHERE value = ?1)";
        Ok(self.source.conn.query_row(sql, params![value], |row| row.get(0))?)
    }
}

/// Writes the audit line of an import in the transaction of the first batch that brings something: an import that
/// is cut off has one too, and one that changes nothing has none.
fn note_beginning(conn: &mut PgConnection, report: &Report, done: bool) -> QueryResult<()> {
    if done {
        return Ok(());
    }
    let detail = Some(json!({ "file": report.file }));
    audit::append(conn, &Entry { detail, ..Entry::of(AuditAction::LegacyImportStarted) })
}
