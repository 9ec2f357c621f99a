//! Which statements a request is answerable for.

use crate::TestDatabase;

/// What the background sends to Postgres: nobody's request is answerable for it.
const BACKGROUND: &[&str] = &[
    // A new connection is set up once, and asks which server it is.
    "pg_control_system",
    "instance_keys",
    "__diesel_schema_migrations",
    // Uses that are written down.
    "OF s SKIP LOCKED",
    "unnest(arg.sources",
    "pg_backend_pid",
    "pg_notify",
    "LISTEN",
    // The copies of people in web's own database are kept current after the act.
    "web_user_cache",
    "FROM \"web_sessions\" WHERE (\"web_sessions\".\"expires_at\"",
    "FROM \"cleanup\"",
    // Attempts that no longer count are deleted.
    "FROM \"rate_limits\"",
    // A process says every few seconds which strategy it runs.
    "strategy_processes",
];

/// The statements of requests since [`TestDatabase::forget_statements`], once for each time that they were sent.
#[derive(Debug)]
pub struct Trips {
    /// Those of the limiter.
    pub limiter: Vec<String>,
    /// All others.
    pub others: Vec<String>,
}

impl TestDatabase {
    /// What requests have sent since [`TestDatabase::forget_statements`].
    #[must_use]
    pub fn trips(&self) -> Trips {
        let is_background =
            |text: &str| text.starts_with("SET ") || BACKGROUND.iter().any(|of| text.contains(of));
        let statements = self.statements().into_iter().filter(|statement| !is_background(&statement.text));
        let each = statements.flat_map(|statement| {
            std::iter::repeat_n(statement.text, usize::try_from(statement.calls).unwrap_or(0))
        });
        let (limiter, others) = each.partition(|text| text.contains("rate_limits"));
        Trips { limiter, others }
    }
}
