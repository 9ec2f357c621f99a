//! People as staff see them, and what staff do to one.

use askama::Template;
use constants::{ApplicationContext, Permission, Role};

use super::{DeviceRow, Pages};
use crate::{Fault, Frame};

/// People who match.
#[derive(Debug, Template)]
#[template(path = "users.html")]
pub struct UsersPage {
    /// What stands around it.
    pub frame: Frame,
    /// What was asked for, as it was typed.
    pub query: String,
    /// The role that was asked for.
    pub role: String,
    /// The state that was asked for.
    pub state: String,
    /// Why nothing can be found.
    pub fault: Option<Fault>,
    /// Those on this page.
    pub people: Vec<PersonRow>,
    /// How many there are.
    pub total: i64,
    /// Whether there are more than that.
    pub total_capped: bool,
    /// The other pages.
    pub pages: Pages,
}

impl UsersPage {
    fn roles(&self) -> &'static [Role] {
        Role::ALL
    }

    fn is_filtered(&self) -> bool {
        [&self.query, &self.role, &self.state].iter().any(|filter| !filter.is_empty())
    }
}

/// A person in a list.
#[derive(Debug, Clone)]
pub struct PersonRow {
    /// Their id.
    pub id: String,
    /// How they are named.
    pub name: String,
    /// What they are to the company.
    pub role: Role,
    /// Whether they are blocked.
    pub is_blocked: bool,
    /// Whether their address was proven.
    pub is_verified: bool,
    /// When the account was made, in words.
    pub since: String,
    /// When they logged in last, in words.
    pub last_login: Option<String>,
}

/// One person.
#[derive(Debug, Template)]
#[template(path = "person.html")]
pub struct PersonPage {
    /// What stands around it.
    pub frame: Frame,
    /// Who it is.
    pub person: PersonRow,
    /// The address.
    pub email: Option<String>,
    /// In E.164.
    pub phone: Option<String>,
    /// Telegram's number.
    pub telegram_id: Option<i64>,
    /// Where they are logged in.
    pub sessions: Vec<SessionRow>,
    /// What was granted to them.
    pub grants: Vec<GrantRow>,
    /// What the member of staff may do to them.
    pub may: Vec<Permission>,
    /// Whether they stand above the member of staff, who may do nothing then.
    pub is_above: bool,
    /// Whether the member of staff may read the audit log.
    pub sees_log: bool,
}

impl PersonPage {
    fn may(&self, permission: Permission) -> bool {
        !self.is_above && self.may.contains(&permission)
    }
}

/// A session in one of the applications.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// As its owner sees it.
    pub device: DeviceRow,
    /// Where it counts.
    pub application: ApplicationContext,
}

/// A permission that was granted.
#[derive(Debug, Clone)]
pub struct GrantRow {
    /// What is permitted.
    pub permission: String,
    /// Where.
    pub application: ApplicationContext,
    /// When it was granted, in words.
    pub since: String,
    /// Until when, in words; `None` until it is taken.
    pub until: Option<String>,
    /// Whether it counts no more.
    pub has_ended: bool,
}

/// Something that is about to be done to a person, for the member of staff to confirm.
#[derive(Debug, Template)]
#[template(path = "act.html")]
pub struct ActPage {
    /// What stands around it.
    pub frame: Frame,
    /// The name of the act, of its address and of its texts.
    pub name: &'static str,
    /// To whom.
    pub person: PersonRow,
    /// What else is to be known.
    pub form: ActForm,
    /// Whether it takes something away.
    pub is_danger: bool,
    /// Whether the password is asked for.
    pub asks_password: bool,
    /// What was wrong.
    pub fault: Option<Fault>,
}

impl ActPage {
    fn text(&self, part: &str) -> String {
        self.frame.t(&format!("act-{}-{part}", self.name))
    }

    fn permissions(&self) -> &'static [Permission] {
        Permission::ALL
    }

    fn applications(&self) -> &'static [ApplicationContext] {
        ApplicationContext::ALL
    }
}

/// What the form of an act has beside its button.
#[derive(Debug)]
pub enum ActForm {
    /// Nothing.
    Plain,
    /// A session.
    Session(Box<SessionRow>),
    /// A choice of role.
    Role {
        /// The one that is chosen.
        chosen: String,
        /// Those that can be given.
        roles: Vec<Role>,
    },
    /// A permission to be granted, as it was typed.
    Grant {
        /// Its name.
        permission: String,
        /// Where.
        application: String,
        /// Until when.
        expires_at: String,
    },
    /// A permission to be taken.
    Take {
        /// Its name.
        permission: String,
        /// Where.
        application: ApplicationContext,
    },
}
