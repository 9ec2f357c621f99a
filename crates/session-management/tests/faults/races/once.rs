//! What counts once.

use serde_json::json;
use session_management::{Clock, SystemClock};
use test_support::{BOT_TOKEN, at_once, sign};

use super::{CLIENTS, exactly_one, given, send, settled, web};
use crate::act::code;
use crate::operation::Operation;
use crate::people::Person;
use crate::stage::Stage;

const VERIFY: (&str, &str) = ("POST", "/api/login/sms/verify");

/// How often a code may be compared, and how many are sent to one phone in an hour.
const FIVE: usize = 5;

fn another(code: &str, by: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + by) % 1_000_000)
}

fn code_of(stage: &Stage, person: &Person) -> String {
    code(stage, Operation::SmsVerify, person)
}

pub(super) fn codes(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    let body = json!({"phone": person.phone, "code": code_of(stage, &person)});
    let answers = at_once(CLIENTS, |client| send(stage, web(stage, client), VERIFY, "", Some(&body)));
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    exactly_one(stage, "I4: verify", &statuses, 200, &[401]);
    let tokens: Vec<String> = answers.iter().filter_map(|answer| given(web(stage, 0), answer)).collect();
    settled(stage, &person, &tokens)
}

pub(super) fn login_beside_a_proof(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    let body = json!({"phone": person.phone, "code": code_of(stage, &person)});
    let statuses = at_once(CLIENTS, |client| {
        let app = web(stage, client / 2);
        match client % 2 {
            0 => send(stage, app, VERIFY, "", Some(&body)).status,
            _ => match send(stage, app, ("POST", "/api/reauthenticate"), &person.own, Some(&body)).status {
                204 => 200,
                other => other,
            },
        }
    });
    exactly_one(stage, "I4: one code", &statuses, 200, &[401]);
    statuses.iter().step_by(2).filter(|status| **status == 200).count()
}

/// The right one counts if it is among the first five, and the sixth is none.
pub(super) fn right_amid_wrong(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    let right = code_of(stage, &person);
    let statuses = at_once(CLIENTS, |client| {
        let code = if client == CLIENTS / 2 { right.clone() } else { another(&right, 1) };
        let body = json!({"phone": person.phone, "code": code});
        send(stage, web(stage, client), VERIFY, "", Some(&body)).status
    });
    let wrong = statuses.iter().enumerate().any(|(client, status)| client != CLIENTS / 2 && *status == 200);
    let attempts = format!("SELECT attempts FROM one_time_codes WHERE phone = '{}'", person.phone);
    let attempts = stage.database.number(&attempts);
    if wrong || attempts > FIVE as i64 {
        stage.book.broken(format!("I5: {attempts} comparisons: {statuses:?}"));
    }
    let body = json!({"phone": person.phone, "code": right});
    let late = send(stage, web(stage, 0), VERIFY, "", Some(&body)).status;
    if late != 401 && !statuses.contains(&503) {
        stage.book.broken(format!("I4: used up, and then {late}: {statuses:?}"));
    }
    usize::from(statuses[CLIENTS / 2] == 200)
}

/// Five are sent, and the last one counts.
pub(super) fn sends(stage: &Stage, _: usize) -> usize {
    let person = stage.person();
    let body = json!({"phone": person.phone});
    let statuses = at_once(CLIENTS, |client| {
        let from = web(stage, client).anon();
        let from = from.with_header("X-Forwarded-For", &format!("{}{client}", person.address));
        let answer = from.post("/api/login/sms/request", &body);
        stage.book.note(Some(&answer));
        answer.status
    });
    let count = |status: u16| statuses.iter().filter(|known| **known == status).count();
    if count(202) > FIVE || count(202) + count(503) < FIVE || count(202) + count(503) + count(429) != CLIENTS
    {
        stage.book.broken(format!("I5: {statuses:?}"));
    }
    let messages = stage.outbox.messages();
    let sent = messages.iter().filter(|message| message["to"] == *person.phone);
    let codes: Vec<&str> = sent.filter_map(|message| message["code"].as_str()).collect();
    let accepted = codes.iter().filter(|code| {
        let body = json!({"phone": person.phone, "code": code});
        send(stage, web(stage, 0), VERIFY, "", Some(&body)).status == 200
    });
    let accepted = accepted.count();
    if accepted > 1 || (accepted == 0 && count(503) == 0) {
        stage.book.broken(format!("I4: {accepted} of {} codes were accepted", codes.len()));
    }
    count(202)
}

pub(super) fn payloads(stage: &Stage, round: usize) -> usize {
    let person = stage.person();
    let now = SystemClock.now().timestamp();
    let fields = json!({"id": person.telegram, "first_name": format!("replay {round}"), "auth_date": now});
    let body = sign(BOT_TOKEN, &fields);
    let log_in = |client: usize| {
        send(stage, web(stage, client), ("POST", "/api/login/telegram"), "", Some(&body)).status
    };
    exactly_one(stage, "I4: a payload", &at_once(CLIENTS, log_in), 200, &[401]);
    stage.redis.flush();
    if log_in(1) != 401 {
        stage.book.broken("I4: a payload counts again when Redis is empty".to_owned());
    }
    1
}
