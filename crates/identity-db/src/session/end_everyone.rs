//! Ending every session of everybody, as after a restore: what was ended since the backup would be back.

use constants::AuditAction;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Uuid};

use crate::audit::{self, Entry};
use crate::database::in_transaction;
use crate::id::UserId;
use crate::statement::statement;

// In a statement of its own: it waits for logins under way, and ends by comparison also what the next one cannot see.
statement! {
    struct Raise<'a> {
        after: &'a uuid::Uuid => Uuid, "uuid";
        most: i64 => BigInt, "bigint";
    }
    returns (Uuid,);
    "batch AS (
        SELECT users.id FROM users WHERE users.id > (SELECT after FROM arg)
        ORDER BY users.id LIMIT (SELECT most FROM arg)
    )
    UPDATE users SET session_epoch = users.session_epoch + 1, sessions_valid_after = clock_timestamp()
    FROM batch WHERE users.id = batch.id
    RETURNING users.id"
}

statement! {
    struct EndBatch<'a> {
        people: &'a [uuid::Uuid] => Array<Uuid>, "uuid[]";
    }
    returns (BigInt,);
    "people AS (
        SELECT users.id, users.session_epoch, users.auth_token, users.session_id FROM users, arg WHERE users.id = ANY (arg.people)
    ), ended AS (
        UPDATE sessions SET revoked = true, revoked_at = clock_timestamp()
        FROM people
        WHERE sessions.user_id = people.id AND NOT sessions.revoked AND sessions.session_epoch < people.session_epoch
        RETURNING sessions.session_epoch = people.session_epoch - 1
                  AND least(sessions.expires_at, sessions.absolute_expires_at) > clock_timestamp() AS live
    ), tombstones AS (
        INSERT INTO sessions (id, user_id, application_context, expires_at, absolute_expires_at, revoked, session_epoch)
        SELECT DISTINCT ON (session_digest(legacy.token)) session_digest(legacy.token), people.id, 'web'::application_type,
               clock_timestamp(), clock_timestamp(), true, people.session_epoch - 1
        FROM people, unnest(ARRAY[people.auth_token, people.session_id]) AS legacy (token)
        WHERE legacy.token IS NOT NULL AND NOT EXISTS (SELECT FROM cleanup)
          AND NOT EXISTS (SELECT FROM sessions s WHERE s.id = session_digest(legacy.token))
        ON CONFLICT (id) DO UPDATE SET revoked = true, revoked_at = clock_timestamp()
    )
    SELECT count(*) FILTER (WHERE live) FROM ended"
}

/// How far it has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Everyone {
    /// The last person that was seen to.
    after: Option<UserId>,
    /// People whose sessions have ended.
    pub people: i64,
    /// Sessions that were live until then.
    pub ended: i64,
    /// Whether everybody has been seen to.
    pub done: bool,
}

/// Ends the sessions of the next people, `most` at most, in every application, what the legacy columns name included.
/// The last call writes the line of the audit log.
///
/// # Errors
/// When Postgres gives no answer.
pub fn end_everyone(conn: &mut PgConnection, most: i64, so_far: Everyone) -> QueryResult<Everyone> {
    in_transaction(conn, |conn| {
        // Nobody has the nil id: ids are drawn.
        let raise = Raise { after: &so_far.after.map_or(uuid::Uuid::nil(), |id| id.0), most };
        let mut people: Vec<uuid::Uuid> =
            raise.load::<(uuid::Uuid,)>(conn)?.into_iter().map(|(id,)| id).collect();
        let (ended,): (i64,) = EndBatch { people: &people }.get_result(conn)?;
        people.sort_unstable();
        let count = i64::try_from(people.len()).unwrap_or(i64::MAX);
        let everyone = Everyone {
            after: people.last().copied().map(UserId).or(so_far.after),
            people: so_far.people + count,
            ended: so_far.ended + ended,
            done: count < most,
        };
        if everyone.done {
            let detail = Some(serde_json::json!({ "people": everyone.people, "revoked": everyone.ended }));
            audit::append(conn, &Entry { detail, ..Entry::of(AuditAction::AllSessionsEnded) })?;
        }
        Ok(everyone)
    })
}
