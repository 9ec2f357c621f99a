//! The migrated database that every test's own is copied from.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use postgres::{Client, NoTls};
use url::Url;

use crate::scripts;

/// The applications' role: it may log in and has the rights that `migrate` gives it, nothing else.
pub(crate) const APP_ROLE: &str = "test_app";
pub(crate) const APP_PASSWORD: &str = "test_app";

/// Any number, as long as nobody else takes this lock.
const LOCK: i64 = i64::from_be_bytes(*b"\0templat");

/// The name of the template in this cluster; makes it if it is not there. Tests are processes of their own,
/// so one of them makes it and the others wait.
pub(crate) fn ensure(admin: &Url) -> String {
    let name = format!("template_{:016x}", migrations_hash());
    let mut client = connect(admin);
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).expect("the lock of the template");
    // A template is marked as one when it is finished; anything else under this name is half of one.
    let finished = client
        .query_opt("SELECT FROM pg_database WHERE datname = $1 AND datistemplate", &[&name])
        .expect("the list of databases");
    if finished.is_none() {
        make(&mut client, admin, &name);
    }
    client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).expect("the lock of the template");
    name
}

/// Opens a connection for raw SQL.
pub(crate) fn connect(url: &Url) -> Client {
    Client::connect(url.as_str(), NoTls)
        .unwrap_or_else(|error| panic!("no Postgres at {url} ({error}); run scripts/test"))
}

/// The applications' role exists from here on.
fn ensure_role(client: &mut Client) {
    client
        .batch_execute(&format!(
            "DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
                    CREATE ROLE {APP_ROLE} LOGIN PASSWORD '{APP_PASSWORD}';
                END IF;
            END $$"
        ))
        .expect("the applications' role");
}

fn make(client: &mut Client, admin: &Url, name: &str) {
    ensure_role(client);
    let _ = client.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
    client
        .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        .expect("half a template gone");
    client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).expect("an empty database");
    {
        let mut conn = identity_db::migration::connect(with_database(admin, name).as_str())
            .expect("a connection to the template");
        identity_db::migration::run(&mut conn, Some(APP_ROLE)).expect("the migrations");
    }
    client.batch_execute(&format!("ALTER DATABASE {name} IS_TEMPLATE true")).expect("the template's mark");
}

/// The same server, another database.
pub(crate) fn with_database(url: &Url, database: &str) -> Url {
    let mut url = url.clone();
    url.set_path(database);
    url
}

/// What the migrations say: other migrations need another template.
fn migrations_hash() -> u64 {
    let mut hasher = DefaultHasher::new();
    let root = scripts::root();
    hash_tree(&root.join("migrations"), &mut hasher);
    hash_tree(&root.join("crates/identity-db/src/privileges.sql"), &mut hasher);
    hasher.finish()
}

fn hash_tree(path: &Path, hasher: &mut DefaultHasher) {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).expect("a folder of migrations");
        let entries: BTreeSet<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        entries.iter().for_each(|entry| hash_tree(entry, hasher));
    } else if path.extension().is_some_and(|extension| extension == "sql") {
        path.file_name().hash(hasher);
        std::fs::read(path).expect("a migration").hash(hasher);
    }
}
