//! People: rows of `users` and every query that starts there.

use chrono::{DateTime, Utc};
use constants::Role;
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Timestamptz};

use crate::HashedPassword;
use crate::failpoint;
use crate::id::UserId;
use crate::schema::users;
use crate::sql_enum::RoleColumn;
use crate::time::clock_timestamp;

// Not as literals of SQL: a statement that has one is parsed and planned anew each time.
diesel::define_sql_function! {
    /// The first of the two that is not null.
    fn coalesce(first: Nullable<Timestamptz>, second: Nullable<Timestamptz>) -> Nullable<Timestamptz>;
}

/// A person as the rest of the system sees them: no password, no legacy token.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Trimmed and lower-cased.
    pub email: Option<String>,
    /// E.164.
    pub phone: Option<String>,
    /// Telegram's own id.
    pub telegram_id: Option<i64>,
    /// Whether the address was proven.
    pub is_verified: bool,
    /// What they are to the company.
    #[diesel(deserialize_as = RoleColumn)]
    pub role: Role,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// The newest login in any application.
    pub last_login_at: Option<DateTime<Utc>>,
    /// Since when every login and session is refused.
    pub blocked_at: Option<DateTime<Utc>>,
    /// Sessions with a lower epoch have ended.
    pub session_epoch: i64,
    /// Rises with every change of password.
    pub credential_version: i64,
    /// Rises with every change that a session decision depends on.
    pub version: i64,
}

/// What a login is checked against.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Whose it is.
    pub user: User,
    /// Absent for people who log in by SMS or Telegram.
    pub hashed_password: Option<HashedPassword>,
}

/// A person to be created.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Trimmed and lower-cased by the caller.
    pub email: Option<String>,
    /// The hash, never the password.
    pub hashed_password: Option<HashedPassword>,
    /// What they are to the company.
    pub role: Role,
    /// Whether the address counts as proven.
    pub is_verified: bool,
}

/// What may be changed of a person; `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// A new role.
    pub role: Option<Role>,
    /// Whether the address counts as proven.
    pub is_verified: Option<bool>,
}

/// Whether there is such a person, for lists of what they have.
///
/// # Errors
/// When Postgres gives no answer.
pub fn exists(conn: &mut PgConnection, id: UserId) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(users::table.find(id))).get_result(conn)
}

/// The person with this id.
///
/// # Errors
/// When Postgres gives no answer.
pub fn find(conn: &mut PgConnection, id: UserId) -> QueryResult<Option<User>> {
    users::table.find(id).select(User::as_select()).first(conn).optional()
}

/// The person with this address, which the caller has trimmed and lower-cased.
///
/// # Errors
/// When Postgres gives no answer.
pub fn find_by_email(conn: &mut PgConnection, email: &str) -> QueryResult<Option<User>> {
    users::table.filter(users::email.eq(email)).select(User::as_select()).first(conn).optional()
}

/// What a login with this address is checked against.
///
/// # Errors
/// When Postgres gives no answer.
pub fn credential_by_email(conn: &mut PgConnection, email: &str) -> QueryResult<Option<Credential>> {
    users::table
        .filter(users::email.eq(email))
        .select((User::as_select(), users::hashed_password))
        .first::<(User, Option<String>)>(conn)
        .optional()
        .map(|row| row.map(Credential::from_row))
}

/// What a proof by this person is checked against.
///
/// # Errors
/// When Postgres gives no answer.
pub fn credential(conn: &mut PgConnection, id: UserId) -> QueryResult<Option<Credential>> {
    users::table
        .find(id)
        .select((User::as_select(), users::hashed_password))
        .first::<(User, Option<String>)>(conn)
        .optional()
        .map(|row| row.map(Credential::from_row))
}

impl Credential {
    pub(crate) fn from_row((user, hash): (User, Option<String>)) -> Self {
        Self { user, hashed_password: hash.map(HashedPassword::new) }
    }
}

/// Creates a person; `None` when the address is taken.
///
/// # Errors
/// When Postgres gives no answer.
pub fn create(conn: &mut PgConnection, new: &NewUser) -> QueryResult<Option<User>> {
    diesel::insert_into(users::table)
        .values((
            users::email.eq(new.email.as_deref()),
            users::hashed_password.eq(new.hashed_password.as_ref().map(HashedPassword::expose)),
            users::role.eq(RoleColumn(new.role)),
            users::is_verified.eq(new.is_verified),
        ))
        .on_conflict_do_nothing()
        .returning(User::as_returning())
        .get_result(conn)
        .optional()
}

/// Changes a person; `None` when there is no such person.
///
/// # Errors
/// When Postgres gives no answer.
pub fn update(conn: &mut PgConnection, id: UserId, change: &UserChange) -> QueryResult<Option<User>> {
    if change.role.is_none() && change.is_verified.is_none() {
        return find(conn, id);
    }
    diesel::update(users::table.find(id))
        .set((
            change.role.map(|role| users::role.eq(RoleColumn(role))),
            change.is_verified.map(|to| users::is_verified.eq(to)),
        ))
        .returning(User::as_returning())
        .get_result(conn)
        .optional()
}

/// Blocks a person, or lets them in again. Blocking also ends what [`crate::session::end_all`] ends; the
/// caller does both in one transaction.
///
/// # Errors
/// When Postgres gives no answer.
pub fn set_blocked(conn: &mut PgConnection, id: UserId, blocked: bool) -> QueryResult<Option<User>> {
    let since = coalesce(users::blocked_at, clock_timestamp().nullable());
    let at = diesel::dsl::case_when(blocked.into_sql::<Bool>(), since);
    diesel::update(users::table.find(id))
        .set(users::blocked_at.eq(at))
        .returning(User::as_returning())
        .get_result(conn)
        .optional()
}

/// Raises the epoch, which ends every session of the person that is running now and every login that began
/// before. With a hash it also changes the password, if `credential_version` is still the one that the old
/// password was checked against. `None` when it is not, or there is no such person.
///
/// # Errors
/// When Postgres gives no answer.
pub fn raise_epoch(
    conn: &mut PgConnection,
    id: UserId,
    credential_version: Option<i64>,
    new_password: Option<&HashedPassword>,
) -> QueryResult<Option<User>> {
    let seen = credential_version;
    failpoint!(query "epoch::statement")?;
    let raised = diesel::update(users::table.find(id).filter(
        users::credential_version.nullable().eq(seen).or(seen.is_none().into_sql::<Bool>().nullable()),
    ))
    .set((
        users::session_epoch.eq(users::session_epoch + 1),
        users::sessions_valid_after.eq(clock_timestamp().nullable()),
        new_password.map(|hash| {
            (
                users::hashed_password.eq(Some(hash.expose().to_owned())),
                users::credential_version.eq(users::credential_version + 1),
            )
        }),
    ))
    .returning(User::as_returning())
    .get_result(conn)
    .optional()?;
    failpoint!(query "epoch::written")?;
    Ok(raised)
}

/// These people, and with them everybody who can administer if it is asked for: locked until the transaction ends, and
/// as they are then. Acts of staff upon each other happen one after the other by it.
///
/// # Errors
/// When Postgres gives no answer.
pub fn lock(conn: &mut PgConnection, ids: &[UserId], and_admins: bool) -> QueryResult<Vec<User>> {
    let admin = users::role.eq(RoleColumn(Role::Admin)).and(users::blocked_at.is_null());
    users::table
        .filter(users::id.eq_any(ids).or(admin.and(and_admins.into_sql::<Bool>())))
        // In one order by all, so that no two wait for each other.
        .order(users::id)
        .select(User::as_select())
        .for_no_key_update()
        .load(conn)
}

/// A page of people, the newest first, with an optional role.
///
/// # Errors
/// When Postgres gives no answer.
pub fn list(conn: &mut PgConnection, role: Option<Role>, limit: i64, offset: i64) -> QueryResult<Vec<User>> {
    let mut query = users::table.select(User::as_select()).into_boxed();
    if let Some(role) = role {
        query = query.filter(users::role.eq(RoleColumn(role)));
    }
    query.order((users::created_at.desc(), users::id.asc())).limit(limit).offset(offset).load(conn)
}

/// A page of everybody in the order of their ids, with what they log in by.
///
/// # Errors
/// When Postgres gives no answer.
pub fn page(conn: &mut PgConnection, after: Option<UserId>, limit: i64) -> QueryResult<Vec<Credential>> {
    let mut query = users::table.select((User::as_select(), users::hashed_password)).into_boxed();
    if let Some(after) = after {
        query = query.filter(users::id.gt(after));
    }
    let rows: Vec<(User, Option<String>)> = query.order(users::id).limit(limit).load(conn)?;
    Ok(rows.into_iter().map(Credential::from_row).collect())
}

/// How many people there are.
///
/// # Errors
/// When Postgres gives no answer.
pub fn count(conn: &mut PgConnection) -> QueryResult<i64> {
    users::table.select(count_star()).first(conn)
}
