//! What staff do to each other and to people.

use std::sync::atomic::Ordering;

use serde_json::json;
use test_support::at_once;

use super::{CLIENTS, acknowledged, log_in, send, wait_until_quiet, web};
use crate::stage::{Said, Stage};

/// Who is staff no more is refused by every request that begins after that was acknowledged.
pub(super) fn role_beside_look_ups(stage: &Stage, _: usize) -> usize {
    let (person, staff) = (stage.person(), stage.administrator());
    let path = format!("/api/users/{}", person.id);
    let said = at_once(CLIENTS, |client| {
        if client > 0 {
            return stage.ask(&stage.admin, &person.admin);
        }
        let body = json!({"role": "user"});
        let answer = send(stage, &stage.admin, ("PATCH", &path), &staff.admin, Some(&body));
        acknowledged(stage, "the change", &answer, 200);
        if let Said::LetIn(_) = stage.ask(&stage.admin, &person.admin) {
            stage.book.broken("I1: let in after the change".to_owned());
        }
        Said::Refused
    });
    let odd = said.iter().find(|said| !matches!(said, Said::LetIn(_) | Said::Refused | Said::Other(403)));
    if let Some(odd) = odd.filter(|odd| **odd != Said::Unavailable) {
        stage.book.broken(format!("{odd:?}"));
    }
    said.iter().filter(|said| matches!(said, Said::LetIn(_))).count()
}

/// Each wants to be the only one.
pub(super) fn last_two(stage: &Stage, _: usize) -> usize {
    let pair = [stage.administrator(), stage.administrator()];
    let only = format!("role = 'admin' AND id NOT IN ('{}', '{}')", pair[0].id, pair[1].id);
    stage.database.execute(&format!("UPDATE users SET role = 'user' WHERE {only}"));
    let statuses = at_once(CLIENTS, |client| {
        let (actor, other) = (&pair[client % 2], &pair[(client + 1) % 2]);
        let body = if client % 4 < 2 { json!({"role": "user"}) } else { json!({"blocked": true}) };
        let path = format!("/api/users/{}", other.id);
        send(stage, &stage.admin, ("PATCH", &path), &actor.admin, Some(&body)).status
    });
    let left =
        stage.database.number("SELECT count(*) FROM users WHERE role = 'admin' AND blocked_at IS NULL");
    let odd = statuses.iter().any(|status| !matches!(status, 200 | 401 | 403 | 409 | 503));
    if left != 1 || odd {
        stage.book.broken(format!("{left} administrators are left: {statuses:?}"));
    }
    statuses.iter().filter(|status| **status == 200).count()
}

/// Whoever was last, everybody agrees, and a login says the same.
pub(super) fn block_beside_unblock(stage: &Stage, round: usize) -> usize {
    let (person, staff) = (stage.person(), stage.administrator());
    let path = format!("/api/users/{}", person.id);
    let statuses = at_once(CLIENTS, |client| {
        let body = json!({"blocked": client % 2 == 0});
        send(stage, &stage.admin, ("PATCH", &path), &staff.admin, Some(&body)).status
    });
    if statuses.iter().any(|status| !matches!(status, 200 | 503)) {
        stage.book.broken(format!("{statuses:?}"));
    }
    if statuses.contains(&503) {
        wait_until_quiet(stage);
    }
    let blocked = format!("SELECT blocked_at IS NOT NULL FROM users WHERE id = '{}'", person.id);
    let blocked = stage.database.value(&blocked) == "t";
    for client in 0..2 {
        let before = stage.book.unavailable.load(Ordering::Relaxed);
        let opened = log_in(stage, web(stage, client), &person, &format!("{round} {client}"), "");
        // A refusal may be an outage of a machine that is too busy; to be let in is none.
        if opened.is_some() && blocked || opened.is_none() && !blocked && !was_unavailable(stage, before) {
            stage.book.broken(format!("blocked: {blocked}, and a login was let in: {}", opened.is_some()));
        }
    }
    // Somebody blocked them, which ended what they had.
    stage.must_be_dead("what was there before", &stage.admin, &person.admin, false);
    usize::from(blocked)
}

/// Whether somebody was told meanwhile that nobody knows.
fn was_unavailable(stage: &Stage, before: usize) -> bool {
    stage.book.unavailable.load(Ordering::Relaxed) > before
}

/// What is felt is what stands there in the end.
pub(super) fn grant_beside_taking(stage: &Stage, _: usize) -> usize {
    let (person, staff) = (stage.person(), stage.administrator());
    let path = format!("/api/users/{}/permissions", person.id);
    let take = format!("{path}/sessions.end?application_context=admin");
    let statuses = at_once(CLIENTS, |client| match client % 2 {
        0 => {
            let body = json!({"permission": "sessions.end", "application_context": "admin"});
            send(stage, &stage.admin, ("POST", &path), &staff.admin, Some(&body)).status
        }
        _ => send(stage, &stage.admin, ("DELETE", &take), &staff.admin, None).status,
    });
    if statuses.iter().any(|status| !matches!(status, 200 | 201 | 204 | 404 | 409 | 503)) {
        stage.book.broken(format!("{statuses:?}"));
    }
    if statuses.contains(&503) {
        wait_until_quiet(stage);
    }
    let granted = format!("SELECT count(*) FROM user_permissions WHERE user_id = '{}'", person.id);
    let granted = stage.database.number(&granted);
    let victim = stage.person();
    let sessions = format!("/api/users/{}/sessions", victim.id);
    let answer = send(stage, &stage.admin, ("DELETE", &sessions), &person.admin, None);
    // Support may not; with the grant they may, though not of somebody of a higher role.
    let may = answer.status == 200;
    if granted > 1 || (may != (granted == 1) && answer.status != 503) {
        stage.book.broken(format!("{granted} grants, and the act got {}", answer.status));
    }
    usize::from(may)
}
