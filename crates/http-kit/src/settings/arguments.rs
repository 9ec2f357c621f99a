//! Flags and environment variables as they were given. An empty one counts as unset.

use clap::Parser;

use super::Ports;

/// An application of the identity platform. Every flag can also be given as an environment variable.
#[derive(Debug, Default, Parser)]
#[command(version)]
pub struct Arguments {
    /// mock (no servers; everything in memory), development or production.
    #[arg(long, env = "APP_ENV")]
    pub(crate) environment: Option<String>,
    /// Which store answers: mock-only, production-only, gradual, mock-with-write-through.
    #[arg(long, env = "MIGRATION_STRATEGY")]
    pub(crate) migration_strategy: Option<String>,
    /// Postgres, as the applications' role.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Postgres, as the owner of the schema; not used by an application.
    #[arg(long, env = "DATABASE_OWNER_URL", hide_env_values = true)]
    pub(crate) database_owner_url: Option<String>,
    /// Postgres without a pooler in between, for what must be pushed; default DATABASE_URL.
    #[arg(long, env = "DATABASE_LISTEN_URL", hide_env_values = true)]
    pub(crate) database_listen_url: Option<String>,
    /// What a pooler in DATABASE_URL keeps together: session (default; also without a pooler) or transaction.
    #[arg(long, env = "DATABASE_POOL_MODE")]
    pub(crate) database_pool_mode: Option<String>,
    /// A replica for lists and statistics.
    #[arg(long, env = "DATABASE_REPLICA_URL", hide_env_values = true)]
    pub(crate) database_replica_url: Option<String>,
    /// Where people and sessions are, if not in DATABASE_URL.
    #[arg(long, env = "DATABASE_IDENTITY_URL", hide_env_values = true)]
    pub(crate) database_identity_url: Option<String>,
    /// Where web's own data are, if not in DATABASE_URL.
    #[arg(long, env = "DATABASE_WEB_URL", hide_env_values = true)]
    pub(crate) database_web_url: Option<String>,
    /// Redis.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub(crate) redis_url: Option<String>,
    /// How often a command to Redis is tried again within its 50 ms (0 to 10, default 3).
    #[arg(long, env = "REDIS_MAX_RETRIES")]
    pub(crate) redis_max_retries: Option<String>,
    /// Sessions at most that web keeps in its own memory (default 262144; 0 for none).
    #[arg(long, env = "NEAR_CACHE_ENTRIES")]
    pub(crate) near_cache_entries: Option<String>,
    /// Tokens of the older software: dual-write, read or off. Must be set in production.
    #[arg(long, env = "LEGACY_TOKENS")]
    pub(crate) legacy_tokens: Option<String>,
    /// Seconds for which known web sessions go on without Postgres (default 0).
    #[arg(long, env = "DEGRADED_GRACE_SECONDS")]
    pub(crate) degraded_grace_seconds: Option<String>,
    /// Life of an unused session (default in web 30 days, in admin-panel 30 minutes).
    #[arg(long, env = "SESSION_IDLE_SECONDS")]
    pub(crate) session_idle_seconds: Option<String>,
    /// Life of any session (default in web 90 days, in admin-panel 12 hours).
    #[arg(long, env = "SESSION_ABSOLUTE_SECONDS")]
    pub(crate) session_absolute_seconds: Option<String>,
    /// Where each application listens.
    #[command(flatten)]
    pub(crate) ports: Ports,
    /// Address to listen on (default 127.0.0.1).
    #[arg(long, env = "LISTEN_ADDRESS")]
    pub(crate) listen_address: Option<String>,
    /// Seconds for which it goes on answering when it is told to end, and says that it is not ready (default 5 in
    /// production, otherwise 0).
    #[arg(long, env = "DRAIN_SECONDS")]
    pub(crate) drain_seconds: Option<String>,
    /// The origin under which browsers know this application, such as `https://app.example.com`.
    #[arg(long, env = "PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// Addresses or networks, separated by commas, whose X-Forwarded-For is believed (default none).
    #[arg(long, env = "TRUSTED_PROXIES")]
    pub(crate) trusted_proxies: Option<String>,
    /// The bot whose Login Widget web shows; without it there is no login by Telegram.
    #[arg(long, env = "TELEGRAM_BOT_TOKEN", hide_env_values = true)]
    pub(crate) telegram_bot_token: Option<String>,
    /// The user name of that bot, for Telegram's own button; without it web shows a link.
    #[arg(long, env = "TELEGRAM_BOT_NAME")]
    pub(crate) telegram_bot_name: Option<String>,
    /// Where SMS are handed in: https://host/path (JSON) or twilio://SID:TOKEN@api.twilio.com?from=….
    #[arg(long, env = "SMS_GATEWAY_URL", hide_env_values = true)]
    pub(crate) sms_gateway_url: Option<String>,
    /// Where mail is handed in: smtp://host:port or smtps://host:port.
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub(crate) smtp_url: Option<String>,
    /// Folder into which mail and SMS go that have no other way; never in production (default .local/outbox).
    #[arg(long, env = "OUTBOX_DIR")]
    pub(crate) outbox_dir: Option<String>,
    /// Failed logins of one account from one address in 15 minutes (default 10).
    #[arg(long, env = "LIMIT_LOGINS_PER_ACCOUNT")]
    pub(crate) limit_logins_per_account: Option<String>,
    /// Failed logins from one address in 15 minutes (default 300).
    #[arg(long, env = "LIMIT_LOGINS_PER_ADDRESS")]
    pub(crate) limit_logins_per_address: Option<String>,
    /// Registrations from one address in an hour (default 300).
    #[arg(long, env = "LIMIT_REGISTRATIONS_PER_ADDRESS")]
    pub(crate) limit_registrations_per_address: Option<String>,
    /// Codes by SMS for one phone in an hour (default 5).
    #[arg(long, env = "LIMIT_SMS_PER_PHONE")]
    pub(crate) limit_sms_per_phone: Option<String>,
    /// Codes by SMS for one phone in a day (default 10).
    #[arg(long, env = "LIMIT_SMS_PER_PHONE_AND_DAY")]
    pub(crate) limit_sms_per_phone_and_day: Option<String>,
    /// Codes by SMS that one address asks for in an hour (default 100).
    #[arg(long, env = "LIMIT_SMS_PER_ADDRESS")]
    pub(crate) limit_sms_per_address: Option<String>,
    /// Address of the administrator that admin-panel begins with in mock (default admin@example.com).
    #[arg(long, env = "DEMO_ADMIN_EMAIL")]
    pub(crate) demo_admin_email: Option<String>,
    /// Password of that administrator; without it there is none.
    #[arg(long, env = "DEMO_ADMIN_PASSWORD", hide_env_values = true)]
    pub(crate) demo_admin_password: Option<String>,
    /// Exits with 0 if the application that runs with these settings is ready.
    #[arg(long)]
    pub(crate) check_health: bool,
    /// Prints the OpenAPI document.
    #[arg(long)]
    pub(crate) openapi: bool,
    /// Prints every method at every path that is answered, and whether it is before the gate or behind it.
    #[arg(long)]
    pub(crate) routes: bool,
}
