//! What staff do: finding people, seeing and ending their sessions, changing roles, permissions and blocks, reading the
//! audit log. Every act upon a person is judged under a lock and stands in the audit log, in one transaction.

#[cfg_attr(
    not(feature = "sessionctl"),
    expect(unreachable_pub, reason = "sessionctl alone calls these from outside")
)]
mod acts;
mod cursor;
mod rules;

use async_trait::async_trait;
use chrono::{DateTime, Days, Duration, DurationRound, NaiveDate, Utc};
use constants::contexts::Admin;
use constants::{ApplicationContext, AuditAction, Role};
use identity_db::audit::{self, Line, Origin};
use identity_db::people::{self, Search};
use identity_db::right::{Grant, NewGrant};
use identity_db::session::Session;
use identity_db::statistics::{LegacyUses, LiveSessions};
use identity_db::user::User;
use identity_db::{SessionId, UserId};

use crate::error::SessionError;
use crate::principal::Principal;

pub use acts::Changed;
pub(crate) use acts::grant_detail;
pub(crate) use acts::{grant, take};
// On a connection: for the program that works on Postgres directly, and no part of the library.
#[cfg(feature = "sessionctl")]
#[doc(hidden)]
pub use acts::{change_person, end_session, end_sessions};
#[cfg(not(feature = "sessionctl"))]
pub(crate) use acts::{change_person, end_session, end_sessions};
pub use cursor::Cursor;
pub use rules::Deed;
pub(crate) use rules::{Act, Standing, forbids};

/// Short for the answers of an administration.
pub type Result<T> = std::result::Result<T, SessionError>;

/// Who acts, and from where.
#[derive(Debug, Clone, Default)]
pub struct Actor {
    /// `None` is the command line, which may do everything but leave nobody to administer.
    pub(crate) staff: Option<Staff>,
    pub(crate) origin: Origin,
}

/// A member of staff as their request was let in.
#[derive(Debug, Clone)]
pub(crate) struct Staff {
    pub(crate) id: UserId,
    pub(crate) role: Role,
    pub(crate) recently_proven: bool,
}

impl Actor {
    /// The member of staff from whom a request of admin-panel comes.
    #[must_use]
    pub fn staff(principal: &Principal<Admin>, origin: Origin) -> Self {
        let snapshot = principal.snapshot();
        let (id, role) = (snapshot.user.id, snapshot.user.role);
        let staff = Staff { id, role, recently_proven: snapshot.is_recent(snapshot.read_at) };
        Self { staff: Some(staff), origin }
    }

    /// Whoever has a shell and the database's address.
    #[must_use]
    pub fn command_line() -> Self {
        Self::default()
    }

    /// A line for the audit log.
    pub(crate) fn entry(
        &self,
        action: AuditAction,
        subject: UserId,
        detail: serde_json::Value,
    ) -> audit::Entry {
        audit::Entry {
            action,
            context: self.staff.as_ref().map(|_| ApplicationContext::Admin),
            actor: self.staff.as_ref().map(|staff| staff.id),
            subject: Some(subject),
            session: None,
            origin: self.origin.clone(),
            detail: Some(detail),
        }
    }
}

/// What staff may change of a person; `None` leaves a value as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PersonChange {
    /// A new role.
    pub role: Option<Role>,
    /// Whether every login and session is refused.
    pub blocked: Option<bool>,
    /// Whether the address counts as proven.
    pub is_verified: Option<bool>,
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageOf {
    /// By its number, from 1.
    Number(i64),
    /// By what another page said comes next.
    After(Cursor),
}

/// People who match.
#[derive(Debug, Clone)]
pub struct PeoplePage {
    /// Those on this page.
    pub people: Vec<User>,
    /// How many there are, counted up to [`people::COUNTED`].
    pub total: i64,
    /// Whether there are more than that.
    pub total_capped: bool,
    /// What comes next.
    pub next: Option<Cursor>,
}

impl PeoplePage {
    pub(crate) fn new(page: people::Page, counted: i64) -> Self {
        Self {
            people: page.people,
            total: counted.min(people::COUNTED),
            total_capped: counted > people::COUNTED,
            next: page.next.map(Cursor::People),
        }
    }
}

/// Lines of the audit log that match, the newest first.
#[derive(Debug, Clone)]
pub struct AuditPage {
    /// Those on this page.
    pub lines: Vec<Line>,
    /// What comes next.
    pub next: Option<Cursor>,
}

impl AuditPage {
    /// Out of one line more than fit.
    pub(crate) fn new(mut lines: Vec<Line>, per_page: i64) -> Self {
        let fit = usize::try_from(per_page).unwrap_or_default();
        let is_last = lines.len() <= fit;
        lines.truncate(fit);
        let after = lines.last().filter(|_| !is_last);
        let next = after.map(|line| Cursor::Audit(audit::Position { at: line.at, id: line.id }));
        Self { lines, next }
    }
}

/// A right that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// As it stands now.
    pub grant: Grant,
    /// Whether there was none before.
    pub is_new: bool,
}

/// Numbers for the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Sessions that count now.
    pub live_sessions: LiveSessions,
    /// Logins in each of the last 48 hours, the oldest first; the hour that runs is the last.
    pub logins: Vec<Logins>,
    /// Uses of tokens of the older software on each of the last 14 days, the oldest first; today is the last.
    pub legacy_uses: Vec<LegacyDay>,
}

/// Logins of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logins {
    /// Its beginning.
    pub hour: DateTime<Utc>,
    /// How many, in all applications.
    pub logins: i64,
}

impl Logins {
    /// Hours that are shown.
    pub(crate) const HOURS: i64 = 48;

    /// The beginnings of these hours, the oldest first.
    pub(crate) fn hours(now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let last = now.duration_trunc(Duration::hours(1)).unwrap_or(now);
        (0..Self::HOURS).rev().map(|ago| last - Duration::hours(ago)).collect()
    }
}

/// Uses of tokens of the older software on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyDay {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// How often.
    pub uses: i64,
    /// The same by where the tokens were found.
    pub by_source: Vec<(String, i64)>,
}

impl LegacyDay {
    /// Days that are shown.
    const DAYS: u64 = 14;

    /// The first of these days.
    pub(crate) fn first(now: DateTime<Utc>) -> NaiveDate {
        now.date_naive() - Days::new(Self::DAYS - 1)
    }

    /// Each of these days, also those without uses.
    pub(crate) fn each(now: DateTime<Utc>, uses: &[LegacyUses]) -> Vec<Self> {
        let day = |day: NaiveDate| {
            let of_day = uses.iter().filter(|uses| uses.day == day);
            let by_source: Vec<(String, i64)> = of_day.map(|uses| (uses.source.clone(), uses.uses)).collect();
            Self { day, uses: by_source.iter().map(|(_, uses)| uses).sum(), by_source }
        };
        Self::first(now).iter_days().take_while(|day| *day <= now.date_naive()).map(day).collect()
    }
}

/// Lets staff look and act. Who may look is decided at the edge; whether an act may happen is decided where it happens.
///
/// Absent is `Ok(None)`; [`SessionError::Refused`] and [`SessionError::ReauthenticationRequired`] say why an act was
/// not done. A page has as many entries as `per_page` says: the edge bounds it.
#[async_trait]
pub trait Administration: Send + Sync + std::fmt::Debug {
    /// A page of the people who match. How many there are in all is counted up to 10,000.
    ///
    /// # Errors
    /// [`SessionError::Internal`] for a cursor of the audit log.
    async fn people(&self, search: Search, page: PageOf, per_page: i64) -> Result<PeoplePage>;

    /// One person.
    async fn person(&self, id: UserId) -> Result<Option<User>>;

    /// Changes a person: all that is asked for, or nothing. Blocking ends every session of theirs.
    async fn change_person(&self, actor: Actor, id: UserId, change: PersonChange) -> Result<Option<User>>;

    /// A person's live sessions in every application, the most recently used first.
    async fn sessions_of(&self, id: UserId) -> Result<Option<Vec<Session>>>;

    /// Ends every session of a person in every application; how many were live.
    async fn end_sessions_of(&self, actor: Actor, id: UserId) -> Result<Option<usize>>;

    /// Ends one live session of a person; `None` when they have none such.
    async fn end_session_of(&self, actor: Actor, id: UserId, session: SessionId) -> Result<Option<()>>;

    /// Every right that was granted to a person, also those that have ended.
    async fn grants_of(&self, id: UserId) -> Result<Option<Vec<Grant>>>;

    /// Grants a right, or gives one that was granted before another end.
    async fn grant(&self, actor: Actor, id: UserId, new: NewGrant) -> Result<Option<Granted>>;

    /// Takes a right; `None` when the person has none such.
    async fn take(
        &self,
        actor: Actor,
        id: UserId,
        permission: String,
        context: ApplicationContext,
    ) -> Result<Option<()>>;

    /// A page of the audit log, the newest line first.
    ///
    /// # Errors
    /// [`SessionError::Internal`] for a cursor of people.
    async fn audit_log(&self, search: audit::Search, page: PageOf, per_page: i64) -> Result<AuditPage>;

    /// Numbers for the dashboard.
    async fn statistics(&self) -> Result<Statistics>;
}
