//! Logins beside what ends sessions, and beside each other.

use serde_json::json;
use test_support::at_once;

use super::{CLIENTS, acknowledged, exactly_one, given, log_in, send, settled, web};
use crate::people::{NEW_PASSWORD, PASSWORD};
use crate::stage::{GUESSES, Stage};

/// A login that came before is over, one that came after goes on, and nobody is in between.
pub(super) fn beside_the_end_of_others(stage: &Stage, round: usize) -> usize {
    let person = stage.person();
    let tokens = at_once(CLIENTS, |client| match client {
        0 => {
            let answer =
                send(stage, web(stage, 0), ("POST", "/api/sessions/revoke-others"), &person.own, None);
            acknowledged(stage, "revoke-others", &answer, 200).then(|| given(web(stage, 0), &answer))?
        }
        _ => log_in(stage, web(stage, client), &person, &format!("{round} {client}"), ""),
    });
    let [own, opened @ ..] = &tokens[..] else { return 0 };
    if let Some(own) = own {
        settled(stage, &person, std::slice::from_ref(own));
        for old in [&person.own, &person.others[0], &person.others[1]] {
            stage.must_be_dead("what was there before", &stage.web[0], old, true);
        }
        stage.must_be_dead("what was there in admin-panel", &stage.admin, &person.admin, true);
    }
    let opened: Vec<String> = opened.iter().flatten().cloned().collect();
    // The epoch tells them apart: one from before it is never live.
    opened.len() - settled(stage, &person, &opened)
}

/// Whoever got in with the old password did so before it was changed, and is out.
pub(super) fn beside_a_new_password(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    let tokens = at_once(CLIENTS, |client| {
        if client == 0 {
            let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
            let answer = send(stage, web(stage, 0), ("POST", "/api/password"), &person.own, Some(&body));
            return acknowledged(stage, "the change", &answer, 204).then(|| given(web(stage, 0), &answer))?;
        }
        let app = web(stage, client);
        let from = app.anon().with_header("X-Forwarded-For", &format!("10.200.{client}.1"));
        let answer = from.log_in(&person.email, PASSWORD);
        stage.book.note(Some(&answer));
        if !matches!(answer.status, 200 | 401 | 503) {
            stage.book.broken(format!("a login got {}", answer.status));
        }
        given(app, &answer)
    });
    let [own, opened @ ..] = &tokens[..] else { return 0 };
    let opened: Vec<String> = opened.iter().flatten().cloned().collect();
    if let Some(own) = own {
        settled(stage, &person, std::slice::from_ref(own));
        if settled(stage, &person, &opened) > 0 {
            stage.book.broken("I1: a session of the old password is live".to_owned());
        }
    }
    opened.len()
}

/// Somebody at a psql prompt.
pub(super) fn beside_a_raised_epoch(stage: &Stage, round: usize) -> usize {
    let person = stage.person();
    let tokens = at_once(CLIENTS, |client| {
        if client == 0 {
            let mut psql = stage.database.connect();
            let raise = "UPDATE users SET session_epoch = session_epoch + 1 WHERE id =";
            psql.batch_execute(&format!("{raise} '{}'", person.id)).unwrap();
            return None;
        }
        log_in(stage, web(stage, client), &person, &format!("{round} {client}"), "")
    });
    let opened: Vec<String> = tokens.into_iter().flatten().collect();
    for app in &stage.web {
        crate::verdict::refused_within_the_bound(stage, app, &person.own);
    }
    opened.len() - settled_by_epoch(stage, &opened, &person)
}

/// Like [`settled`], but the end was not of a process' doing, so that each hears of it.
fn settled_by_epoch(stage: &Stage, tokens: &[String], person: &crate::people::Person) -> usize {
    let live = |token: &&String| {
        let sql = format!("SELECT count(*) FROM user_sessions WHERE id = session_digest('{token}')");
        stage.database.number(&sql) == 1
    };
    for token in tokens.iter().filter(|token| !live(token)) {
        stage.web.iter().for_each(|app| crate::verdict::refused_within_the_bound(stage, app, token));
    }
    let live: Vec<&String> = tokens.iter().filter(live).collect();
    for token in &live {
        stage.web.iter().for_each(|app| stage.must_live("a later login", app, token, person, true));
    }
    live.len()
}

/// Staff block somebody who is logging in.
pub(super) fn beside_a_block(stage: &Stage, round: usize) -> usize {
    let (person, staff) = (stage.person(), stage.administrator());
    let path = format!("/api/users/{}", person.id);
    let tokens = at_once(CLIENTS, |client| {
        if client == 0 {
            let body = json!({"blocked": true});
            let answer = send(stage, &stage.admin, ("PATCH", &path), &staff.admin, Some(&body));
            acknowledged(stage, "the block", &answer, 200);
            return None;
        }
        log_in(stage, web(stage, client), &person, &format!("{round} {client}"), "")
    });
    stage.must_be_dead("a blocked person in admin-panel", &stage.admin, &person.admin, true);
    let opened: Vec<String> = tokens.into_iter().flatten().collect();
    for token in opened.iter().chain([&person.own]) {
        stage.web.iter().for_each(|app| crate::verdict::refused_within_the_bound(stage, app, token));
    }
    if log_in(stage, web(stage, 0), &person, &format!("{round} late"), "").is_some() {
        stage.book.broken("I1: a blocked person logs in".to_owned());
    }
    opened.len()
}

/// Each ends what it carries, and each is a login.
pub(super) fn that_carry_one_session(stage: &Stage, round: usize) -> usize {
    let person = stage.person();
    let tokens = at_once(CLIENTS, |client| {
        log_in(stage, web(stage, client), &person, &format!("{round} {client}"), &person.own)
    });
    let opened: Vec<String> = tokens.into_iter().flatten().collect();
    if settled(stage, &person, &opened) != opened.len() {
        stage.book.broken("I2: a login is lost".to_owned());
    }
    stage.web.iter().for_each(|app| crate::verdict::refused_within_the_bound(stage, app, &person.own));
    opened.len()
}

pub(super) fn that_carries_what_is_logged_out(stage: &Stage, round: usize) -> usize {
    let person = stage.person();
    let tokens = at_once(CLIENTS, |client| {
        if client % 2 == 0 {
            let answer = send(stage, web(stage, client / 2), ("POST", "/api/logout"), &person.own, None);
            acknowledged(stage, "logout", &answer, 200);
            return None;
        }
        log_in(stage, web(stage, client / 2), &person, &format!("{round} {client}"), &person.own)
    });
    let opened: Vec<String> = tokens.into_iter().flatten().collect();
    if settled(stage, &person, &opened) != opened.len() {
        stage.book.broken("I2: a login is lost".to_owned());
    }
    stage.web.iter().for_each(|app| crate::verdict::refused_within_the_bound(stage, app, &person.own));
    opened.len()
}

pub(super) fn of_one_address(stage: &Stage, round: usize) -> usize {
    let spelled = |client: usize| match client % 4 {
        0 => format!("race{round}@example.com"),
        1 => format!("RACE{round}@Example.com"),
        2 => format!(" Race{round}@example.com"),
        _ => format!("raCe{round}@EXAMPLE.COM "),
    };
    let statuses = at_once(CLIENTS, |client| {
        let body = json!({"email": spelled(client), "password": PASSWORD});
        let from = web(stage, client).anon().with_header("X-Forwarded-For", &format!("10.201.{client}.1"));
        let answer = from.post("/api/register", &body);
        stage.book.note(Some(&answer));
        answer.status
    });
    exactly_one(stage, "register", &statuses, 201, &[409]);
    let people = format!("SELECT count(*) FROM users WHERE lower(trim(email)) = 'race{round}@example.com'");
    if stage.database.number(&people) > 1 {
        stage.book.broken("one address is two people's".to_owned());
    }
    1
}

/// Twice as many as in other races; no more than the limit are compared by both processes together.
pub(super) fn guesses(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    let statuses = at_once(2 * CLIENTS, |client| {
        let from = web(stage, client).anon().with_header("X-Forwarded-For", &person.address);
        let answer = from.log_in(&person.email, "a wrong password");
        stage.book.note(Some(&answer));
        answer.status
    });
    let count = |status: u16| statuses.iter().filter(|known| **known == status).count();
    let (compared, unknown) = (count(401), count(503));
    if compared > GUESSES || compared + unknown < GUESSES || compared + unknown + count(429) != statuses.len()
    {
        stage.book.broken(format!("I5: {statuses:?}"));
    }
    compared
}
