//! Sessions: rows of `sessions` and every query that starts there.
//!
//! A session is looked up by its id *without* a state filter: a row that has ended is an answer, and a
//! different one from no row at all.

use std::time::Duration;

use chrono::{DateTime, Utc};
use constants::ApplicationContext;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Inet, Nullable, Text, Timestamptz, Uuid};
use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use crate::HashedPassword;
use crate::audit::Origin;
use crate::id::{SessionId, UserId};
use crate::schema::sql_types::ApplicationType;
use crate::schema::{sessions, users};
use crate::sql_enum::ContextColumn;
use crate::statement::statement;
use crate::user::User;

/// A session as Postgres has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub struct Session {
    /// The digest of its token.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where alone it counts.
    #[diesel(deserialize_as = ContextColumn)]
    pub application_context: ApplicationContext,
    /// The login.
    pub created_at: DateTime<Utc>,
    /// The last use that was written down; up to a minute older than the last use.
    pub last_activity: DateTime<Utc>,
    /// The idle end.
    pub expires_at: DateTime<Utc>,
    /// The end that use does not move.
    pub absolute_expires_at: DateTime<Utc>,
    /// The address of the login.
    pub ip_address: Option<IpNetwork>,
    /// What the client said it was.
    pub user_agent: Option<String>,
    /// Whether it was ended.
    pub revoked: bool,
    /// The user's epoch at login.
    pub session_epoch: i64,
    /// How the person proved who they are.
    pub auth_method: String,
    /// When they last did.
    pub authenticated_at: Option<DateTime<Utc>>,
}

/// A session, its user and the clock of one statement: all that a decision needs.
#[derive(Debug, Clone)]
pub struct Found {
    /// The row.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// Postgres' clock when the rows were read; never later than they are.
    pub read_at: DateTime<Utc>,
    /// Postgres' clock now, for the comparison with the ends.
    pub now: DateTime<Utc>,
}

/// What a row says about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It counts.
    Live,
    /// It is another application's.
    OtherContext,
    /// It was ended, or everything before a newer epoch was.
    Revoked,
    /// Its idle or absolute end has passed.
    Expired,
    /// Its user is blocked.
    Blocked,
}

impl Found {
    /// What this row says in `context`.
    #[must_use]
    pub fn state(&self, context: ApplicationContext) -> State {
        let Self { session, user, now, .. } = self;
        if session.application_context != context {
            State::OtherContext
        } else if session.revoked || session.session_epoch < user.session_epoch {
            State::Revoked
        } else if session.expires_at <= *now || session.absolute_expires_at <= *now {
            State::Expired
        } else if user.blocked_at.is_some() {
            State::Blocked
        } else {
            State::Live
        }
    }
}

impl Found {
    /// Whether nothing can ever make a yes of this row again: it was revoked, its epoch is below the user's, or
    /// its absolute end has passed. An idle end may still be moved by a use that was written down late, and a
    /// block may be lifted.
    #[must_use]
    pub fn is_final(&self) -> bool {
        let Self { session, user, now, .. } = self;
        session.revoked || session.session_epoch < user.session_epoch || session.absolute_expires_at <= *now
    }
}

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The digest of its token.
    pub id: SessionId,
    /// Where alone it will count.
    pub context: ApplicationContext,
    /// How long it lives unused.
    pub idle: Duration,
    /// How long it lives at all.
    pub absolute: Duration,
    /// Where the login came from.
    pub origin: Origin,
    /// How the person proved who they are: `password`, `sms`, `telegram`, `legacy`.
    pub auth_method: &'static str,
}

/// Everything that a login writes.
#[derive(Debug, Clone)]
pub struct Login {
    /// Who.
    pub user_id: UserId,
    /// The version that the proof was checked against.
    pub credential_version: i64,
    /// The session.
    pub session: NewSession,
    /// Sessions that the request carried; they end.
    pub carried: Vec<SessionId>,
    /// The token itself, where it is also written for the older software.
    pub auth_token: Option<String>,
    /// The password under today's parameters, where it was hashed under weaker ones.
    pub rehashed: Option<HashedPassword>,
}

/// The session with this id, whatever state it is in.
///
/// # Errors
/// When Postgres gives no answer.
pub fn find(conn: &mut PgConnection, id: &SessionId) -> QueryResult<Option<Found>> {
    sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(id.as_str()))
        .select((
            Session::as_select(),
            User::as_select(),
            sql::<Timestamptz>("transaction_timestamp()"),
            sql::<Timestamptz>("clock_timestamp()"),
        ))
        .first::<(Session, User, DateTime<Utc>, DateTime<Utc>)>(conn)
        .optional()
        .map(|row| row.map(|(session, user, read_at, now)| Found { session, user, read_at, now }))
}

/// The live sessions of a person, in one application or in all, the most recently used first.
///
/// # Errors
/// When Postgres gives no answer.
pub fn list(
    conn: &mut PgConnection,
    user_id: UserId,
    context: Option<ApplicationContext>,
) -> QueryResult<Vec<Session>> {
    let mut query = sessions::table
        .inner_join(users::table)
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::revoked.eq(false))
        .filter(sessions::session_epoch.ge(users::session_epoch))
        .filter(sessions::expires_at.gt(sql::<Timestamptz>("clock_timestamp()")))
        .filter(sessions::absolute_expires_at.gt(sql::<Timestamptz>("clock_timestamp()")))
        .select(Session::as_select())
        .into_boxed();
    if let Some(context) = context {
        query = query.filter(sessions::application_context.eq(ContextColumn(context)));
    }
    query.order((sessions::last_activity.desc(), sessions::id.asc())).load(conn)
}

statement! {
    struct Open<'a> {
        user_id: uuid::Uuid => Uuid, "uuid";
        credential_version: i64 => BigInt, "bigint";
        id: &'a str => Text, "varchar";
        context: &'a str => Text, "application_type";
        idle: i64 => BigInt, "bigint";
        absolute: i64 => BigInt, "bigint";
        ip_address: Option<IpNetwork> => Nullable<Inet>, "inet";
        user_agent: Option<&'a str> => Nullable<Text>, "text";
        auth_method: &'a str => Text, "varchar";
        carried: &'a [&'a str] => Array<Text>, "varchar[]";
        auth_token: Option<&'a str> => Nullable<Text>, "varchar";
        rehashed: Option<&'a str> => Nullable<Text>, "text";
    }
    returns (Text, Uuid, ApplicationType, Timestamptz, Timestamptz, Timestamptz, Timestamptz, Nullable<Inet>,
             Nullable<Text>, Bool, BigInt, Text, Nullable<Timestamptz>);
    "clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    account AS (
        UPDATE users SET
            last_login_at = clock.now,
            auth_token = coalesce(arg.auth_token, users.auth_token),
            hashed_password = coalesce(arg.rehashed, users.hashed_password)
        FROM arg, clock
        WHERE users.id = arg.user_id AND users.credential_version = arg.credential_version
          AND users.blocked_at IS NULL
        RETURNING users.id, users.session_epoch
    ), opened AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, created_at,
                              last_activity, ip_address, user_agent, session_epoch, auth_method, authenticated_at)
        SELECT arg.id, account.id, arg.context,
               clock.now + least(arg.idle, arg.absolute) * interval '1 second',
               clock.now + arg.absolute * interval '1 second', clock.now, clock.now,
               arg.ip_address, arg.user_agent, account.session_epoch, arg.auth_method, clock.now
        FROM arg, account, clock
        RETURNING *
    ), ended AS (
        UPDATE sessions SET revoked = true, revoked_at = clock_timestamp()
        FROM arg, account
        WHERE sessions.id = ANY (arg.carried) AND sessions.application_context = arg.context
          AND NOT sessions.revoked
    ), logged AS (
        INSERT INTO audit_log (action, application_context, actor_id, subject_id, session_id, ip_address,
                               user_agent, detail)
        SELECT 'session_created', arg.context, account.id, account.id, arg.id, arg.ip_address, arg.user_agent,
               jsonb_build_object('method', arg.auth_method)
        FROM arg, account
    )
    SELECT id, user_id, application_context, created_at, last_activity, expires_at, absolute_expires_at,
           ip_address, user_agent, revoked, session_epoch, auth_method, authenticated_at
    FROM opened"
}

/// Opens a session: user, session, the end of the sessions that the request carried, and the audit line are
/// one statement. `None` when the person is blocked, gone, or has another credential than the one that was
/// checked; nothing was written then.
///
/// # Errors
/// When Postgres gives no answer; whether the session exists is then unknown.
pub fn open(conn: &mut PgConnection, login: &Login) -> QueryResult<Option<Session>> {
    let carried: Vec<&str> = login.carried.iter().map(SessionId::as_str).collect();
    Open {
        user_id: login.user_id.0,
        credential_version: login.credential_version,
        id: login.session.id.as_str(),
        context: login.session.context.as_str(),
        idle: seconds(login.session.idle),
        absolute: seconds(login.session.absolute),
        ip_address: login.session.origin.ip_address,
        user_agent: login.session.origin.user_agent.as_deref(),
        auth_method: login.session.auth_method,
        carried: &carried,
        auth_token: login.auth_token.as_deref(),
        rehashed: login.rehashed.as_ref().map(HashedPassword::expose),
    }
    .get_result(conn)
    .optional()
}

statement! {
    struct Revoke<'a> {
        ids: &'a [&'a str] => Array<Text>, "varchar[]";
        user_id: Option<uuid::Uuid> => Nullable<Uuid>, "uuid";
        actor_id: Option<uuid::Uuid> => Nullable<Uuid>, "uuid";
        context: Option<&'a str> => Nullable<Text>, "application_type";
        action: &'a str => Text, "varchar";
        ip_address: Option<IpNetwork> => Nullable<Inet>, "inet";
        user_agent: Option<&'a str> => Nullable<Text>, "text";
    }
    returns (Text, Bool);
    "ended AS (
        UPDATE sessions SET revoked = true, revoked_at = clock_timestamp()
        FROM arg
        WHERE sessions.id = ANY (arg.ids) AND NOT sessions.revoked
          AND (arg.context IS NULL OR sessions.application_context = arg.context)
          AND (arg.user_id IS NULL OR sessions.user_id = arg.user_id)
        RETURNING sessions.id, sessions.user_id, sessions.session_epoch, sessions.application_context,
                  least(sessions.expires_at, sessions.absolute_expires_at) > clock_timestamp() AS unexpired
    ), logged AS (
        INSERT INTO audit_log (action, application_context, actor_id, subject_id, session_id, ip_address, user_agent)
        SELECT arg.action, ended.application_context, coalesce(arg.actor_id, arg.user_id, ended.user_id), ended.user_id,
               ended.id, arg.ip_address, arg.user_agent
        FROM arg, ended
    )
    SELECT ended.id, ended.unexpired AND ended.session_epoch >= users.session_epoch
    FROM ended JOIN users ON users.id = ended.user_id"
}

/// Who ends sessions, and within which bounds.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// The sessions to end.
    pub ids: Vec<SessionId>,
    /// Only those of this person.
    pub of_user: Option<UserId>,
    /// Only those of this application.
    pub context: Option<ApplicationContext>,
    /// Who acts; the sessions' own user when absent.
    pub actor: Option<UserId>,
    /// The audit log's name for it.
    pub action: &'static str,
    /// From where.
    pub origin: Origin,
}

/// Ends sessions in one statement; returns those that were live until now. Ending one that has ended or
/// never was is no error.
///
/// # Errors
/// When Postgres gives no answer; whether they ended is then unknown.
pub fn revoke(conn: &mut PgConnection, revocation: &Revocation) -> QueryResult<Vec<SessionId>> {
    let ids: Vec<&str> = revocation.ids.iter().map(SessionId::as_str).collect();
    let ended: Vec<(SessionId, bool)> = Revoke {
        ids: &ids,
        user_id: revocation.of_user.map(|id| id.0),
        actor_id: revocation.actor.map(|id| id.0),
        context: revocation.context.map(ApplicationContext::as_str),
        action: revocation.action,
        ip_address: revocation.origin.ip_address,
        user_agent: revocation.origin.user_agent.as_deref(),
    }
    .load(conn)?;
    Ok(ended.into_iter().filter_map(|(id, live)| live.then_some(id)).collect())
}

statement! {
    struct EndAll<'a> {
        user_id: uuid::Uuid => Uuid, "uuid";
        session_epoch: i64 => BigInt, "bigint";
        keep: Option<&'a str> => Nullable<Text>, "varchar";
        replacement: Option<&'a str> => Nullable<Text>, "varchar";
        proven: bool => Bool, "boolean";
        auth_token: Option<&'a str> => Nullable<Text>, "varchar";
    }
    returns (Text, Bool, Bool);
    "ended AS (
        UPDATE sessions SET revoked = true, revoked_at = clock_timestamp()
        FROM arg
        WHERE sessions.user_id = arg.user_id AND NOT sessions.revoked
        RETURNING sessions.*
    ), counted AS (
        SELECT ended.*, ended.session_epoch >= arg.session_epoch - 1
               AND least(ended.expires_at, ended.absolute_expires_at) > clock_timestamp() AS live
        FROM ended, arg
    ), kept AS (
        INSERT INTO sessions (id, user_id, application_context, data, expires_at, absolute_expires_at, created_at,
                              last_activity, ip_address, user_agent, session_epoch, auth_method, authenticated_at)
        SELECT arg.replacement, old.user_id, old.application_context, old.data, old.expires_at,
               old.absolute_expires_at, old.created_at, clock_timestamp(), old.ip_address, old.user_agent,
               arg.session_epoch, old.auth_method,
               CASE WHEN arg.proven THEN clock_timestamp() ELSE old.authenticated_at END
        FROM arg JOIN counted old ON old.id = arg.keep AND old.live
        WHERE arg.replacement IS NOT NULL
    ), tombstones AS (
        INSERT INTO sessions (id, user_id, expires_at, absolute_expires_at, revoked, session_epoch)
        SELECT DISTINCT session_digest(legacy.token), users.id, clock_timestamp(), clock_timestamp(), true,
               arg.session_epoch - 1
        FROM arg JOIN users ON users.id = arg.user_id,
             unnest(ARRAY[users.auth_token, users.session_id]) AS legacy (token)
        WHERE legacy.token IS NOT NULL
          AND NOT EXISTS (SELECT FROM sessions s WHERE s.id = session_digest(legacy.token))
        ON CONFLICT (id) DO UPDATE SET revoked = true, revoked_at = clock_timestamp()
    ), carried_over AS (
        UPDATE users SET auth_token = arg.auth_token FROM arg
        WHERE users.id = arg.user_id AND arg.auth_token IS NOT NULL
    )
    SELECT counted.id, counted.live, counted.id = arg.keep IS TRUE FROM counted, arg"
}

/// What becomes of the caller's own session when all of a person's sessions end.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The session that goes on.
    pub keep: SessionId,
    /// Under which new id.
    pub replacement: SessionId,
    /// Whether the act proved anew who the person is.
    pub proven: bool,
    /// The new token itself, where it is also written for the older software.
    pub auth_token: Option<String>,
}

/// The sessions that [`end_all`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Live ones, without the one that goes on under a new id.
    pub live: Vec<SessionId>,
    /// Every row that was revoked, for those who hold copies.
    pub all: Vec<SessionId>,
    /// Whether the session to be kept was live, and so goes on.
    pub kept: bool,
}

/// Ends every session of a person in every application, puts tombstones for what stands in the legacy
/// columns, and lets one session go on under a new id. Runs in the transaction in which
/// [`crate::user::raise_epoch`] has just made `session_epoch`: its lock on the user keeps logins and
/// adoptions out.
///
/// # Errors
/// When Postgres gives no answer.
pub fn end_all(
    conn: &mut PgConnection,
    user_id: UserId,
    session_epoch: i64,
    rotation: Option<&Rotation>,
) -> QueryResult<Ended> {
    let rows: Vec<(SessionId, bool, bool)> = EndAll {
        user_id: user_id.0,
        session_epoch,
        keep: rotation.map(|rotation| rotation.keep.as_str()),
        replacement: rotation.map(|rotation| rotation.replacement.as_str()),
        proven: rotation.is_some_and(|rotation| rotation.proven),
        auth_token: rotation.and_then(|rotation| rotation.auth_token.as_deref()),
    }
    .load(conn)?;
    Ok(Ended {
        live: rows.iter().filter(|(_, live, own)| *live && !own).map(|(id, ..)| *id).collect(),
        kept: rows.iter().any(|(_, live, own)| *live && *own),
        all: rows.into_iter().map(|(id, ..)| id).collect(),
    })
}

/// Renews the proof of identity of a live session; `false` when it is not live any more.
///
/// # Errors
/// When Postgres gives no answer.
pub fn renew_proof(conn: &mut PgConnection, id: &SessionId, credential_version: i64) -> QueryResult<bool> {
    let now = || sql::<Timestamptz>("clock_timestamp()");
    let current = users::table
        .filter(users::id.eq(sessions::user_id))
        .filter(users::credential_version.eq(credential_version))
        .filter(users::session_epoch.le(sessions::session_epoch))
        .filter(users::blocked_at.is_null());
    let updated = diesel::update(sessions::table)
        .filter(sessions::id.eq(id.as_str()))
        .filter(sessions::revoked.eq(false))
        .filter(sessions::expires_at.gt(now()))
        .filter(sessions::absolute_expires_at.gt(now()))
        .filter(diesel::dsl::exists(current))
        .set(sessions::authenticated_at.eq(now().nullable()))
        .execute(conn)?;
    Ok(updated == 1)
}

/// Moves the idle end of a live session to `idle` from now, never past its absolute end; `false` when it is
/// not live any more.
///
/// # Errors
/// When Postgres gives no answer.
pub fn extend(conn: &mut PgConnection, id: &SessionId, idle: Duration) -> QueryResult<bool> {
    touch(conn, idle, &[(*id, Duration::ZERO)]).map(|touched| touched == 1)
}

statement! {
    struct Touch<'a> {
        ids: &'a [&'a str] => Array<Text>, "varchar[]";
        ages: &'a [i64] => Array<BigInt>, "bigint[]";
        idle: i64 => BigInt, "bigint";
    }
    returns (BigInt,);
    "used AS (
        SELECT u.id, clock_timestamp() - u.age * interval '1 millisecond' AS at
        FROM arg, unnest(arg.ids, arg.ages) AS u (id, age)
    ), live AS (
        SELECT s.id, used.at FROM sessions s JOIN used ON used.id = s.id
        WHERE NOT s.revoked AND s.expires_at > clock_timestamp() AND s.absolute_expires_at > clock_timestamp()
        FOR NO KEY UPDATE OF s SKIP LOCKED
    ), touched AS (
        UPDATE sessions s SET
            last_activity = greatest(s.last_activity, live.at),
            expires_at = greatest(s.expires_at,
                least(live.at + arg.idle * interval '1 second', s.absolute_expires_at))
        FROM live, arg
        WHERE s.id = live.id
        RETURNING 1
    )
    SELECT count(*) FROM touched"
}

/// Writes down uses of sessions, each with how long ago it was, and moves the idle ends with them. Sessions
/// that have ended, or that somebody else is changing right now, are left alone; returns how many were not.
///
/// # Errors
/// When Postgres gives no answer.
pub fn touch(conn: &mut PgConnection, idle: Duration, uses: &[(SessionId, Duration)]) -> QueryResult<i64> {
    let ids: Vec<&str> = uses.iter().map(|(id, _)| id.as_str()).collect();
    let ages: Vec<i64> =
        uses.iter().map(|(_, age)| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)).collect();
    let (count,): (i64,) = Touch { ids: &ids, ages: &ages, idle: seconds(idle) }.get_result(conn)?;
    Ok(count)
}

statement! {
    struct Purge<'a> {
        before: DateTime<Utc> => Timestamptz, "timestamptz";
        after: DateTime<Utc> => Timestamptz, "timestamptz";
        after_id: &'a str => Text, "varchar";
        most: i64 => BigInt, "bigint";
    }
    returns (Nullable<Timestamptz>, Nullable<Text>, BigInt, BigInt);
    "batch AS (
        SELECT s.id, s.expires_at FROM sessions s, arg
        WHERE s.expires_at < arg.before AND (s.expires_at, s.id) > (arg.after, arg.after_id)
        ORDER BY s.expires_at, s.id
        LIMIT (SELECT most FROM arg)
    ), gone AS (
        DELETE FROM sessions USING batch
        WHERE sessions.id = batch.id AND sessions.expires_at = batch.expires_at
          AND NOT EXISTS (SELECT FROM users WHERE session_digest(users.auth_token) = batch.id)
          AND NOT EXISTS (SELECT FROM users WHERE session_digest(users.session_id) = batch.id)
        RETURNING 1
    ), last AS (
        SELECT id, expires_at FROM batch ORDER BY expires_at DESC, id DESC LIMIT 1
    )
    SELECT (SELECT expires_at FROM last), (SELECT id FROM last),
           (SELECT count(*) FROM batch), (SELECT count(*) FROM gone)"
}

/// How far a purge has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// End and id of the last row that was looked at.
    after: (DateTime<Utc>, String),
    /// Rows that were looked at.
    pub seen: i64,
    /// Rows that were deleted; the others are tombstones that a legacy column still needs.
    pub deleted: i64,
    /// Whether there may be more.
    pub more: bool,
}

impl Default for Purged {
    fn default() -> Self {
        let after = (DateTime::<Utc>::UNIX_EPOCH, String::new());
        Self { after, seen: 0, deleted: 0, more: true }
    }
}

/// Deletes the next rows, `most` at most, whose end lies before `before`, oldest first, and adds to `so_far`. It is
/// one short statement, so that nobody waits for it; only the owner may.
///
/// # Errors
/// When Postgres gives no answer.
pub fn purge(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    most: i64,
    so_far: Purged,
) -> QueryResult<Purged> {
    let (after, after_id) = &so_far.after;
    let statement = Purge { before, after: *after, after_id, most };
    let (at, id, seen, deleted): (Option<DateTime<Utc>>, Option<String>, i64, i64) =
        statement.get_result(conn)?;
    Ok(Purged {
        after: at.zip(id).unwrap_or(so_far.after),
        seen: so_far.seen + seen,
        deleted: so_far.deleted + deleted,
        more: seen == most,
    })
}

/// How many rows have an end before `before`.
///
/// # Errors
/// When Postgres gives no answer.
pub fn count_ended(conn: &mut PgConnection, before: DateTime<Utc>) -> QueryResult<i64> {
    sessions::table.filter(sessions::expires_at.lt(before)).count().get_result(conn)
}

/// Whole seconds, which is what Postgres' `interval '1 second'` is multiplied by.
fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
