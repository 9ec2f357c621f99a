//! Demo data for development: an administrator and a few people with sessions.

use clap::{Args, Subcommand};
use constants::{ApplicationContext, Environment, LegacyTokens, MigrationStrategy, Role};
use identity_db::user::User;
use identity_db::{Database, audit::Origin};
use serde::Serialize;
use session_management::manager::UserManager;
use session_management::{Email, Login, ManagerConfiguration, Password, SessionRequest, UserManagerFactory};

use super::connection::Connection;
use super::output::Output;
use super::{Failure, user};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Creates what is missing of the demo data. Refuses in production.
    Seed(Seed),
}

#[derive(Args)]
pub(crate) struct Seed {
    /// The administrator's address.
    #[arg(long, env = "DEMO_ADMIN_EMAIL", default_value = "admin@example.com")]
    admin_email: String,
    /// The administrator's password.
    #[arg(long, env = "DEMO_ADMIN_PASSWORD", hide_env_values = true)]
    admin_password: String,
}

/// The address and the user agent of a device.
type Device = (&'static str, &'static str);

/// Demo people and the devices on which they are logged in.
const PEOPLE: &[(&str, Role, &[Device])] = &[
    (
        "ann@example.com",
        Role::User,
        &[
            (
                "192.0.2.10",
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            ),
            (
                "198.51.100.7",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
            ),
        ],
    ),
    (
        "boris@example.com",
        Role::User,
        &[("203.0.113.5", "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0")],
    ),
    (
        "olga@example.com",
        Role::Operator,
        &[(
            "2001:db8::15",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15",
        )],
    ),
];

#[derive(Serialize)]
struct Seeded {
    created: Vec<String>,
}

pub(crate) async fn execute(
    command: Command,
    connection: &Connection,
    output: &Output,
) -> Result<(), Failure> {
    let Command::Seed(seed) = command;
    if connection.environment()? != Environment::Development {
        return Err(Failure::Refused("demo data is for APP_ENV=development alone".into()));
    }
    let database = connection.database()?;
    let mut created = Vec::new();
    if let Some(admin) = person(&database, &seed.admin_email, Role::Admin, &seed.admin_password).await? {
        created.extend(admin.email);
    }
    let manager = manager(connection)?;
    for (email, role, devices) in PEOPLE {
        // They share the administrator's password, so that one secret opens the whole demo.
        let Some(user) = person(&database, email, *role, &seed.admin_password).await? else { continue };
        for (address, user_agent) in *devices {
            log_in(manager.as_ref(), &user, address, user_agent).await?;
        }
        created.push((*email).to_owned());
    }
    output.print(&Seeded { created }, |seeded| match seeded.created.as_slice() {
        [] => "nothing to create".into(),
        created => format!("created {}", created.join(", ")),
    });
    Ok(())
}

/// Creates a person; `None` when they are there already.
async fn person(
    database: &Database,
    email: &str,
    role: Role,
    password: &str,
) -> Result<Option<User>, Failure> {
    let email =
        Email::parse(email).ok_or_else(|| Failure::Refused(format!("{email:?} is no e-mail address")))?;
    let wanted = email.clone();
    if database.read(move |conn| identity_db::user::find_by_email(conn, wanted.as_str())).await?.is_some() {
        return Ok(None);
    }
    let password = Password::new(password.to_owned()).map_err(|error| Failure::Refused(error.to_string()))?;
    Ok(Some(user::insert(database, email, role, password).await?))
}

async fn log_in(
    manager: &dyn UserManager,
    user: &User,
    address: &str,
    user_agent: &str,
) -> Result<(), Failure> {
    let origin = Origin { ip_address: address.parse().ok(), user_agent: Some(user_agent.to_owned()) };
    let login = Login { origin, ..Login::default() };
    let request = SessionRequest { user: user.clone(), auth_method: "password", login, rehashed: None };
    manager.create_session(request).await?;
    Ok(())
}

fn manager(connection: &Connection) -> Result<std::sync::Arc<dyn UserManager>, Failure> {
    let context = ApplicationContext::Web;
    Ok(UserManagerFactory::default().create(&ManagerConfiguration {
        context,
        environment: Environment::Development,
        database: Some(connection.config()?),
        listen_url: None,
        replica: None,
        near_entries: 0,
        redis: None,
        lifetimes: None,
        strategy: MigrationStrategy::ProductionOnly,
        legacy_tokens: LegacyTokens::Off,
    })?)
}
