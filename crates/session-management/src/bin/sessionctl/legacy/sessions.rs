//! A batch of sessions: which of them are new, decided before anything is written.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use identity_db::legacy_import::{self, Here, NewSession, TokenOwners};
use identity_db::{PgConnection, QueryResult};
use session_management::{Lifetimes, SessionId};

use super::report::{Findings, Reason, Sessions, Table};
use super::rows::{SessionRow, Token};

/// What is known here about the sessions of a batch.
#[derive(Default)]
pub(super) struct Known {
    here: HashMap<i64, Here>,
    /// People whom an import has brought, here or not.
    remembered: HashSet<i64>,
    owners: TokenOwners,
    /// Sessions that earlier batches of a dry run would have added.
    pub(super) added: HashSet<SessionId>,
}

/// What is to be written, and what is to be told.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) sessions: Sessions,
    pub(super) findings: Findings,
    add: Vec<NewSession>,
}

impl Known {
    pub(super) fn load(conn: &mut PgConnection, rows: &[SessionRow], lock: bool) -> QueryResult<Self> {
        let people: HashSet<i64> = rows.iter().filter_map(|row| row.user_id).collect();
        let people: Vec<i64> = people.into_iter().collect();
        let here = legacy_import::find(conn, &people, lock)?;
        let remembered = legacy_import::remembered(conn, &people)?;
        let tokens: Vec<SessionId> = rows.iter().filter_map(SessionRow::id).collect();
        Ok(Self {
            here: here.into_iter().map(|here| (here.legacy_id, here)).collect(),
            remembered: remembered.into_iter().map(|memory| memory.legacy_id).collect(),
            owners: legacy_import::token_owners(conn, &tokens)?,
            added: HashSet::new(),
        })
    }
}

impl SessionRow {
    pub(super) fn id(&self) -> Option<SessionId> {
        match self.token {
            Token::Of(id) => Some(id),
            Token::Empty | Token::Invalid | Token::Shared => None,
        }
    }
}

impl Plan {
    /// `imported`: whether everybody of the file who is to come has come; in a dry run nobody has.
    pub(super) fn of(rows: &[SessionRow], mut known: Known, imported: bool) -> Self {
        let mut plan = Self::default();
        for row in rows {
            plan.sessions.read += 1;
            let judged = judge(row, &mut known, imported);
            if judged.is_ok() && row.created_at.to_time().is_none() {
                plan.findings.add(Table::UserSessions, Reason::CreatedAtUnreadable, row.rowid);
            }
            match judged {
                Ok(Some(new)) => {
                    plan.sessions.created += 1;
                    plan.add.push(new);
                }
                Ok(None) => plan.sessions.unchanged += 1,
                Err(reason) => {
                    plan.sessions.skipped += 1;
                    plan.findings.add(Table::UserSessions, reason, row.rowid);
                }
            }
        }
        plan
    }

    /// Writes; what somebody adopts at this moment counts as known.
    pub(super) fn write(&mut self, conn: &mut PgConnection, lifetimes: Lifetimes) -> QueryResult<()> {
        let added = legacy_import::add_sessions(conn, &self.add, lifetimes.idle, lifetimes.absolute)?;
        let known = self.sessions.created.saturating_sub(added);
        self.sessions.created -= known;
        self.sessions.unchanged += known;
        Ok(())
    }

    /// Whether there is something to write.
    pub(super) fn has_changes(&self) -> bool {
        !self.add.is_empty()
    }

    /// The ids of the sessions that the batch adds.
    pub(super) fn session_ids(&self) -> impl Iterator<Item = SessionId> {
        self.add.iter().map(|session| session.id)
    }
}

/// A session that is new, none for one that is known, or why it does not come.
fn judge(row: &SessionRow, known: &mut Known, imported: bool) -> Result<Option<NewSession>, Reason> {
    let legacy_id = row.user_id.ok_or(Reason::UserMissing)?;
    let id = match row.token {
        Token::Of(id) => id,
        Token::Empty => return Err(Reason::TokenEmpty),
        Token::Invalid => return Err(Reason::TokenInvalid),
        Token::Shared => return Err(Reason::TokenOfTwoUsers),
    };
    let here = known.here.get(&legacy_id);
    if here.is_none() && known.remembered.contains(&legacy_id) {
        return Err(Reason::UserDeletedHere);
    }
    if here.is_none() && imported {
        return Err(Reason::UserNotImported);
    }
    if known.owners.is_of_another(&id, here.map(|here| here.id)) {
        return Err(Reason::TokenOfAnotherPerson);
    }
    if known.owners.sessions.contains_key(&id) || known.added.contains(&id) {
        return Ok(None);
    }
    let created_at = row.created_at.to_time();
    if let Some(here) = here {
        if here.blocked_at.is_some() {
            return Err(Reason::BlockedHere);
        }
        if here.sessions_valid_after.is_some_and(|end| began_before(created_at, end)) {
            return Err(Reason::EndedHere);
        }
    }
    known.added.insert(id);
    Ok(Some(NewSession { id, legacy_id, created_at, last_seen_at: row.last_seen_at.to_time() }))
}

/// Whether a session may have been there when all were ended. One that does not say when it began may.
fn began_before(created_at: Option<DateTime<Utc>>, end: DateTime<Utc>) -> bool {
    created_at.is_none_or(|began| began <= end)
}
