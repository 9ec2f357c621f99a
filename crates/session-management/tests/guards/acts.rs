//! Logins, revocations and uses.

use session_management::{Login, Origin, SessionRequest};

use crate::pause::Pause;
use crate::stage::{Session, Stage};

pub(crate) fn a_process_knows_what_it_ended(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process(), stage.session());
    assert!(process.lets_in(&session));
    process.proxy.wait_for_beats();
    // Whatever Postgres tells of it comes later.
    process.proxy.hold();
    let tokens = [session.token.clone()];
    stage.runtime.block_on(process.manager.delete_session(&tokens, Origin::default())).unwrap();
    process.lets_in(&session)
}

pub(crate) fn an_answer_ahead_of_its_commit(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process(), stage.session());
    assert!(process.lets_in(&session));
    let mut other = stage.database.connect();
    let mut transaction = other.transaction().unwrap();
    transaction
        .batch_execute(&format!("SELECT FROM sessions WHERE id = '{}' FOR UPDATE", session.id))
        .unwrap();
    let tokens = [session.token.clone()];
    let ended = stage.runtime.block_on(process.manager.delete_session(&tokens, Origin::default()));
    process.pass_the_bound_and_hear();
    // Nobody was told that it has ended, or it has.
    ended.is_ok() && process.lets_in(&session)
}

/// A login of a person as the process knew them when it compared the password.
fn request(stage: &Stage, session: &Session) -> SessionRequest {
    let mut conn = identity_db::migration::connect(stage.database.owner_url()).unwrap();
    let user = identity_db::user::find_by_email(&mut conn, &session.email).unwrap().unwrap();
    SessionRequest { user, auth_method: "password", login: Login::default(), rehashed: None }
}

pub(crate) fn a_login_under_a_password_that_was_changed(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process_without_caches(), stage.session());
    let request = request(stage, &session);
    stage.database.execute(&format!(
        "UPDATE users SET hashed_password = 'another', credential_version = credential_version + 1,
         session_epoch = session_epoch + 1 WHERE email = '{}'",
        session.email
    ));
    let opened = stage.runtime.block_on(process.manager.create_session(request)).unwrap();
    opened.is_some_and(|opened| process.lets_in(&Session { token: opened.token, ..session }))
}

pub(crate) fn a_login_beside_the_end_of_all_others(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process_without_caches(), stage.session());
    let (request, manager) = (request(stage, &session), std::sync::Arc::clone(&process.manager));
    let pause = Pause::at("session::open");
    let opening = stage.runtime.spawn(async move { manager.create_session(request).await });
    pause.wait();
    let raise = "UPDATE users SET session_epoch = session_epoch + 1";
    stage.database.execute(&format!("{raise} WHERE email = '{}'", session.email));
    drop(pause);
    let opened = stage.runtime.block_on(opening).unwrap().unwrap().unwrap();
    // It came after the end of all others, and was told that it is logged in.
    !process.lets_in(&Session { token: opened.token, ..session })
}

pub(crate) fn a_use_of_a_session_that_has_ended(stage: &Stage, _: bool) -> bool {
    let (process, session) = (stage.process_without_caches(), stage.session_for("web", "10 milliseconds"));
    stage.wait_for_the_end_of(&session);
    assert!(!process.lets_in(&session));
    stage.runtime.block_on(process.manager.extend_session(&session.token)).unwrap();
    process.lets_in(&session)
}
