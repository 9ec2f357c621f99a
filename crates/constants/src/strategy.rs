//! How a process is run: where its stores are, and how far the move from the older system has come.

use crate::named::named_enum;

named_enum! {
    /// `APP_ENV`.
    pub enum Environment {
        /// No servers: everything is in the memory of one process and gone with it.
        Mock = "mock",
        /// Real stores, relaxed cookies, look-ups in the log.
        Development = "development",
        /// Real stores, `Secure` cookies with the `__Host-` prefix.
        Production = "production",
    }
}

named_enum! {
    /// `MIGRATION_STRATEGY`: which store answers, and which is written beside it.
    pub enum MigrationStrategy {
        /// The in-memory store alone.
        MockOnly = "mock-only",
        /// Postgres and Redis alone.
        ProductionOnly = "production-only",
        /// Postgres first; what it does not know is looked up in the old store and carried over.
        Gradual = "gradual",
        /// The old store answers; every write also goes to Postgres.
        MockWithWriteThrough = "mock-with-write-through",
    }
}

named_enum! {
    /// `DATABASE_POOL_MODE`: what a pooler between the process and Postgres keeps together.
    pub enum PoolMode {
        /// A connection stays one: there is no pooler, or one in session mode.
        Session = "session",
        /// A transaction: the next one may go by another connection of the pooler's.
        Transaction = "transaction",
    }
}

named_enum! {
    /// `LEGACY_TOKENS`: what the tokens of the older software still count for.
    pub enum LegacyTokens {
        /// They are accepted, and a web login also writes its token where the older software looks.
        DualWrite = "dual-write",
        /// They are accepted, nothing is written for the older software any more.
        Read = "read",
        /// They are unknown.
        Off = "off",
    }
}

named_enum! {
    /// Where the older software kept a session that was adopted.
    pub enum LegacySource {
        /// Under `session:<token>` in Redis.
        Redis = "redis",
        /// In `users.auth_token`.
        AuthToken = "auth_token",
        /// In `users.session_id`.
        SessionId = "session_id",
        /// In its table `user_sessions`.
        UserSessions = "user_sessions",
        /// In its table `sessions`.
        Sessions = "sessions",
        /// In a database file that was imported.
        Import = "import",
    }
}
