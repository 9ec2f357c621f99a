//! What an application counts, for Prometheus.

use std::time::Duration;

use actix_web::HttpRequest;
use constants::AppScope;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// From a near hit to a login that waits for its turn, in seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// The metrics of one application.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    /// The two that are asked most, found without a search.
    me: (IntCounter, Histogram),
    verify: (IntCounter, Histogram),
}

impl Metrics {
    pub(crate) fn new(scope: AppScope) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let application = IntGaugeVec::new(
            Opts::new("application_info", "Which application this is"),
            &["application", "context"],
        )?;
        application.with_label_values(&[scope.as_str(), scope.context().as_str()]).set(1);
        registry.register(Box::new(application))?;
        let requests = IntCounterVec::new(
            Opts::new("http_requests_total", "Requests by method, route and status"),
            &["method", "route", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("http_request_duration_seconds", "Time to the answer by route")
                .buckets(BUCKETS.to_vec()),
            &["route"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        session_management::register_metrics(&registry)?;
        let counted = |route: &str| {
            (requests.with_label_values(&["GET", route, "200"]), seconds.with_label_values(&[route]))
        };
        let (me, verify) = (counted("/api/me"), counted("/api/verify"));
        Ok(Self { registry, requests, seconds, me, verify })
    }

    /// Counts one answer. The route is a pattern of ours and the method one of a few, so that a stranger
    /// cannot make up labels.
    pub(crate) fn observe(&self, request: &HttpRequest, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let often = match (request.method().as_str(), request.path(), status) {
            ("GET", "/api/me", 200) => Some(&self.me),
            ("GET", "/api/verify", 200) => Some(&self.verify),
            _ => None,
        };
        if let Some((requests, durations)) = often {
            requests.inc();
            durations.observe(seconds);
            return;
        }
        let pattern = request.match_pattern();
        let route = pattern.as_deref().filter(|route| !route.is_empty()).unwrap_or("unknown");
        let method = match request.method().as_str() {
            known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
            _ => "other",
        };
        self.requests.with_label_values(&[method, route, status.to_string().as_str()]).inc();
        self.seconds.with_label_values(&[route]).observe(seconds);
    }

    /// Everything in the text format.
    pub(crate) fn render(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
