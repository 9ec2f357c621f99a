//! The people of a batch: who of them is here already, and the writes that bring the others.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};

use crate::id::{SessionId, UserId};
use crate::schema::{legacy_imports, users};
use crate::statement::statement;

use super::tokens::session_digest;

/// Someone of the file who is here, as far as an import must know them.
#[derive(Debug, Clone, Queryable)]
pub struct Here {
    /// Who.
    pub id: UserId,
    /// The id in the file.
    pub legacy_id: i64,
    /// Their address here.
    pub email: Option<String>,
    /// Their number here.
    pub phone: Option<String>,
    /// Telegram's id of them here.
    pub telegram_id: Option<i64>,
    /// The digest of what stands in `users.auth_token`.
    pub auth_token_id: Option<SessionId>,
    /// Their newest login here; an import is none.
    pub last_login_at: Option<DateTime<Utc>>,
    /// Since when they are blocked.
    pub blocked_at: Option<DateTime<Utc>>,
    /// When all their sessions were ended.
    pub sessions_valid_after: Option<DateTime<Utc>>,
}

/// What an earlier import has brought of someone.
#[derive(Debug, Clone, Queryable)]
pub struct Memory {
    /// The id in the file.
    pub legacy_id: i64,
    /// The digest of their row in the file.
    pub fingerprint: String,
    /// The digest of the newest `auth_token` that the file had.
    pub seen_token_id: Option<SessionId>,
    /// The digest of the one that was written to `users.auth_token`.
    pub written_token_id: Option<SessionId>,
    /// When.
    pub imported_at: DateTime<Utc>,
}

/// The people with these ids of the file. With `lock` they stay as they are until the transaction ends: no
/// login, no adoption and no end of all sessions comes between.
///
/// # Errors
/// When Postgres gives no answer.
pub fn find(conn: &mut PgConnection, legacy_ids: &[i64], lock: bool) -> QueryResult<Vec<Here>> {
    let query = users::table.filter(users::legacy_id.eq_any(legacy_ids)).order(users::id).select((
        users::id,
        users::legacy_id.assume_not_null(),
        users::email,
        users::phone,
        users::telegram_id,
        session_digest(users::auth_token),
        users::last_login_at,
        users::blocked_at,
        users::sessions_valid_after,
    ));
    if lock { query.for_no_key_update().load(conn) } else { query.load(conn) }
}

/// What earlier imports have brought of these ids of the file.
///
/// # Errors
/// When Postgres gives no answer.
pub fn remembered(conn: &mut PgConnection, legacy_ids: &[i64]) -> QueryResult<Vec<Memory>> {
    legacy_imports::table.filter(legacy_imports::legacy_id.eq_any(legacy_ids)).load(conn)
}

/// Values that somebody has.
#[derive(Debug, Default)]
pub struct Taken {
    /// Addresses.
    pub emails: HashSet<String>,
    /// Numbers.
    pub phones: HashSet<String>,
    /// Telegram's ids.
    pub telegram_ids: HashSet<i64>,
}

/// Which of these values somebody has here.
///
/// # Errors
/// When Postgres gives no answer.
pub fn taken(
    conn: &mut PgConnection,
    emails: &[&str],
    phones: &[&str],
    telegram_ids: &[i64],
) -> QueryResult<Taken> {
    let of = users::table;
    let emails: Vec<String> =
        of.filter(users::email.eq_any(emails)).select(users::email.assume_not_null()).load(conn)?;
    let phones: Vec<String> =
        of.filter(users::phone.eq_any(phones)).select(users::phone.assume_not_null()).load(conn)?;
    let telegram_ids: Vec<i64> = of
        .filter(users::telegram_id.eq_any(telegram_ids))
        .select(users::telegram_id.assume_not_null())
        .load(conn)?;
    Ok(Taken {
        emails: emails.into_iter().collect(),
        phones: phones.into_iter().collect(),
        telegram_ids: telegram_ids.into_iter().collect(),
    })
}

/// Someone to be created.
#[derive(Debug, Clone)]
pub struct NewPerson<'a> {
    /// The id in the file.
    pub legacy_id: i64,
    /// An address that nobody has.
    pub email: Option<&'a str>,
    /// A number that nobody has.
    pub phone: Option<&'a str>,
    /// A Telegram id that nobody has.
    pub telegram_id: Option<i64>,
    /// When the account was made; now when it is not known.
    pub created_at: Option<DateTime<Utc>>,
    /// A JSON object.
    pub attributes: String,
    /// For `users.auth_token`.
    pub auth_token: Option<&'a str>,
}

statement! {
    struct Create<'a> {
        legacy_ids: &'a [i64] => Array<BigInt>, "bigint[]";
        emails: &'a [Option<&'a str>] => Array<Nullable<Text>>, "varchar[]";
        phones: &'a [Option<&'a str>] => Array<Nullable<Text>>, "varchar[]";
        telegram_ids: &'a [Option<i64>] => Array<Nullable<BigInt>>, "bigint[]";
        created_ats: &'a [Option<DateTime<Utc>>] => Array<Nullable<Timestamptz>>, "timestamptz[]";
        attributes: &'a [&'a str] => Array<Text>, "text[]";
        auth_tokens: &'a [Option<&'a str>] => Array<Nullable<Text>>, "varchar[]";
    }
    returns (BigInt,);
    "given AS (
        SELECT g.* FROM arg, unnest(arg.legacy_ids, arg.emails, arg.phones, arg.telegram_ids, arg.created_ats,
                                    arg.attributes, arg.auth_tokens)
            AS g (legacy_id, email, phone, telegram_id, created_at, attributes, auth_token)
    ), created AS (
        INSERT INTO users (legacy_id, email, phone, telegram_id, created_at, legacy_attributes, auth_token)
        SELECT legacy_id, email, phone, telegram_id, coalesce(created_at, now()), attributes::jsonb, auth_token
        FROM given
        RETURNING 1
    )
    SELECT count(*) FROM created"
}

/// Creates people.
///
/// # Errors
/// A unique violation when somebody takes one of their values at this moment; and when Postgres gives no answer.
pub fn create(conn: &mut PgConnection, people: &[NewPerson<'_>]) -> QueryResult<()> {
    if people.is_empty() {
        return Ok(());
    }
    let attributes: Vec<&str> = people.iter().map(|person| person.attributes.as_str()).collect();
    let statement = Create {
        legacy_ids: &column(people, |person| person.legacy_id),
        emails: &column(people, |person| person.email),
        phones: &column(people, |person| person.phone),
        telegram_ids: &column(people, |person| person.telegram_id),
        created_ats: &column(people, |person| person.created_at),
        attributes: &attributes,
        auth_tokens: &column(people, |person| person.auth_token),
    };
    statement.get_result::<(i64,)>(conn).map(|_| ())
}

/// What a later copy of the file brings of someone who is here.
#[derive(Debug, Clone)]
pub struct ChangedPerson<'a> {
    /// Who.
    pub id: UserId,
    /// An address that nobody has, for someone who has none.
    pub email: Option<&'a str>,
    /// A number, likewise.
    pub phone: Option<&'a str>,
    /// A Telegram id, likewise.
    pub telegram_id: Option<i64>,
    /// A JSON object.
    pub attributes: String,
    /// For `users.auth_token`; `None` leaves it as it is.
    pub auth_token: Option<&'a str>,
}

statement! {
    struct Change<'a> {
        ids: &'a [uuid::Uuid] => Array<diesel::sql_types::Uuid>, "uuid[]";
        emails: &'a [Option<&'a str>] => Array<Nullable<Text>>, "varchar[]";
        phones: &'a [Option<&'a str>] => Array<Nullable<Text>>, "varchar[]";
        telegram_ids: &'a [Option<i64>] => Array<Nullable<BigInt>>, "bigint[]";
        attributes: &'a [&'a str] => Array<Text>, "text[]";
        auth_tokens: &'a [Option<&'a str>] => Array<Nullable<Text>>, "varchar[]";
    }
    returns (BigInt,);
    "given AS (
        SELECT g.* FROM arg, unnest(arg.ids, arg.emails, arg.phones, arg.telegram_ids, arg.attributes, arg.auth_tokens)
            AS g (id, email, phone, telegram_id, attributes, auth_token)
    ), changed AS (
        UPDATE users SET
            email = coalesce(users.email, given.email),
            phone = coalesce(users.phone, given.phone),
            telegram_id = coalesce(users.telegram_id, given.telegram_id),
            auth_token = coalesce(given.auth_token, users.auth_token),
            -- A value that was not accepted then and is now must not go on standing among those that were not.
            legacy_attributes = (coalesce(users.legacy_attributes, '{}')
                                 - ARRAY['email', 'phone', 'telegram_id', 'created_at']) || given.attributes::jsonb
        FROM given
        WHERE users.id = given.id
        RETURNING 1
    )
    SELECT count(*) FROM changed"
}

/// Changes people; what they have here already stays.
///
/// # Errors
/// As [`create`].
pub fn change(conn: &mut PgConnection, people: &[ChangedPerson<'_>]) -> QueryResult<()> {
    if people.is_empty() {
        return Ok(());
    }
    let attributes: Vec<&str> = people.iter().map(|person| person.attributes.as_str()).collect();
    let statement = Change {
        ids: &column(people, |person| person.id.0),
        emails: &column(people, |person| person.email),
        phones: &column(people, |person| person.phone),
        telegram_ids: &column(people, |person| person.telegram_id),
        attributes: &attributes,
        auth_tokens: &column(people, |person| person.auth_token),
    };
    statement.get_result::<(i64,)>(conn).map(|_| ())
}

/// What is to be remembered of someone's row.
#[derive(Debug, Clone, Copy)]
pub struct NewMemory<'a> {
    /// The id in the file.
    pub legacy_id: i64,
    /// The digest of the row.
    pub fingerprint: &'a str,
    /// The digest of its `auth_token`.
    pub seen_token: Option<SessionId>,
    /// The same, when it was written to `users.auth_token`.
    pub written_token: Option<SessionId>,
}

statement! {
    struct Remember<'a> {
        legacy_ids: &'a [i64] => Array<BigInt>, "bigint[]";
        fingerprints: &'a [&'a str] => Array<Text>, "varchar[]";
        seen: &'a [Option<&'a str>] => Array<Nullable<Text>>, "varchar[]";
        written: &'a [Option<&'a str>] => Array<Nullable<Text>>, "varchar[]";
    }
    returns (BigInt,);
    "remembered AS (
        INSERT INTO legacy_imports AS known (legacy_id, fingerprint, seen_token_id, written_token_id)
        SELECT g.* FROM arg, unnest(arg.legacy_ids, arg.fingerprints, arg.seen, arg.written) AS g
        ON CONFLICT (legacy_id) DO UPDATE SET
            fingerprint = excluded.fingerprint, imported_at = excluded.imported_at,
            seen_token_id = coalesce(excluded.seen_token_id, known.seen_token_id),
            written_token_id = coalesce(excluded.written_token_id, known.written_token_id)
        RETURNING 1
    )
    SELECT count(*) FROM remembered"
}

/// Writes down what was brought.
///
/// # Errors
/// When Postgres gives no answer.
pub fn remember(conn: &mut PgConnection, rows: &[NewMemory<'_>]) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = Remember {
        legacy_ids: &column(rows, |row| row.legacy_id),
        fingerprints: &column(rows, |row| row.fingerprint),
        seen: &rows.iter().map(|row| row.seen_token.as_ref().map(SessionId::as_str)).collect::<Vec<_>>(),
        written: &rows
            .iter()
            .map(|row| row.written_token.as_ref().map(SessionId::as_str))
            .collect::<Vec<_>>(),
    };
    statement.get_result::<(i64,)>(conn).map(|_| ())
}

fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}
