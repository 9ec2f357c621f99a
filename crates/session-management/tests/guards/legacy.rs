//! What the older software left: tokens without a row, which become one on their first use.

use constants::{ApplicationContext, LegacyTokens};
use identity_db::{session, user};
use session_management::manager::Freshness;
use session_management::{Clock, Origin, SessionError, SystemClock};

use crate::stage::{Process, Session, Setup, Stage};

/// A process in which tokens of the older software count, if anything lets them.
fn process(stage: &Stage, context: ApplicationContext) -> Process<'_> {
    stage.start(&Setup { context, legacy_tokens: LegacyTokens::Read, ..stage.setup() })
}

fn web(stage: &Stage) -> Process<'_> {
    process(stage, ApplicationContext::Web)
}

/// A token that stands in `users.auth_token` and has no row.
fn in_the_column(stage: &Stage) -> Session {
    let session = stage.token_of_somebody();
    let (token, email) = (session.token.expose(), &session.email);
    stage.database.execute(&format!("UPDATE users SET auth_token = '{token}' WHERE email = '{email}'"));
    session
}

/// A token that the older software keeps in Redis, since a minute and for an hour.
fn in_redis(stage: &Stage) -> Session {
    let session = stage.token_of_somebody();
    let user = stage.database.value(&format!("SELECT id FROM users WHERE email = '{}'", session.email));
    let now = SystemClock.now().timestamp_millis();
    let (begun, end) = (now - 60_000, now + 3_600_000);
    let value = format!(r#"{{"user_id":"{user}","created_at":{begun},"expires_at":{end}}}"#);
    stage.redis.command(&["SET", &format!("session:{}", session.token.expose()), &value]);
    session
}

/// Whether Postgres, and what stands behind it, lets a token in.
fn opens(process: &Process<'_>, stage: &Stage, session: &Session) -> Result<bool, SessionError> {
    let origin = Origin::default();
    let looking = process.manager.look_up(&session.token, Freshness::Authoritative, &origin);
    stage.runtime.block_on(looking).map(|found| found.is_some())
}

/// Ends every session of somebody, as a new password does.
fn end_all(stage: &Stage, session: &Session) {
    let mut conn = identity_db::migration::connect(stage.database.owner_url()).unwrap();
    let user = user::find_by_email(&mut conn, &session.email).unwrap().unwrap();
    let raised = user::raise_epoch(&mut conn, user.id, None, None).unwrap().unwrap();
    session::end_all(&mut conn, user.id, raised.session_epoch, None).unwrap();
}

pub(crate) fn a_token_that_is_shown_to_the_panel(stage: &Stage, _: bool) -> bool {
    let panel = process(stage, ApplicationContext::Admin);
    opens(&panel, stage, &in_the_column(stage)).unwrap()
}

/// To say "not logged in" to somebody whose session may be in Redis would throw them out.
pub(crate) fn a_token_while_redis_is_away(stage: &Stage, _: bool) -> bool {
    let (web, session) = (web(stage), in_redis(stage));
    stage.redis.stop();
    let answer = opens(&web, stage, &session);
    stage.redis.start_again();
    matches!(answer, Ok(false))
}

pub(crate) fn a_token_that_was_logged_out(stage: &Stage, _: bool) -> bool {
    let (web, session) = (web(stage), in_the_column(stage));
    let tokens = [session.token.clone()];
    stage.runtime.block_on(web.manager.delete_session(&tokens, Origin::default())).unwrap();
    opens(&web, stage, &session).unwrap()
}

pub(crate) fn a_token_after_the_end_of_all(stage: &Stage, _: bool) -> bool {
    let (web, session) = (web(stage), in_the_column(stage));
    end_all(stage, &session);
    opens(&web, stage, &session).unwrap()
}

pub(crate) fn a_key_of_redis_after_the_end_of_all(stage: &Stage, _: bool) -> bool {
    let (web, session) = (web(stage), in_redis(stage));
    end_all(stage, &session);
    opens(&web, stage, &session).unwrap()
}

pub(crate) fn a_token_whose_row_has_ended(stage: &Stage, _: bool) -> bool {
    let (web, session) = (web(stage), in_the_column(stage));
    assert!(opens(&web, stage, &session).unwrap(), "it is adopted");
    stage.revoke(&session);
    opens(&web, stage, &session).unwrap()
}

/// Whether a token opens anything whose row somebody tried to delete after its end.
pub(crate) fn a_token_whose_row_was_purged(stage: &Stage, _: bool) -> bool {
    let (web, session) = (web(stage), in_the_column(stage));
    assert!(opens(&web, stage, &session).unwrap(), "it is adopted");
    stage.revoke(&session);
    let _ = stage.database.try_execute(&format!("DELETE FROM sessions WHERE id = '{}'", session.id));
    opens(&web, stage, &session).unwrap()
}

/// Only one of two guards that stand behind one another is out.
#[test]
fn either_of_two_guards_is_enough_f1_f3() {
    let pairs: [([&str; 2], crate::Scenario); 2] = [
        (["legacy_only_in_web", "context_in_look_up"], a_token_that_is_shown_to_the_panel),
        (["no_state_filter", "adoption_decides_from_row"], a_token_whose_row_has_ended),
    ];
    for (guards, scenario) in pairs {
        for guard in guards {
            let stage = Stage::new();
            identity_db::fail::cfg(format!("guard::{guard}"), "return").unwrap();
            assert!(!scenario(&stage, true), "{guard}");
        }
    }
}
