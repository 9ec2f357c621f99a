//! What becomes of the older software's sessions and tokens.

use constants::ApplicationContext;
use identity_db::session::{self, State};

use super::{
    ANNA, BORIS, ONE_TOKEN, PRISMA, adopted, assert_same, digest, down_whole, notes, older, row, up,
};
use crate::fixture::connection;

#[test]
fn tokens_of_an_older_user_sessions_are_sessions_of_web_b8() {
    let database = adopted(ONE_TOKEN);
    for (token, owner) in
        [("token-of-anna-pc", ANNA), ("token-of-anna-phone", ANNA), ("token-of-boris", BORIS)]
    {
        assert_eq!(row(&database, token), Some(format!("{owner} web user_sessions legacy live")), "{token}");
        let found = session::find(&mut connection(&database), &digest(&database, token)).unwrap().unwrap();
        assert_eq!(found.state(ApplicationContext::Web), State::Live, "{token}");
        assert_eq!(found.state(ApplicationContext::Admin), State::OtherContext, "{token}");
        assert_eq!((found.session.absolute_expires_at - found.now).num_days(), 89, "{token}");
        assert_eq!((found.session.expires_at - found.now).num_days(), 29, "{token}");
    }
    let times = "SELECT created_at AT TIME ZONE 'UTC' || ' ' || last_activity AT TIME ZONE 'UTC'
                 FROM sessions WHERE id = session_digest('token-of-anna-pc')";
    assert_eq!(database.value(times), "2026-02-01 09:00:00 2026-02-03 10:00:00");
    assert_eq!(database.number("SELECT count(*) FROM legacy_user_sessions"), 11, "the older table stays");
    assert_eq!(database.number("SELECT count(*) FROM user_sessions"), 4, "the view stands under its name");
}

#[test]
fn a_token_that_none_can_be_is_left_out_and_one_of_two_people_opens_nothing_for_either_b8_f8() {
    let database = adopted(ONE_TOKEN);
    for token in ["", "tiny", "admin:smuggled", "trailing-space ", "shared-token"] {
        assert_eq!(row(&database, token), None, "{token:?}");
    }
    // One person's session, another one's `users.auth_token`: without a tombstone the fallback would let somebody in.
    assert_eq!(row(&database, "token-of-two").unwrap().split_once(' ').unwrap().1, "web - legacy revoked");
    let notes = notes(&database);
    let expected = "user_sessions: 4 of 11 sessions go on; left out: 4 with a token that none can be, 3 with a token of two \
                    people, 0 of an unknown application, 0 of nobody";
    assert!(notes.contains(expected), "{notes}");
}

#[test]
fn an_older_sessions_is_keyed_by_digests_and_raw_ids_are_the_owners_alone_b8_f9() {
    let database = adopted(PRISMA);
    let admin = "b0000000-0000-4000-8000-000000000001";
    assert_eq!(row(&database, "raw-session-of-admin"), Some(format!("{admin} web sessions legacy live")));
    assert_eq!(row(&database, "admin:b0rken"), None);
    // An expired row stays, or `users.session_id` would open it again.
    assert!(row(&database, "expired-session").unwrap().ends_with("expired"));
    let ends = "SELECT string_agg((extract(epoch FROM expires_at - now()) / 86400)::int || '/' ||
                                  (extract(epoch FROM absolute_expires_at - now()) / 86400)::int, ' ' ORDER BY expires_at)
                FROM sessions WHERE expires_at > now()";
    assert_eq!(
        database.value(ends),
        "7/90 30/90",
        "an earlier end stands, a later one is the idle end of web"
    );
    let kept = "SELECT data ->> 'theme' || ' ' || host(ip_address) || ' ' || user_agent
                FROM sessions WHERE id = session_digest('raw-session-of-admin')";
    assert_eq!(database.value(kept), "light 192.0.2.1 Mozilla/5.0");

    assert_eq!(database.number("SELECT count(*) FROM adoption.sessions"), 4);
    let raw = "SELECT count(*) FROM sessions s JOIN adoption.sessions o ON s.id = o.id";
    assert_eq!(database.number(raw), 0);
    for sql in ["SELECT id FROM adoption.sessions", "SELECT * FROM adoption.original_value"] {
        assert_eq!(database.try_execute_as_app(sql).unwrap_err().code, "42501", "{sql}");
    }
}

#[test]
fn sessions_of_each_application_that_had_ended_have_ended_b8_f1() {
    let database = older(
        "CREATE TYPE application_type AS ENUM ('admin', 'web');
         CREATE TABLE users (id uuid PRIMARY KEY, session_id text);
         CREATE TABLE sessions (id text, user_id uuid, application_context text, data jsonb, revoked boolean, revoked_at timestamptz,
                                expires_at timestamptz, last_activity timestamptz);
         INSERT INTO users VALUES ('00000000-0000-4000-8000-000000000001', 'of-web-ended'), ('00000000-0000-4000-8000-000000000002', NULL);
         INSERT INTO sessions SELECT t, '00000000-0000-4000-8000-000000000001'::uuid, c, '{}', r, a, e, '2026-01-01'
         FROM (VALUES ('of-web', NULL, NULL, NULL, NULL), ('of-web-too', 'Web', false, NULL, timestamptz 'infinity'), ('of-admin', 'admin', NULL, NULL, NULL),
                      ('of-web-ended', 'web', true, NULL, NULL), ('of-web-ended-at', 'web', false, timestamptz '2026-01-02', NULL),
                      ('of-mobile', 'mobile', NULL, NULL, NULL)) AS v (t, c, r, a, e);
         INSERT INTO sessions (id, user_id) VALUES ('of-nobody', gen_random_uuid()), ('of-two-people', '00000000-0000-4000-8000-000000000001'),
                      ('of-two-people', '00000000-0000-4000-8000-000000000002'), (NULL, '00000000-0000-4000-8000-000000000002')",
    );
    let before = database.dump();
    up(&database);
    let owner = "00000000-0000-4000-8000-000000000001";
    for (token, expected) in [
        ("of-web", "web sessions legacy live"),
        ("of-web-too", "web sessions legacy live"),
        ("of-admin", "admin sessions legacy live"),
        ("of-web-ended", "web sessions legacy revoked"),
        ("of-web-ended-at", "web sessions legacy revoked"),
    ] {
        assert_eq!(row(&database, token), Some(format!("{owner} {expected}")), "{token}");
    }
    for token in ["of-mobile", "of-nobody", "of-two-people"] {
        assert_eq!(row(&database, token), None, "{token}");
    }
    let ends = "SELECT extract(epoch FROM expires_at - now()) / 60 BETWEEN 28 AND 30
                   AND extract(epoch FROM absolute_expires_at - now()) / 3600 BETWEEN 11 AND 12
                FROM sessions WHERE id = session_digest('of-admin')";
    assert_eq!(database.value(ends), "t", "an admin session has the short life of one");
    assert_eq!(
        database.value("SELECT revoked_at::date FROM sessions WHERE id = session_digest('of-web-ended-at')"),
        "2026-01-02"
    );
    let notes = notes(&database);
    let expected = "5 of 10 sessions go on; left out: 1 with a token that none can be, 2 with a token of two people, 1 of an unknown application, 1 of nobody";
    assert!(notes.contains(expected), "{notes}");
    down_whole(&database);
    assert_same(&before, &database.dump(), "up and down");
}
