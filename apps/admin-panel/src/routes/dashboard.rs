//! `/`: numbers, and whether all parts answer.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use http_kit::page::PageRequest;
use http_kit::{Problem, localized};
use session_management::administration::{LegacyDay, Logins};
use session_management::{Health, RevocationLag, SessionError, revocation_lag};
use templates::chart::{self, Bar};
use templates::page::{Chart, ChartRow, DashboardPage, Lag};

use crate::staff::{Staff, UsersRead};

/// One of so many bars has its label.
const HOURS_PER_LABEL: usize = 6;
const DAYS_PER_LABEL: usize = 2;

pub(crate) async fn show(
    request: HttpRequest,
    page: PageRequest,
    staff: Staff<UsersRead>,
) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let statistics = staff.administration().statistics().await?;
        let live = statistics.live_sessions;
        Ok::<_, SessionError>(DashboardPage {
            frame: page.frame(),
            estimated: !live.exact,
            live: live.by_context,
            logins: by_hour(&statistics.logins)?,
            legacy: by_day(statistics.legacy_uses)?,
            health: parts(staff.health().await),
            lag: revocation_lag().map(lag),
        })
    };
    localized(&request, outcome.await).map(|dashboard| page.show(&dashboard))
}

fn by_hour(logins: &[Logins]) -> Result<Chart, SessionError> {
    let bar = |hour: &Logins| Bar { label: hour.hour.format("%H:%M").to_string(), value: hour.logins };
    let row = |hour: &Logins| ChartRow {
        at: hour.hour.format("%F %R").to_string(),
        count: hour.logins,
        kinds: Vec::new(),
    };
    let svg = drawn(&logins.iter().map(bar).collect::<Vec<_>>(), HOURS_PER_LABEL)?;
    Ok(Chart { svg, rows: logins.iter().map(row).collect() })
}

fn by_day(uses: Vec<LegacyDay>) -> Result<Chart, SessionError> {
    let bar = |day: &LegacyDay| Bar { label: day.day.format("%m-%d").to_string(), value: day.uses };
    let svg = drawn(&uses.iter().map(bar).collect::<Vec<_>>(), DAYS_PER_LABEL)?;
    let row = |day: LegacyDay| ChartRow { at: day.day.to_string(), count: day.uses, kinds: day.by_source };
    Ok(Chart { svg, rows: uses.into_iter().map(row).collect() })
}

fn drawn(bars: &[Bar], every: usize) -> Result<String, SessionError> {
    chart::bars(bars, every).map_err(|error| SessionError::Internal(error.to_string()))
}

fn parts(health: Health) -> Vec<(&'static str, bool)> {
    vec![("postgres", health.postgres), ("redis", health.redis), ("lease", health.lease)]
}

fn lag(lag: RevocationLag) -> Lag {
    let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
    Lag { mean: milliseconds(lag.mean), most: lag.most.map(milliseconds), measured: lag.measured }
}
