//! What staff do with people, over the API: who may what to whom, and what is left behind of it.

mod audit;
mod blocks;
mod grants;
mod mock;
mod people;
mod permissions;
mod plans;
mod roles;
mod sessions;
mod stats;
mod trips;

use serde_json::{Value, json};
use test_support::{Actor, App, Client, Response, TestDatabase, TestRedis};

use crate::{PASSWORD, people_of_every_role};

/// Admin-panel with people of every role.
struct Panel {
    database: TestDatabase,
    redis: TestRedis,
    app: App,
}

impl Panel {
    /// `user@`, `support@`, `operator@`, `admin@` and a second administrator, `root@`.
    fn new() -> Self {
        let (database, redis, app) = people_of_every_role();
        Self { database, redis, app }
    }

    /// `support`, `operator`, `admin` or `root`, logged in just now.
    #[track_caller]
    fn staff(&self, name: &str) -> Actor {
        self.app.log_in(&format!("{name}@example.com"), PASSWORD)
    }

    fn id(&self, name: &str) -> String {
        self.database.value(&format!("SELECT id FROM users WHERE email = '{name}@example.com'"))
    }

    /// `/api/users/{id}` and what follows it.
    fn path(&self, name: &str, rest: &str) -> String {
        format!("/api/users/{}{rest}", self.id(name))
    }

    fn web(&self) -> App {
        App::builder("web").database(&self.database).redis(&self.redis).start()
    }

    /// A column of somebody's row.
    fn of(&self, name: &str, column: &str) -> String {
        self.database.value(&format!("SELECT {column} FROM users WHERE email = '{name}@example.com'"))
    }

    fn lines(&self) -> i64 {
        self.database.number("SELECT count(*) FROM audit_log")
    }

    /// Takes the proof of everybody away.
    fn let_proofs_grow_old(&self) {
        self.database.execute("UPDATE sessions SET authenticated_at = now() - interval '301 seconds'");
    }
}

fn patch(client: &Client, path: &str, body: &Value) -> Response {
    client.request("PATCH", path).json(body).send()
}

fn a_grant(permission: &str, context: &str) -> Value {
    json!({"permission": permission, "application_context": context})
}
