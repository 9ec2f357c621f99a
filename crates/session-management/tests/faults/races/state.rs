//! Keys that change, and what is kept of people beside their sessions.

use serde_json::{Value, json};
use test_support::{at_once, sessionctl};

use super::{CLIENTS, acknowledged, send, web};
use crate::stage::Stage;

/// What was signed with the older key counts, and nobody is told that they are logged out.
pub(super) fn key_beside_look_ups(stage: &Stage, _: usize) -> usize {
    let people: Vec<_> = (0..4).map(|_| stage.person()).collect();
    for person in &people {
        stage.must_live("before", &stage.web[1], &person.own, person, true);
    }
    at_once(CLIENTS, |client| {
        if client == 0 {
            sessionctl(&stage.database, &["key", "rotate"]);
            return;
        }
        for person in &people {
            stage.must_live("beside a rotation", web(stage, client), &person.own, person, true);
        }
    });
    for person in &people {
        stage.web.iter().for_each(|app| stage.must_live("after it", app, &person.own, person, true));
    }
    1
}

/// What was chosen last is what everybody reads, whole; and what staff change meanwhile takes nothing of it away.
pub(super) fn preferences_beside_a_change(stage: &Stage, round: usize) -> usize {
    let (person, staff) = (stage.person(), stage.administrator());
    let choices = [
        json!({"theme": "dark", "language": "ru"}),
        json!({"theme": "light", "language": "en"}),
        json!({"theme": "system", "language": "ru"}),
    ];
    let path = format!("/api/users/{}", person.id);
    let read = |client: usize| -> Value {
        let answer = send(stage, web(stage, client), ("GET", "/api/preferences"), &person.own, None);
        acknowledged(stage, "reading", &answer, 200);
        answer.json()
    };
    let first = &choices[round % 3];
    let put = |client: usize, choice: &Value| {
        let answer = send(stage, web(stage, client), ("PUT", "/api/preferences"), &person.own, Some(choice));
        acknowledged(stage, "a choice", &answer, 200);
    };
    put(0, first);
    at_once(CLIENTS, |client| match client % 4 {
        0 => {
            let body = json!({"is_verified": client % 8 == 0});
            let answer = send(stage, &stage.admin, ("PATCH", &path), &staff.admin, Some(&body));
            acknowledged(stage, "a change", &answer, 200);
        }
        1 | 2 => put(client / 4, &choices[client % 3]),
        _ => {
            let read = read(client / 4);
            if !choices.contains(&read) {
                stage.book.broken(format!("nobody chose {read}"));
            }
        }
    });
    let (here, there) = (read(0), read(1));
    if here != there || !choices.contains(&here) {
        stage.book.broken(format!("{here} here and {there} there"));
    }
    usize::from(&here == first)
}
