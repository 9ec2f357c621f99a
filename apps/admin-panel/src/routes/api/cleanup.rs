//! `/api/cleanup`: the checklist of the clean-up.

use actix_web::{HttpRequest, HttpResponse, web};
use http_kit::{Code, Failure, Gated, Problem};
use session_management::CleanupProbe;
use utoipa::ToSchema;

use crate::staff::{Staff, UsersRead};

/// The checklist before the clean-up, as `sessionctl cleanup check --json` prints it.
#[derive(ToSchema)]
#[schema(as = Checklist)]
#[expect(dead_code, reason = "read by the document alone")]
pub(crate) struct ChecklistSchema {
    /// The database that it is about.
    database: String,
    /// Whether the strict mode is on: since the clean-up, in every process.
    strict: bool,
    /// The clean-up, once it was applied.
    applied: Option<AppliedSchema>,
    /// Whether every point holds that must.
    ready: bool,
    #[schema(format = DateTime)]
    measured_at: String,
    points: Vec<PointSchema>,
}

#[derive(ToSchema)]
#[schema(as = CleanupApplied)]
#[expect(dead_code, reason = "read by the document alone")]
struct AppliedSchema {
    #[schema(format = DateTime)]
    applied_at: String,
    /// The role of the database.
    applied_by: String,
}

#[derive(ToSchema)]
#[schema(as = ChecklistPoint)]
#[expect(dead_code, reason = "read by the document alone")]
struct PointSchema {
    id: String,
    /// What is to hold.
    sentence: String,
    /// Whether it does. What could not be measured does not.
    holds: bool,
    /// Whether the clean-up waits for it.
    required: bool,
    /// Whether it was measured completely.
    complete: bool,
    /// What was found.
    measured: String,
    #[schema(format = DateTime)]
    since: Option<String>,
}

/// The checklist before the clean-up, measured; what was found in Redis may be half a minute old.
#[utoipa::path(
    get, path = "/api/cleanup", tag = "operations", security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = ChecklistSchema), Gated, (status = 404, response = Failure),
    ),
    extensions(("x-permission" = json!("users.read")))
)]
pub(crate) async fn show(
    request: HttpRequest,
    probe: web::Data<Option<CleanupProbe>>,
    _staff: Staff<UsersRead>,
) -> Result<HttpResponse, Problem> {
    let Some(probe) = probe.get_ref() else { return Err(Problem::new(Code::NotFound).for_request(&request)) };
    let checklist = probe.glance().await.map_err(|error| Problem::from(error).for_request(&request))?;
    Ok(HttpResponse::Ok().json(checklist))
}
