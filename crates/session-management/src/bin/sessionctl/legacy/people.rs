//! A batch of people: what is done with each of them, decided before anything is written.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use chrono::{DateTime, Utc};
use identity_db::legacy_import::{
    self, ChangedPerson, Here, Memory, NewMemory, NewPerson, NewSession, Taken, TokenOwners,
};
use identity_db::{PgConnection, QueryResult};
use serde_json::{Map, Value};
use session_management::{Lifetimes, SessionId, SessionToken};

use super::person::{Contact, Person};
use super::report::{AuthTokens, Findings, Reason, Table, Users};

/// What is known here about the people of a batch.
#[derive(Default)]
pub(super) struct Known {
    here: HashMap<i64, Here>,
    memory: HashMap<i64, Memory>,
    pub(super) taken: Taken,
    owners: TokenOwners,
}

/// What is to be written, and what is to be told.
#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) users: Users,
    pub(super) auth_tokens: AuthTokens,
    pub(super) findings: Findings,
    create: Vec<NewPerson<'a>>,
    change: Vec<ChangedPerson<'a>>,
    sessions: Vec<NewSession>,
    remember: Vec<NewMemory<'a>>,
}

/// What becomes of the token in someone's `users.auth_token`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Absent,
    /// It goes to the column of the same name, where the look-up finds and adopts it.
    Column,
    /// A newer login here has the column, so it becomes a session.
    Session,
    Unchanged,
    Skipped(Reason),
}

impl Known {
    pub(super) fn load(conn: &mut PgConnection, people: &[Person], lock: bool) -> QueryResult<Self> {
        let ids: Vec<i64> = people.iter().map(|person| person.legacy_id).collect();
        let here = legacy_import::find(conn, &ids, lock)?;
        let memory = legacy_import::remembered(conn, &ids)?;
        let emails: Vec<&str> = people.iter().filter_map(|person| person.email.value.as_deref()).collect();
        let phones: Vec<&str> = people.iter().filter_map(|person| person.phone.value.as_deref()).collect();
        let telegram: Vec<i64> = people.iter().filter_map(|person| person.telegram_id.value).collect();
        let tokens: Vec<SessionId> = people.iter().filter_map(Person::token_id).collect();
        Ok(Self {
            here: here.into_iter().map(|here| (here.legacy_id, here)).collect(),
            memory: memory.into_iter().map(|memory| (memory.legacy_id, memory)).collect(),
            taken: legacy_import::taken(conn, &emails, &phones, &telegram)?,
            owners: legacy_import::token_owners(conn, &tokens)?,
        })
    }
}

impl<'a> Plan<'a> {
    pub(super) fn of(people: &'a [Person], mut known: Known) -> Self {
        let mut plan = Self::default();
        for person in people {
            plan.decide(person, &mut known);
        }
        plan
    }

    pub(super) fn write(&self, conn: &mut PgConnection, lifetimes: Lifetimes) -> QueryResult<()> {
        legacy_import::create(conn, &self.create)?;
        legacy_import::change(conn, &self.change)?;
        legacy_import::add_sessions(conn, &self.sessions, lifetimes.idle, lifetimes.absolute)?;
        legacy_import::remember(conn, &self.remember)
    }

    /// Whether there is something to write.
    pub(super) fn has_changes(&self) -> bool {
        !self.remember.is_empty()
    }

    /// The values that the batch takes.
    pub(super) fn taken(&self) -> impl Iterator<Item = (Option<&'a str>, Option<&'a str>, Option<i64>)> {
        let created = self.create.iter().map(|new| (new.email, new.phone, new.telegram_id));
        created.chain(self.change.iter().map(|new| (new.email, new.phone, new.telegram_id)))
    }

    /// The ids of the sessions that the batch adds.
    pub(super) fn session_ids(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.iter().map(|session| session.id)
    }

    fn decide(&mut self, person: &'a Person, known: &mut Known) {
        let id = person.legacy_id;
        let (here, memory) = (known.here.get(&id), known.memory.get(&id));
        self.users.read += 1;
        if here.is_none() && memory.is_some() {
            self.users.skipped += 1;
            self.findings.add(Table::Users, Reason::UserDeletedHere, id);
            return;
        }
        self.note(person);
        let unchanged = memory.is_some_and(|memory| memory.fingerprint == person.fingerprint);
        let offers = Offers::of(person, here, &mut known.taken, unchanged);
        for reason in &offers.rejected {
            self.findings.add(Table::Users, *reason, id);
        }
        if unchanged {
            self.users.unchanged += 1;
            self.auth_tokens.unchanged += u64::from(person.token.is_some());
            return;
        }
        let fate = fate(person, here, memory, &known.owners);
        self.settle_token(person, fate);
        self.write_down(person, here, offers, fate);
    }

    /// Counts what the file alone shows.
    fn note(&mut self, person: &Person) {
        for reason in &person.findings {
            self.findings.add(Table::Users, *reason, person.legacy_id);
            let of_token = [Reason::TokenEmpty, Reason::TokenInvalid, Reason::TokenOfTwoUsers];
            self.auth_tokens.skipped += u64::from(of_token.contains(reason));
        }
    }

    fn settle_token(&mut self, person: &Person, fate: Fate) {
        match fate {
            Fate::Absent => {}
            Fate::Column => self.auth_tokens.in_column += 1,
            Fate::Unchanged => self.auth_tokens.unchanged += 1,
            Fate::Session => {
                self.auth_tokens.as_session += 1;
                let (legacy_id, created_at, last_seen_at) = (person.legacy_id, None, None);
                let new = person.token_id().map(|id| NewSession { id, legacy_id, created_at, last_seen_at });
                self.sessions.extend(new);
            }
            Fate::Skipped(reason) => {
                self.auth_tokens.skipped += 1;
                self.findings.add(Table::Users, reason, person.legacy_id);
            }
        }
    }

    fn write_down(&mut self, person: &'a Person, here: Option<&Here>, offers: Offers<'a>, fate: Fate) {
        let auth_token = person.token.as_ref().filter(|_| fate == Fate::Column).map(SessionToken::expose);
        let Offers { email, phone, telegram_id, attributes, .. } = offers;
        let attributes = serde_json::Value::Object(attributes).to_string();
        let (legacy_id, created_at) = (person.legacy_id, person.created_at);
        if let Some(Here { id, .. }) = here {
            self.users.updated += 1;
            let id = *id;
            self.change.push(ChangedPerson { id, email, phone, telegram_id, attributes, auth_token });
        } else {
            self.users.created += 1;
            self.create.push(NewPerson {
                legacy_id,
                email,
                phone,
                telegram_id,
                created_at,
                attributes,
                auth_token,
            });
        }
        // A token of somebody else is not remembered as this person's.
        let of_another = fate == Fate::Skipped(Reason::TokenOfAnotherPerson);
        let seen_token = person.token_id().filter(|_| !of_another);
        let written_token = seen_token.filter(|_| fate == Fate::Column);
        let fingerprint = &person.fingerprint;
        self.remember.push(NewMemory { legacy_id, fingerprint, seen_token, written_token });
    }
}

/// What of someone's values is taken over.
struct Offers<'a> {
    email: Option<&'a str>,
    phone: Option<&'a str>,
    telegram_id: Option<i64>,
    /// The attributes, with the values that somebody else has.
    attributes: Map<String, Value>,
    rejected: Vec<Reason>,
}

impl<'a> Offers<'a> {
    fn of(person: &'a Person, here: Option<&Here>, taken: &mut Taken, unchanged: bool) -> Self {
        let mut this = Self {
            email: None,
            phone: None,
            telegram_id: None,
            attributes: person.attributes.clone(),
            rejected: Vec::new(),
        };
        let ours = here.is_some_and(|here| here.email.is_some());
        let offer = Offer::of(&person.email, ours, &mut taken.emails, unchanged);
        this.email = this.settle("email", &offer, Reason::EmailTaken).map(String::as_str);
        let ours = here.is_some_and(|here| here.phone.is_some());
        let offer = Offer::of(&person.phone, ours, &mut taken.phones, unchanged);
        this.phone = this.settle("phone", &offer, Reason::PhoneTaken).map(String::as_str);
        let ours = here.is_some_and(|here| here.telegram_id.is_some());
        let offer = Offer::of(&person.telegram_id, ours, &mut taken.telegram_ids, unchanged);
        this.telegram_id = this.settle("telegram_id", &offer, Reason::TelegramIdTaken).copied();
        this
    }

    fn settle<T>(&mut self, name: &str, offer: &Offer<'a, T>, otherwise: Reason) -> Option<&'a T> {
        match offer {
            Offer::Nothing => None,
            Offer::Accepted(value) => Some(value),
            Offer::Taken(raw) => {
                self.attributes.insert(name.to_owned(), (*raw).clone());
                self.rejected.push(otherwise);
                None
            }
        }
    }
}

/// What the file offers for a column in which no two people have the same value.
enum Offer<'a, T> {
    Nothing,
    Accepted(&'a T),
    /// Somebody else has it. Who that is must not be decided by a value that nobody has proven.
    Taken(&'a Value),
}

impl<'a, T: Eq + Hash + Clone> Offer<'a, T> {
    /// What this person has here already stays, whatever the file says.
    fn of(contact: &'a Contact<T>, ours: bool, taken: &mut HashSet<T>, unchanged: bool) -> Self {
        match &contact.value {
            Some(value) if !ours && taken.contains(value) => Self::Taken(&contact.raw),
            Some(value) if !ours && !unchanged => {
                taken.insert(value.clone());
                Self::Accepted(value)
            }
            _ => Self::Nothing,
        }
    }
}

/// Decides about the token in someone's `users.auth_token`.
fn fate(person: &Person, here: Option<&Here>, memory: Option<&Memory>, owners: &TokenOwners) -> Fate {
    let Some(id) = person.token_id() else { return Fate::Absent };
    // When it came with an earlier import, everything that became of it since was done here.
    if memory.is_some_and(|memory| memory.seen_token_id == Some(id)) {
        return Fate::Unchanged;
    }
    if owners.is_of_another(&id, here.map(|here| here.id)) {
        return Fate::Skipped(Reason::TokenOfAnotherPerson);
    }
    let Some(here) = here else { return Fate::Column };
    if here.auth_token_id == Some(id) {
        return Fate::Unchanged;
    }
    let since =
        |at: Option<DateTime<Utc>>| at.is_some_and(|at| memory.is_none_or(|memory| at >= memory.imported_at));
    let as_it_was_left = here.auth_token_id.is_none()
        || here.auth_token_id == memory.and_then(|memory| memory.written_token_id);
    let column_is_free = as_it_was_left && !since(here.last_login_at);
    let has_row = owners.sessions.contains_key(&id);
    if !has_row && here.blocked_at.is_some() {
        Fate::Skipped(Reason::BlockedHere)
    } else if !has_row && since(here.sessions_valid_after) {
        // The older software gave it out at some time since the last import: perhaps before all was ended.
        Fate::Skipped(Reason::EndedHere)
    } else if column_is_free {
        Fate::Column
    } else if has_row {
        Fate::Unchanged
    } else {
        Fate::Session
    }
}
