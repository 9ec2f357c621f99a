//! What Postgres' answer means, and what of it is remembered.

use constants::ApplicationContext;
use session_management::Origin;
use session_management::manager::Freshness;

use crate::entries::{behind, unknown};
use crate::stage::{Setup, Stage};

pub(crate) fn a_row_that_comes_after_the_question(stage: &Stage, _: bool) -> bool {
    let process = stage.process();
    let session = unknown(&stage.session().email);
    assert!(!process.lets_in(&session));
    stage.insert(&session.token, &session.email, "web", "1 hour");
    !process.lets_in(&session)
}

pub(crate) fn a_use_that_is_written_down_late(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process(), stage.session_for("web", "1 second"));
    let mut other = stage.database.connect();
    let mut transaction = other.transaction().unwrap();
    // Of a use that was in time, however long this machine took to get here.
    let moved = "UPDATE sessions SET expires_at = expires_at + interval '1 hour' WHERE id =";
    assert_eq!(transaction.execute(&format!("{moved} '{}'", session.id), &[]).unwrap(), 1);
    stage.wait_for_the_end_of(&session);
    assert!(!process.lets_in(&session));
    transaction.commit().unwrap();
    !process.lets_in(&session)
}

pub(crate) fn a_block_that_is_lifted(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process(), stage.session());
    let set = |value: &str| {
        let email = &session.email;
        stage.database.execute(&format!("UPDATE users SET blocked_at = {value} WHERE email = '{email}'"));
    };
    set("now()");
    assert!(!process.lets_in(&session));
    set("NULL");
    !process.lets_in(&session)
}

pub(crate) fn a_session_of_the_other_application(stage: &Stage, _: bool) -> bool {
    let panel = stage.start(&Setup { context: ApplicationContext::Admin, ..stage.setup() });
    panel.lets_in(&stage.session())
}

pub(crate) fn the_panel_right_after_a_revocation(stage: &Stage, _: bool) -> bool {
    let panel = stage.start(&Setup { context: ApplicationContext::Admin, ..stage.setup() });
    panel.wait_for_lease();
    let session = stage.session_for("admin", "1 hour");
    assert!(panel.lets_in(&session));
    panel.proxy.wait_for_beats();
    panel.proxy.hold();
    stage.revoke(&session);
    panel.lets_in(&session)
}

/// To say "not logged in" to somebody who is would throw them out.
pub(crate) fn a_session_while_postgres_is_away(stage: &Stage, _: bool) -> bool {
    let (way, setup) = behind(stage);
    let (process, session) = (stage.start(&setup), stage.session());
    way.cut();
    let answer = stage.runtime.block_on(process.manager.look_up(
        &session.token,
        Freshness::Authoritative,
        &Origin::default(),
    ));
    matches!(answer, Ok(None))
}
