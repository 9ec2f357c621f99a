//! Ends beside each other, beside uses, and beside what fills caches.

use std::time::{Duration, Instant};

use test_support::at_once;

use super::{CLIENTS, acknowledged, exactly_one, given, send, settled, web};
use crate::stage::{Said, Stage};
use crate::verdict::{refused_elsewhere, refused_within_the_bound};

pub(super) fn logouts(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    at_once(CLIENTS, |client| {
        let answer = send(stage, web(stage, client), ("POST", "/api/logout"), &person.own, None);
        acknowledged(stage, "logout", &answer, 200);
    });
    let lines = format!(
        "SELECT count(*) FROM audit_log WHERE action = 'session_logout' AND subject_id = '{}'",
        person.id
    );
    let written = stage.database.number(&lines);
    if written != 1 {
        stage.book.broken(format!("one end is written down {written} times"));
    }
    stage.web.iter().for_each(|app| refused_within_the_bound(stage, app, &person.own));
    1
}

pub(super) fn deletes(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    let path = format!("/api/sessions/{}", stage.id_of(&person.others[0]));
    let statuses = at_once(CLIENTS, |client| {
        send(stage, web(stage, client), ("DELETE", &path), &person.own, None).status
    });
    exactly_one(stage, "DELETE", &statuses, 204, &[404]);
    stage.web.iter().for_each(|app| refused_within_the_bound(stage, app, &person.others[0]));
    1
}

pub(super) fn delete_beside_the_end_of_others(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    let path = format!("/api/sessions/{}", stage.id_of(&person.others[0]));
    let answers = at_once(CLIENTS, |client| match client {
        0 => send(stage, web(stage, 0), ("POST", "/api/sessions/revoke-others"), &person.own, None),
        _ => send(stage, web(stage, client), ("DELETE", &path), &person.others[1], None),
    });
    let deleted = answers[1..].iter().filter(|answer| answer.status == 204).count();
    let odd = answers[1..].iter().find(|answer| !matches!(answer.status, 204 | 401 | 404 | 503));
    if deleted > 1 || odd.is_some() {
        stage.book.broken(format!("{deleted} ended it; {odd:?}"));
    }
    if acknowledged(stage, "revoke-others", &answers[0], 200) {
        let own: Vec<String> = given(web(stage, 0), &answers[0]).into_iter().collect();
        if settled(stage, &person, &own) != 1 {
            stage.book.broken("I2: the caller is lost".to_owned());
        }
        stage.web.iter().for_each(|app| refused_within_the_bound(stage, app, &person.others[1]));
    }
    stage.web.iter().for_each(|app| refused_within_the_bound(stage, app, &person.others[0]));
    deleted
}

/// Each ends all others: whose act was the last goes on alone.
pub(super) fn of_each_other(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    let devices = stage.further_devices(&person, CLIENTS);
    let answers = at_once(CLIENTS, |client| {
        let app = web(stage, client);
        let answer = send(stage, app, ("POST", "/api/sessions/revoke-others"), &devices[client], None);
        if !matches!(answer.status, 200 | 401 | 503) {
            stage.book.broken(format!("revoke-others got {}", answer.status));
        }
        given(app, &answer)
    });
    let tokens: Vec<String> = answers.into_iter().flatten().collect();
    for token in devices.iter().chain(&tokens) {
        let sql = format!("SELECT count(*) FROM user_sessions WHERE id = session_digest('{token}')");
        if stage.database.number(&sql) == 0 {
            stage.web.iter().for_each(|app| refused_within_the_bound(stage, app, token));
        }
    }
    let live =
        stage.database.number(&format!("SELECT count(*) FROM user_sessions WHERE user_id = '{}'", person.id));
    if live != 1 {
        stage.book.broken(format!("I1: {live} are left"));
    }
    tokens.len()
}

/// Uses write to Redis and mark that the session was used, maybe after the logout has deleted there.
pub(super) fn beside_uses(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    stage.redis.flush();
    let said = at_once(CLIENTS, |client| match client {
        0 => {
            let answer = send(stage, web(stage, 0), ("POST", "/api/logout"), &person.own, None);
            acknowledged(stage, "logout", &answer, 200);
            let ended = Instant::now();
            stage.must_be_dead("at once where it was ended", &stage.web[0], &person.own, true);
            refused_elsewhere(stage, &stage.web[1], &person.own, ended);
            Said::Refused
        }
        _ => stage.ask(web(stage, client), &person.own),
    });
    for app in &stage.web {
        stage.must_be_dead("later", app, &person.own, true);
    }
    said.iter().filter(|said| matches!(said, Said::LetIn(_))).count()
}

/// A caller who is told that they go on does, and one who was logged out first does not.
pub(super) fn beside_the_callers_logout(stage: &Stage, round: usize) -> usize {
    let person = stage.person();
    let tokens = at_once(CLIENTS, |client| {
        let app = web(stage, client / 2);
        if client % 2 == 0 {
            // A logout is the faster one of the two: it comes a little later, now less, now more.
            std::thread::sleep(Duration::from_millis(u64::try_from(round % 5 * 8).unwrap()));
            let answer = send(stage, app, ("POST", "/api/logout"), &person.own, None);
            acknowledged(stage, "logout", &answer, 200);
            return None;
        }
        let answer = send(stage, app, ("POST", "/api/sessions/revoke-others"), &person.own, None);
        if !matches!(answer.status, 200 | 401 | 503) {
            stage.book.broken(format!("revoke-others got {}", answer.status));
        }
        given(app, &answer)
    });
    stage.web.iter().for_each(|app| refused_within_the_bound(stage, app, &person.own));
    let tokens: Vec<String> = tokens.into_iter().flatten().collect();
    if tokens.len() > 1 || settled(stage, &person, &tokens) != tokens.len() {
        stage.book.broken(format!("I2: {} were told that they go on", tokens.len()));
    }
    tokens.len()
}

pub(super) fn by_sql_beside_fills(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    stage.redis.flush();
    let said = at_once(CLIENTS, |client| {
        if client == 0 {
            let mut psql = stage.database.connect();
            let id = stage.id_of(&person.own);
            psql.batch_execute(&format!("UPDATE sessions SET revoked = true WHERE id = '{id}'")).unwrap();
            let ended = Instant::now();
            refused_elsewhere(stage, &stage.web[1], &person.own, ended);
            return Said::Refused;
        }
        stage.ask(web(stage, client), &person.own)
    });
    stage.web.iter().for_each(|app| refused_within_the_bound(stage, app, &person.own));
    said.iter().filter(|said| matches!(said, Said::LetIn(_))).count()
}

/// People whose sessions end in both applications go on asking in both, each with either token.
pub(super) fn by_staff_in_both(stage: &Stage, _: usize) -> usize {
    let (person, staff) = (stage.person(), stage.administrator());
    let path = format!("/api/users/{}/sessions", person.id);
    let said = at_once(CLIENTS, |client| match client {
        0 => {
            let answer = send(stage, &stage.admin, ("DELETE", &path), &staff.admin, None);
            acknowledged(stage, "the end of all", &answer, 200);
            stage.must_be_dead("at once in admin-panel", &stage.admin, &person.admin, true);
            Said::Refused
        }
        _ if client % 4 == 1 => {
            stage.must_not_cross(&person, false);
            Said::Refused
        }
        _ if client % 4 == 3 => stage.ask(&stage.admin, &person.admin),
        _ => stage.ask(web(stage, client / 2), &person.own),
    });
    stage.must_be_dead("later in admin-panel", &stage.admin, &person.admin, true);
    for token in [&person.own, &person.others[0], &person.others[1]] {
        stage.web.iter().for_each(|app| refused_within_the_bound(stage, app, token));
    }
    stage.must_not_cross(&person, true);
    said.iter().filter(|said| matches!(said, Said::LetIn(_))).count()
}
