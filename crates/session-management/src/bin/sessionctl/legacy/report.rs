//! What an import did, or would do, and what it found in the file; never a token.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Serialize, Serializer};

/// How many rows are named of those that have the same fault.
pub(super) const SHOWN: usize = 20;

/// What an import did.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(super) file: String,
    pub(super) dry_run: bool,
    pub(super) users: Users,
    /// What became of `users.auth_token` of the file.
    pub(super) auth_tokens: AuthTokens,
    pub(super) sessions: Sessions,
    pub(super) findings: Findings,
    /// Somebody wrote to the file meanwhile: what is new in it comes with the next import.
    pub(super) changed_while_read: bool,
}

/// Rows of the file's `users`.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Users {
    pub(super) read: u64,
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) skipped: u64,
}

/// Tokens in `users.auth_token`.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct AuthTokens {
    /// Written to the column of the same name.
    pub(super) in_column: u64,
    /// Made a session, because a newer login here has the column.
    pub(super) as_session: u64,
    pub(super) unchanged: u64,
    pub(super) skipped: u64,
}

/// Rows of `user_sessions`.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Sessions {
    pub(super) read: u64,
    pub(super) created: u64,
    /// Known already, whatever became of them here.
    pub(super) unchanged: u64,
    pub(super) skipped: u64,
}

impl Users {
    pub(super) fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.skipped += other.skipped;
    }
}

impl AuthTokens {
    pub(super) fn add(&mut self, other: &Self) {
        self.in_column += other.in_column;
        self.as_session += other.as_session;
        self.unchanged += other.unchanged;
        self.skipped += other.skipped;
    }
}

impl Sessions {
    pub(super) fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.created += other.created;
        self.unchanged += other.unchanged;
        self.skipped += other.skipped;
    }
}

/// A table of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Table {
    Users,
    UserSessions,
}

/// Why something of the file was not taken as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    IdNotAnInteger,
    IdRepeated,
    UserDeletedHere,
    EmailInvalid,
    EmailTaken,
    PhoneInvalid,
    PhoneTaken,
    TelegramIdInvalid,
    TelegramIdTaken,
    CreatedAtUnreadable,
    ValueTooLong,
    TokenEmpty,
    TokenInvalid,
    TokenOfTwoUsers,
    TokenOfAnotherPerson,
    UserMissing,
    UserNotImported,
    EndedHere,
    BlockedHere,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::IdNotAnInteger => "id_not_an_integer",
            Self::IdRepeated => "id_repeated",
            Self::UserDeletedHere => "user_deleted_here",
            Self::EmailInvalid => "email_invalid",
            Self::EmailTaken => "email_taken",
            Self::PhoneInvalid => "phone_invalid",
            Self::PhoneTaken => "phone_taken",
            Self::TelegramIdInvalid => "telegram_id_invalid",
            Self::TelegramIdTaken => "telegram_id_taken",
            Self::CreatedAtUnreadable => "created_at_unreadable",
            Self::ValueTooLong => "value_too_long",
            Self::TokenEmpty => "token_empty",
            Self::TokenInvalid => "token_invalid",
            Self::TokenOfTwoUsers => "token_of_two_users",
            Self::TokenOfAnotherPerson => "token_of_another_person",
            Self::UserMissing => "user_missing",
            Self::UserNotImported => "user_not_imported",
            Self::EndedHere => "ended_here",
            Self::BlockedHere => "blocked_here",
        }
    }
}

/// Findings, counted, with the ids of the first rows of each.
#[derive(Debug, Default, Clone)]
pub(super) struct Findings(BTreeMap<(Table, Reason), (u64, Vec<i64>)>);

impl Findings {
    /// Adds a row by its id; a row of `user_sessions` by its place in the table, which is its id.
    pub(super) fn add(&mut self, table: Table, reason: Reason, id: i64) {
        self.add_all(table, reason, 1, &[id]);
    }

    pub(super) fn add_all(&mut self, table: Table, reason: Reason, count: u64, first: &[i64]) {
        if count == 0 {
            return;
        }
        let (counted, ids) = self.0.entry((table, reason)).or_default();
        *counted += count;
        ids.extend(first.iter().take(SHOWN - ids.len().min(SHOWN)));
    }

    pub(super) fn merge(&mut self, others: &Self) {
        for (&(table, reason), (count, first)) in &others.0 {
            self.add_all(table, reason, *count, first);
        }
    }
}

impl Serialize for Findings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Finding<'a> {
            table: Table,
            reason: &'static str,
            count: u64,
            first_ids: &'a [i64],
        }
        serializer.collect_seq(self.0.iter().map(|(&(table, reason), (count, first_ids))| Finding {
            table,
            reason: reason.as_str(),
            count: *count,
            first_ids,
        }))
    }
}

impl Report {
    /// The report for people.
    pub(crate) fn text(&self) -> String {
        let Self { users, auth_tokens, sessions, .. } = self;
        let mut text = String::new();
        if self.dry_run {
            text.push_str("nothing was written; an import would do this:\n");
        }
        let _ = write!(
            text,
            "users          {:>9} read, {} created, {} updated, {} unchanged, {} skipped\n\
             auth tokens    {:>9} to the column, {} as sessions, {} unchanged, {} skipped\n\
             user_sessions  {:>9} read, {} created, {} unchanged, {} skipped",
            users.read,
            users.created,
            users.updated,
            users.unchanged,
            users.skipped,
            auth_tokens.in_column,
            auth_tokens.as_session,
            auth_tokens.unchanged,
            auth_tokens.skipped,
            sessions.read,
            sessions.created,
            sessions.unchanged,
            sessions.skipped,
        );
        for ((table, reason), (count, first)) in &self.findings.0 {
            let table = if *table == Table::Users { "users" } else { "user_sessions" };
            let ids: Vec<String> = first.iter().map(i64::to_string).collect();
            let more = if *count > ids.len() as u64 && !ids.is_empty() { ", …" } else { "" };
            let _ =
                write!(text, "\n  {table:<13} {:<24} {count:>9}   {}{more}", reason.as_str(), ids.join(", "));
        }
        if self.changed_while_read {
            text.push_str("\nthe file was written to meanwhile: run the import again for what is new in it");
        }
        text
    }
}
