//! Is it alive, is it ready, what does it count: for operators and their programs.

use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use session_management::{SessionError, SessionService};
use utoipa::ToSchema;

use crate::drain::Draining;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::routes::Routes;

/// Prometheus' text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether a part answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Part {
    Up,
    Down,
}

impl From<bool> for Part {
    fn from(up: bool) -> Self {
        if up { Self::Up } else { Self::Down }
    }
}

/// Which parts answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    postgres: Part,
    redis: Part,
    /// Whether in-process copies of sessions may count.
    lease: Part,
    /// `current`, or `pending` when the schema is older than this program.
    migrations: &'static str,
    /// `passed`, or `failed` when Postgres is not what it must be; the log says why.
    start_checks: &'static str,
    /// Whether the process has been told to end: it answers, and is not ready.
    draining: bool,
}

/// The process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Liveness {
    status: &'static str,
}

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes
        .at("/healthz", |at| at.get(healthz))
        .at("/readyz", |at| at.get(readyz))
        .at("/metrics", |at| at.get(metrics));
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = Liveness)))]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Liveness { status: "ok" })
}

/// Whether requests are decided here: Postgres answers and is fit, no migration is pending, no end was asked for.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness))
)]
pub(crate) async fn readyz(
    service: web::Data<SessionService>,
    draining: web::Data<Draining>,
) -> HttpResponse {
    let draining = draining.has_begun();
    let health = service.manager().health().await;
    let readiness = Readiness {
        postgres: health.postgres.into(),
        redis: health.redis.into(),
        lease: health.lease.into(),
        migrations: if health.migrated { "current" } else { "pending" },
        draining,
        start_checks: if health.fit { "passed" } else { "failed" },
    };
    if !draining && (!health.needed || (health.postgres && health.migrated && health.fit)) {
        return HttpResponse::Ok().json(readiness);
    }
    if health.postgres && !health.migrated {
        log::warn!("not ready: migrations are pending; run `migrate run`");
    }
    HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, 1)).json(readiness)
}

/// Counters in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, body = String, content_type = "text/plain; version=0.0.4"))
)]
pub(crate) async fn metrics(metrics: web::Data<Metrics>) -> Result<HttpResponse, Problem> {
    let text = metrics.render().map_err(|error| SessionError::Internal(error.to_string()))?;
    Ok(HttpResponse::Ok().content_type(TEXT_FORMAT).body(text))
}
