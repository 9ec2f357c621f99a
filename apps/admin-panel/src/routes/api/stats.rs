//! `/api/stats`: numbers for the dashboard.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, NaiveDate, Utc};
use constants::ApplicationContext;
use http_kit::{Gated, Problem, localized, rfc3339};
use serde::{Serialize, Serializer};
use session_management::administration::Statistics;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::staff::{Staff, UsersRead};

/// Numbers for the dashboard.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stats {
    live_sessions: LiveSessionsView,
    /// Of a large table a sample is counted.
    live_sessions_estimated: bool,
    /// The last 48 hours, the oldest first; the hour that runs is the last.
    logins_per_hour: Vec<HourView>,
    /// The last 14 days, the oldest first; today is the last.
    legacy_hits_per_day: Vec<DayView>,
}

/// Sessions that count now, by application context.
pub(crate) struct LiveSessionsView(Vec<(ApplicationContext, i64)>);

impl Serialize for LiveSessionsView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

impl PartialSchema for LiveSessionsView {
    fn schema() -> RefOr<Schema> {
        let object =
            ObjectBuilder::new().description(Some("Sessions that count now, by application context."));
        let count = || {
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        };
        let each = |object: ObjectBuilder, context: &ApplicationContext| {
            object.property(context.as_str(), count()).required(context.as_str())
        };
        ApplicationContext::ALL.iter().fold(object, each).into()
    }
}

impl ToSchema for LiveSessionsView {}

/// Logins of an hour.
#[derive(Serialize, ToSchema)]
pub(crate) struct HourView {
    /// Its beginning.
    #[serde(serialize_with = "rfc3339")]
    hour: DateTime<Utc>,
    count: i64,
}

/// Uses of tokens of the older software on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayView {
    /// In UTC.
    day: NaiveDate,
    count: i64,
    /// By where the tokens were found.
    by_source: BTreeMap<String, i64>,
}

impl From<Statistics> for Stats {
    fn from(statistics: Statistics) -> Self {
        let Statistics { live_sessions, logins, legacy_uses } = statistics;
        let hours = logins.into_iter().map(|hour| HourView { hour: hour.hour, count: hour.logins });
        let days = legacy_uses.into_iter().map(|day| DayView {
            day: day.day,
            count: day.uses,
            by_source: day.by_source.into_iter().collect(),
        });
        Self {
            live_sessions_estimated: !live_sessions.exact,
            live_sessions: LiveSessionsView(live_sessions.by_context),
            logins_per_hour: hours.collect(),
            legacy_hits_per_day: days.collect(),
        }
    }
}

/// Live sessions, logins and what is left of the older software.
#[utoipa::path(
    get, path = "/api/stats", tag = "stats", security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 200, body = Stats), Gated,
    ),
    extensions(("x-permission" = json!("users.read")))
)]
pub(crate) async fn show(request: HttpRequest, staff: Staff<UsersRead>) -> Result<HttpResponse, Problem> {
    let statistics = localized(&request, staff.administration().statistics().await)?;
    Ok(HttpResponse::Ok().json(Stats::from(statistics)))
}
