//! `/audit`: who did what, to whom, when and from where.

mod values;

use actix_web::{HttpRequest, HttpResponse};
use chrono::SecondsFormat;
use http_kit::page::{PageRequest, Refusal};
use http_kit::{Params, Problem, localized};
use session_management::UserId;
use session_management::audit::Line;
use templates::page::{AuditPage, LogLine, Pages};
use templates::{Device, Locale, moment};

use super::api::audit::Filters;
use crate::paging::{Paging, pages, typed};
use crate::staff::{AuditRead, Staff};

pub(crate) async fn show(
    request: HttpRequest,
    page: PageRequest,
    staff: Staff<AuditRead>,
    Params(filters): Params<Filters>,
) -> Result<HttpResponse, Problem> {
    let log = empty(&page, &filters);
    let found = async {
        let (search, Paging { page, per_page, .. }) = (filters.search()?, filters.paging()?);
        Ok::<_, Problem>(staff.administration().audit_log(search, page, per_page).await?)
    };
    match localized(&request, found.await) {
        Ok(found) => {
            let pages = pages("/audit", &filters.asked(), found.next.as_ref());
            let lines = found.lines.into_iter().map(|line| log_line(line, page.locale())).collect();
            Ok(page.show(&AuditPage { lines, pages, ..log }))
        }
        Err(problem) => {
            let refusal = Refusal::of(problem, &[])?;
            let fault = Some(refusal.fault.clone());
            Ok(page.show_again(&refusal, &AuditPage { fault, ..log }))
        }
    }
}

fn empty(page: &PageRequest, filters: &Filters) -> AuditPage {
    AuditPage {
        frame: page.frame(),
        user: typed(filters.user.as_ref()),
        actor: typed(filters.actor.as_ref()),
        action: typed(filters.action.as_ref()),
        fault: None,
        lines: Vec::new(),
        pages: Pages::default(),
    }
}

fn log_line(line: Line, locale: Locale) -> LogLine {
    let person =
        |id: UserId, email: Option<String>| (id.to_string(), email.unwrap_or_else(|| id.to_string()));
    let device = |text: String| (Device::of(Some(&text)).name(locale), text);
    LogLine {
        at: (line.at.to_rfc3339_opts(SecondsFormat::Secs, true), moment(line.at, locale)),
        what: locale.find(&format!("action-{}", line.action)).unwrap_or_else(|| line.action.clone()),
        action: line.action,
        actor: line.actor.map(|id| person(id, line.actor_email)),
        subject: line.subject.map(|id| person(id, line.subject_email)),
        application: line.context.map(|context| locale.application(context).to_owned()),
        address: line.origin.ip_address.map(|network| network.ip().to_string()),
        device: line.origin.user_agent.map(device),
        values: line.detail.map_or_else(Vec::new, |detail| values::of(&detail, locale)),
    }
}
