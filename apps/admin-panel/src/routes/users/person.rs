//! `/users/{id}`: one person, where they are logged in, and what they may do.

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use constants::Permission;
use http_kit::page::{PageRequest, device_row};
use http_kit::{Problem, localized};
use session_management::{Grant, Session, SessionId, User};
use templates::page::{GrantRow, PersonPage, SessionRow};
use templates::{Locale, moment};

use super::row;
use crate::staff::{Staff, Subject, UsersRead, not_found};

pub(crate) async fn show(
    request: HttpRequest,
    page: PageRequest,
    staff: Staff<UsersRead>,
    Subject(id): Subject,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let administration = staff.administration();
        let user = administration.person(id).await?.ok_or_else(not_found)?;
        let sessions = administration.sessions_of(id).await?.ok_or_else(not_found)?;
        let grants = administration.grants_of(id).await?.ok_or_else(not_found)?;
        Ok::<_, Problem>(person(&page, &staff, user, &sessions, grants))
    };
    localized(&request, outcome.await).map(|person| page.show(&person))
}

fn person(
    page: &PageRequest,
    staff: &Staff<UsersRead>,
    user: User,
    sessions: &[Session],
    grants: Vec<Grant>,
) -> PersonPage {
    let (now, locale) = (staff.now(), page.locale());
    PersonPage {
        frame: page.frame(),
        person: row(&user, now, locale),
        sessions: sessions.iter().map(|session| session_row(session, staff.session(), now, locale)).collect(),
        grants: grants.into_iter().map(|grant| grant_row(grant, now, locale)).collect(),
        may: Permission::ALL.iter().copied().filter(|permission| staff.may(*permission)).collect(),
        is_above: user.role.rank() > staff.role().rank(),
        sees_log: staff.may(Permission::AuditRead),
        email: user.email,
        phone: user.phone,
        telegram_id: user.telegram_id,
    }
}

/// A session as seen from the session `own`.
pub(crate) fn session_row(
    session: &Session,
    own: &SessionId,
    now: DateTime<Utc>,
    locale: Locale,
) -> SessionRow {
    let device = device_row(session, own, now, locale);
    SessionRow { device, application: session.application_context }
}

fn grant_row(grant: Grant, now: DateTime<Utc>, locale: Locale) -> GrantRow {
    GrantRow {
        permission: grant.permission,
        application: grant.application_context,
        since: moment(grant.granted_at, locale),
        until: grant.expires_at.map(|end| moment(end, locale)),
        has_ended: grant.expires_at.is_some_and(|end| end <= now),
    }
}
