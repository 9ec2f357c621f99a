//! `/cleanup`: the checklist before the clean-up.

mod facts;

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::page::PageRequest;
use http_kit::{Problem, localized};
use session_management::{Checklist, CleanupProbe, Point};
use templates::page::{ChecklistRows, CleanupPage, PointRow};
use templates::{Locale, moment};

use crate::staff::{Staff, UsersRead};

pub(crate) async fn show(
    request: HttpRequest,
    page: PageRequest,
    probe: web::Data<Option<CleanupProbe>>,
    _staff: Staff<UsersRead>,
) -> Result<HttpResponse, Problem> {
    let checklist = match probe.get_ref() {
        Some(probe) => Some(rows(localized(&request, probe.glance().await)?, page.locale())),
        None => None,
    };
    Ok(page.show(&CleanupPage { frame: page.frame(), checklist }))
}

fn rows(checklist: Checklist, locale: Locale) -> ChecklistRows {
    let applied = checklist.applied.map(|applied| (moment(applied.applied_at, locale), applied.applied_by));
    ChecklistRows {
        database: checklist.database,
        applied,
        is_ready: checklist.ready,
        measured_at: moment(checklist.measured_at, locale),
        points: checklist.points.iter().map(|point| row(point, locale)).collect(),
    }
}

fn row(point: &Point, locale: Locale) -> PointRow {
    PointRow {
        id: point.id,
        sentence: locale.find(&format!("cleanup-{}", point.id)).unwrap_or_else(|| point.sentence.to_owned()),
        holds: point.holds,
        required: point.required,
        complete: point.complete,
        measured: facts::told(&point.facts, locale),
        since: point.since.map(|at| moment(at, locale)),
    }
}
