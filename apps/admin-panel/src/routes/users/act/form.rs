//! What the form of an act brings, and what it asks for. Acts are parsed as the API parses them.

use chrono::{DateTime, NaiveDateTime, Utc};
use constants::{ApplicationContext, Role};
use http_kit::{Code, Problem};
use serde::Deserialize;
use session_management::administration::{PersonChange, Result as Done};
use session_management::{Actor, Administration, NewGrant, SessionId, UserId};
use templates::page::ActForm;

use super::Kind;
use crate::paging::{given, typed};
use crate::routes::api::users::permissions::{NewPermission, granted_name};
use crate::staff::not_found;

/// The fields of all acts; each has its own.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct Fields {
    session: Option<String>,
    role: Option<String>,
    permission: Option<String>,
    application_context: Option<String>,
    expires_at: Option<String>,
    /// Of the member of staff, where the form asked for it.
    pub(super) password: Option<String>,
}

/// An act with all that it needs.
pub(super) enum Act {
    EndSession(SessionId),
    EndSessions,
    Change(PersonChange),
    Grant(NewGrant),
    Take(String, ApplicationContext),
}

impl Act {
    /// Does it, where it is judged and written down too. `None` when there is no such person, session or grant.
    pub(super) async fn perform(
        self,
        administration: &dyn Administration,
        actor: Actor,
        id: UserId,
    ) -> Done<Option<()>> {
        Ok(match self {
            Self::EndSession(session) => administration.end_session_of(actor, id, session).await?,
            Self::EndSessions => administration.end_sessions_of(actor, id).await?.map(drop),
            Self::Change(change) => administration.change_person(actor, id, change).await?.map(drop),
            Self::Grant(new) => administration.grant(actor, id, new).await?.map(drop),
            Self::Take(permission, context) => administration.take(actor, id, permission, context).await?,
        })
    }
}

impl Fields {
    /// The act that the form asks for.
    pub(super) fn act(&self, kind: Kind, now: DateTime<Utc>) -> Result<Act, Problem> {
        let change = PersonChange::default();
        Ok(match kind {
            Kind::EndSession => Act::EndSession(self.session_id()?),
            Kind::EndSessions => Act::EndSessions,
            Kind::Block => Act::Change(PersonChange { blocked: Some(true), ..change }),
            Kind::Unblock => Act::Change(PersonChange { blocked: Some(false), ..change }),
            Kind::Verify => Act::Change(PersonChange { is_verified: Some(true), ..change }),
            Kind::Unverify => Act::Change(PersonChange { is_verified: Some(false), ..change }),
            Kind::Role => Act::Change(PersonChange { role: Some(self.role()?), ..change }),
            Kind::Grant => Act::Grant(self.permission()?.parse(now)?),
            Kind::Take => {
                let (permission, context) = self.taken()?;
                Act::Take(permission, context)
            }
        })
    }

    pub(super) fn session_id(&self) -> Result<SessionId, Problem> {
        self.session.as_deref().and_then(SessionId::parse).ok_or_else(not_found)
    }

    /// The choice among roles that a member of staff of role `own` can give.
    pub(super) fn role_form(&self, now: Role, own: Role) -> ActForm {
        let chosen = given(self.role.as_deref()).unwrap_or(now.as_str()).to_owned();
        let mut roles: Vec<Role> =
            Role::ALL.iter().copied().filter(|role| role.rank() <= own.rank()).collect();
        roles.sort_by_key(|role| role.rank());
        ActForm::Role { chosen, roles }
    }

    pub(super) fn grant_form(&self) -> ActForm {
        ActForm::Grant {
            permission: typed(self.permission.as_ref()),
            application: given(self.application_context.as_deref()).unwrap_or("admin").to_owned(),
            expires_at: typed(self.expires_at.as_ref()),
        }
    }

    pub(super) fn take_form(&self) -> Result<ActForm, Problem> {
        let (permission, application) = self.taken()?;
        Ok(ActForm::Take { permission, application })
    }

    fn role(&self) -> Result<Role, Problem> {
        self.role.as_deref().and_then(|name| name.parse().ok()).ok_or_else(invalid)
    }

    fn permission(&self) -> Result<NewPermission, Problem> {
        Ok(NewPermission {
            permission: typed(self.permission.as_ref()),
            application_context: self.context()?,
            expires_at: given(self.expires_at.as_deref()).map(end).transpose()?,
        })
    }

    fn taken(&self) -> Result<(String, ApplicationContext), Problem> {
        let known = self.permission.as_deref().and_then(granted_name);
        Ok((known.ok_or_else(not_found)?, self.context()?))
    }

    fn context(&self) -> Result<ApplicationContext, Problem> {
        self.application_context.as_deref().and_then(|name| name.parse().ok()).ok_or_else(invalid)
    }
}

/// A time as browsers send it, without a zone: the form says that it is UTC.
fn end(text: &str) -> Result<DateTime<Utc>, Problem> {
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
    let parsed = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let wrong = || Problem::new(Code::ValidationFailed).because("validation-expires-at");
    parsed.map(|end| end.and_utc()).ok_or_else(wrong)
}

fn invalid() -> Problem {
    Problem::new(Code::ValidationFailed)
}
