//! The web database: what the web application keeps with a session and shows of a person. Nothing in it decides
//! anything, and it may be a database of its own.

use chrono::{DateTime, Utc};
use constants::{Language, Role, Theme};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::result::Error as QueryError;
use diesel::sql_types::{BigInt, Jsonb, Uuid};
use serde::{Deserialize, Serialize};

use crate::id::{SessionId, UserId};
use crate::schema::{web_sessions, web_user_cache};
use crate::statement::statement;
use crate::user::User;

/// What a person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preferences {
    /// How pages look.
    pub theme: Theme,
    /// In which language they speak.
    pub language: Language,
}

/// A choice, and the session it was made in.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Where it was made.
    pub session: SessionId,
    /// By whom.
    pub user: UserId,
    /// When the session ends however much it is used.
    pub expires_at: DateTime<Utc>,
    /// What was chosen.
    pub preferences: Preferences,
}

/// What web shows of a person to others of its pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicUser {
    /// Who.
    pub id: UserId,
    /// The address they log in with.
    pub email: Option<String>,
    /// Whether it was proven.
    pub is_verified: bool,
    /// What they are to the company.
    pub role: Role,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// `users.version` at the read.
    pub version: i64,
}

impl From<&User> for PublicUser {
    fn from(user: &User) -> Self {
        let User { id, email, is_verified, role, created_at, version, .. } = user.clone();
        Self { id, email, is_verified, role, created_at, version }
    }
}

/// What was chosen in this session, or else what the person chose last in any. `None` when they never chose.
///
/// # Errors
/// When Postgres gives no answer.
pub fn preferences(
    conn: &mut PgConnection,
    session: &SessionId,
    user: UserId,
) -> QueryResult<Option<Preferences>> {
    let row = web_sessions::table
        .filter(web_sessions::user_id.eq(user))
        .order((web_sessions::id.eq(session).desc(), web_sessions::last_activity.desc()))
        .select((web_sessions::theme, web_sessions::language))
        .first::<(Option<String>, Option<String>)>(conn)
        .optional()?;
    Ok(row.and_then(|(theme, language)| {
        Some(Preferences { theme: theme?.parse().ok()?, language: language?.parse().ok()? })
    }))
}

/// Keeps a choice, in the place of an older one of the same session.
///
/// # Errors
/// When Postgres gives no answer.
pub fn choose(conn: &mut PgConnection, choice: &Choice) -> QueryResult<()> {
    let Choice { session, user, expires_at, preferences: Preferences { theme, language } } = choice;
    let chosen = (
        web_sessions::theme.eq(theme.as_str()),
        web_sessions::language.eq(language.as_str()),
        web_sessions::last_activity.eq(now),
        web_sessions::expires_at.eq(expires_at),
    );
    diesel::insert_into(web_sessions::table)
        .values((web_sessions::id.eq(session), web_sessions::user_id.eq(user), chosen))
        .on_conflict(web_sessions::id)
        .do_update()
        .set(chosen)
        .execute(conn)?;
    Ok(())
}

statement! {
    struct Copy<'a> {
        id: UserId => Uuid, "uuid";
        data: &'a serde_json::Value => Jsonb, "jsonb";
    }
    returns (BigInt,);
    "written AS (
        INSERT INTO web_user_cache (user_id, data) SELECT arg.id, arg.data FROM arg
        ON CONFLICT (user_id) DO UPDATE SET data = excluded.data, updated_at = clock_timestamp()
        WHERE (web_user_cache.data ->> 'version')::bigint <= (excluded.data ->> 'version')::bigint
        RETURNING 1
    ) SELECT count(*) FROM written"
}

/// Keeps a copy of a person's public data, unless the one that is there was read later.
///
/// # Errors
/// When Postgres gives no answer.
pub fn remember_user(conn: &mut PgConnection, user: &PublicUser) -> QueryResult<()> {
    let data = serde_json::to_value(user).map_err(|error| QueryError::SerializationError(error.into()))?;
    Copy { id: user.id, data: &data }.get_result::<(i64,)>(conn).map(|_| ())
}

/// The copy of a person's public data.
///
/// # Errors
/// When Postgres gives no answer.
pub fn known_user(conn: &mut PgConnection, id: UserId) -> QueryResult<Option<PublicUser>> {
    let data: Option<serde_json::Value> =
        web_user_cache::table.find(id).select(web_user_cache::data).first(conn).optional()?;
    Ok(data.and_then(|data| serde_json::from_value(data).ok()))
}

/// Forgets what was chosen in sessions that have ended; `most` rows at a time. Returns how many.
///
/// # Errors
/// When Postgres gives no answer.
pub fn purge(conn: &mut PgConnection, most: i64) -> QueryResult<usize> {
    let has_ended = web_sessions::expires_at.lt(now);
    let old: Vec<String> =
        web_sessions::table.filter(has_ended).select(web_sessions::id).limit(most).load(conn)?;
    diesel::delete(web_sessions::table.filter(web_sessions::id.eq_any(old)).filter(has_ended)).execute(conn)
}
