//! Proofs that count once: codes sent by SMS and payloads signed by Telegram.
//!
//! Each is used up by one conditional statement, which also finds the person or makes them: whoever asks at
//! the same moment finds it used. The statement that compares a code is the one that counts the attempt, so
//! that no outcome can be had without it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use constants::ApplicationContext;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Inet, Integer, Nullable, Text, Timestamptz, Uuid};
use ipnetwork::IpNetwork;

use crate::audit::Origin;
use crate::failpoint;
use crate::id::UserId;
use crate::schema::sql_types::UserRole;
use crate::statement::{logged_user_created, statement, user_columns};
use crate::time::{clock_timestamp, seconds};
use crate::user::User;

/// How often a code may be compared, right or wrong.
pub const ATTEMPTS: i32 = 5;

/// A digest as the tables keep it.
pub type Digest = [u8; 32];

/// To whom a proof may belong.
#[derive(Debug, Clone)]
pub enum Whose {
    /// Anybody; who is new is made a person, in this application, coming from there.
    Anybody(ApplicationContext, Origin),
    /// This person alone. What belongs to anyone else is not touched.
    Person(UserId),
}

impl Whose {
    fn parts(&self) -> (Option<uuid::Uuid>, Option<&'static str>, Origin) {
        match self {
            Self::Anybody(context, origin) => (None, Some(context.as_str()), origin.clone()),
            Self::Person(user) => (Some(user.0), None, Origin::default()),
        }
    }
}

statement! {
    struct Store<'a> {
        phone: &'a str => Text, "varchar";
        code_hash: &'a [u8] => Binary, "bytea";
        seconds: i64 => BigInt, "bigint";
    }
    returns (Bool,);
    "stored AS (
        INSERT INTO one_time_codes (phone, code_hash, expires_at)
        SELECT arg.phone, arg.code_hash, clock_timestamp() + arg.seconds * interval '1 second' FROM arg
        ON CONFLICT (phone) DO UPDATE SET code_hash = excluded.code_hash, created_at = clock_timestamp(),
            expires_at = excluded.expires_at, attempts = 0, consumed_at = NULL
    ), purged AS (
        DELETE FROM one_time_codes WHERE phone IN (
            SELECT old.phone FROM one_time_codes old, arg
            WHERE old.expires_at < now() - interval '1 hour' AND old.phone <> arg.phone
            LIMIT 20 FOR UPDATE OF old SKIP LOCKED)
    )
    SELECT true"
}

/// Keeps the code of a phone, in the place of an older one, and deletes some that are long over.
///
/// # Errors
/// When Postgres gives no answer.
pub fn store_code(
    conn: &mut PgConnection,
    phone: &str,
    code_hash: &Digest,
    lifetime: Duration,
) -> QueryResult<()> {
    let seconds = seconds(lifetime);
    Store { phone, code_hash, seconds }.get_result::<(bool,)>(conn).map(|_| ())
}

statement! {
    struct RedeemCode<'a> {
        phone: &'a str => Text, "varchar";
        hashes: &'a [&'a [u8]] => Array<Binary>, "bytea[]";
        attempts: i32 => Integer, "integer";
        of_user: Option<uuid::Uuid> => Nullable<Uuid>, "uuid";
        context: Option<&'a str> => Nullable<Text>, "application_type";
        ip_address: Option<IpNetwork> => Nullable<Inet>, "inet";
        user_agent: Option<&'a str> => Nullable<Text>, "text";
    }
    returns (Uuid, Nullable<Text>, Nullable<Text>, Nullable<BigInt>, Bool, UserRole, Timestamptz,
             Nullable<Timestamptz>, Nullable<Timestamptz>, BigInt, BigInt, BigInt);
    concat!("compared AS (
        UPDATE one_time_codes c SET
            attempts = c.attempts + 1,
            consumed_at = CASE WHEN c.code_hash = ANY (arg.hashes) THEN clock_timestamp() END
        FROM arg
        WHERE c.phone = arg.phone AND c.consumed_at IS NULL AND c.attempts < arg.attempts
          AND c.expires_at > clock_timestamp()
          AND (arg.of_user IS NULL
               OR EXISTS (SELECT FROM users u WHERE u.id = arg.of_user AND u.phone = arg.phone))
        RETURNING c.phone, c.consumed_at IS NOT NULL AS is_right
    ), anybody AS (
        INSERT INTO users (phone)
        SELECT compared.phone FROM compared, arg WHERE compared.is_right AND arg.of_user IS NULL
        -- Changes nothing, but waits for whoever makes the same person now, and returns the row.
        ON CONFLICT (phone) DO UPDATE SET phone = users.phone
        RETURNING users.*, users.xmax = 0 AS is_new
    ), ", logged_user_created!("sms"), ", themselves AS (
        SELECT u.* FROM users u JOIN arg ON u.id = arg.of_user JOIN compared ON compared.phone = u.phone AND compared.is_right
    )
    SELECT ", user_columns!(), " FROM anybody UNION ALL SELECT ", user_columns!(), " FROM themselves")
}

/// Counts an attempt and uses the code up if it is the right one; the person of that phone then. `hashes` are
/// those of the attempt under each key that may have been used.
///
/// # Errors
/// When Postgres gives no answer; the attempt may have been counted and the code used up.
pub fn redeem_code(
    conn: &mut PgConnection,
    phone: &str,
    hashes: &[Digest],
    whose: &Whose,
) -> QueryResult<Option<User>> {
    failpoint!(query "code::statement")?;
    let hashes: Vec<&[u8]> = hashes.iter().map(Digest::as_slice).collect();
    let (of_user, context, origin) = whose.parts();
    let redeemed = RedeemCode {
        phone,
        hashes: &hashes,
        attempts: ATTEMPTS,
        of_user,
        context,
        ip_address: origin.ip_address,
        user_agent: origin.user_agent.as_deref(),
    }
    .get_result(conn)
    .optional()?;
    failpoint!(query "code::written")?;
    Ok(redeemed)
}

statement! {
    struct RedeemPayload<'a> {
        digest: &'a [u8] => Binary, "bytea";
        telegram_id: i64 => BigInt, "bigint";
        signed_at: i64 => BigInt, "bigint";
        lifetime: i64 => BigInt, "bigint";
        skew: i64 => BigInt, "bigint";
        of_user: Option<uuid::Uuid> => Nullable<Uuid>, "uuid";
        context: Option<&'a str> => Nullable<Text>, "application_type";
        ip_address: Option<IpNetwork> => Nullable<Inet>, "inet";
        user_agent: Option<&'a str> => Nullable<Text>, "text";
    }
    returns (Uuid, Nullable<Text>, Nullable<Text>, Nullable<BigInt>, Bool, UserRole, Timestamptz,
             Nullable<Timestamptz>, Nullable<Timestamptz>, BigInt, BigInt, BigInt);
    concat!("used AS (
        INSERT INTO used_telegram_payloads (digest, usable_until)
        SELECT arg.digest, to_timestamp(arg.signed_at + arg.lifetime) FROM arg
        WHERE extract(epoch FROM clock_timestamp()) BETWEEN arg.signed_at - arg.skew AND arg.signed_at + arg.lifetime
          AND (arg.of_user IS NULL
               OR EXISTS (SELECT FROM users u WHERE u.id = arg.of_user AND u.telegram_id = arg.telegram_id))
        ON CONFLICT DO NOTHING
        RETURNING digest
    ), purged AS (
        DELETE FROM used_telegram_payloads WHERE digest IN (
            SELECT old.digest FROM used_telegram_payloads old
            WHERE old.usable_until < now() - interval '1 hour' LIMIT 20 FOR UPDATE SKIP LOCKED)
    ), anybody AS (
        INSERT INTO users (telegram_id)
        SELECT arg.telegram_id FROM used, arg WHERE arg.of_user IS NULL
        -- As for a code.
        ON CONFLICT (telegram_id) DO UPDATE SET telegram_id = users.telegram_id
        RETURNING users.*, users.xmax = 0 AS is_new
    ), ", logged_user_created!("telegram"), ", themselves AS (
        SELECT u.* FROM users u JOIN arg ON u.id = arg.of_user AND u.telegram_id = arg.telegram_id, used
    )
    SELECT ", user_columns!(), " FROM anybody UNION ALL SELECT ", user_columns!(), " FROM themselves")
}

/// What Telegram signed about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPayload {
    /// SHA-256 of the signed text.
    pub digest: Digest,
    /// Telegram's id of the person.
    pub telegram_id: i64,
    /// When it was signed, in seconds since 1970.
    pub signed_at: i64,
    /// How long it counts from then.
    pub lifetime: Duration,
    /// How far Telegram's clock may be ahead of Postgres'.
    pub skew: Duration,
}

/// Uses a payload up, unless it was used before, is too old or comes from the future; the person then.
///
/// # Errors
/// When Postgres gives no answer; the payload may have been used up.
pub fn redeem_payload(
    conn: &mut PgConnection,
    payload: &SignedPayload,
    whose: &Whose,
) -> QueryResult<Option<User>> {
    let (of_user, context, origin) = whose.parts();
    RedeemPayload {
        digest: &payload.digest,
        telegram_id: payload.telegram_id,
        signed_at: payload.signed_at,
        lifetime: seconds(payload.lifetime),
        skew: seconds(payload.skew),
        of_user,
        context,
        ip_address: origin.ip_address,
        user_agent: origin.user_agent.as_deref(),
    }
    .get_result(conn)
    .optional()
}

/// Uses up the codes of these phones, whatever they are: they were used elsewhere.
///
/// # Errors
/// When Postgres gives no answer.
pub fn spend_codes(conn: &mut PgConnection, phones: &[String]) -> QueryResult<()> {
    use crate::schema::one_time_codes::dsl::{consumed_at, one_time_codes, phone};
    diesel::update(one_time_codes.filter(phone.eq_any(phones)).filter(consumed_at.is_null()))
        .set(consumed_at.eq(clock_timestamp().nullable()))
        .execute(conn)
        .map(|_| ())
}

/// Payloads that were used, each with how long it would have counted.
///
/// # Errors
/// When Postgres gives no answer.
pub fn used_payloads(conn: &mut PgConnection) -> QueryResult<Vec<(Digest, DateTime<Utc>)>> {
    use crate::schema::used_telegram_payloads::dsl::{digest, usable_until, used_telegram_payloads};
    let rows: Vec<(Vec<u8>, DateTime<Utc>)> = used_telegram_payloads
        .filter(usable_until.gt(clock_timestamp()))
        .select((digest, usable_until))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(bytes, until)| Some((bytes.try_into().ok()?, until))).collect())
}

/// Notes payloads that were used elsewhere.
///
/// # Errors
/// When Postgres gives no answer.
pub fn note_payloads(conn: &mut PgConnection, used: &[(Digest, DateTime<Utc>)]) -> QueryResult<()> {
    use crate::schema::used_telegram_payloads::dsl::{digest, usable_until, used_telegram_payloads};
    let rows: Vec<_> =
        used.iter().map(|(bytes, until)| (digest.eq(bytes.as_slice()), usable_until.eq(until))).collect();
    diesel::insert_into(used_telegram_payloads)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(conn)
        .map(|_| ())
}
