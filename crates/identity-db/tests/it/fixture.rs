//! People and sessions to begin with.

use std::time::Duration;

use constants::ApplicationContext;
use identity_db::audit::Origin;
use identity_db::session::{Login, NewSession};
use identity_db::{Database, DatabaseConfig, PgConnection, SessionId, UserId, migration};
use test_support::TestDatabase;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A person, by raw SQL.
pub(crate) fn user(database: &TestDatabase, email: &str) -> UserId {
    let id = database.value(&format!("INSERT INTO users (email) VALUES ('{email}') RETURNING id"));
    UserId(id.parse().expect("the id of a user"))
}

/// A session that lives for an hour, by raw SQL.
pub(crate) fn session(database: &TestDatabase, user: UserId, name: &str) -> SessionId {
    let id = session_id(name);
    database.execute(&format!(
        "INSERT INTO sessions (id, user_id, expires_at, session_epoch)
         SELECT '{id}', id, now() + interval '1 hour', session_epoch FROM users WHERE id = '{user}'"
    ));
    id
}

/// An id that is told from others by its first characters.
pub(crate) fn session_id(name: &str) -> SessionId {
    SessionId::parse(&format!("{name:A<43}")).expect("a legal id")
}

/// Everything that a login writes, without the options.
pub(crate) fn login(user: UserId, name: &str) -> Login {
    Login {
        user_id: user,
        credential_version: 0,
        session: NewSession {
            id: session_id(name),
            context: ApplicationContext::Web,
            idle: HOUR,
            absolute: 2 * HOUR,
            origin: Origin { ip_address: "192.0.2.7".parse().ok(), user_agent: Some("curl/8".into()) },
            auth_method: "password",
        },
        carried: Vec::new(),
        auth_token: None,
        rehashed: None,
    }
}

/// A connection of the applications' role.
pub(crate) fn connection(database: &TestDatabase) -> PgConnection {
    migration::connect(&database.url()).expect("a connection")
}

/// A pool of the applications' role, and what its waits run on.
pub(crate) fn pool(database: &TestDatabase) -> (Database, tokio::runtime::Runtime) {
    let config = DatabaseConfig { budget: Duration::from_secs(20), ..DatabaseConfig::new(database.url()) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    (Database::new(&config), runtime)
}

/// Whether the row of a session is revoked.
pub(crate) fn is_revoked(database: &TestDatabase, id: &SessionId) -> bool {
    database.value(&format!("SELECT revoked FROM sessions WHERE id = '{id}'")) == "t"
}
