//! Guesses at passwords and codes, amid whatever fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use test_support::at_once;

use crate::act::note;
use crate::operation::Operation;
use crate::people::Person;
use crate::stage::{GUESSES, Stage};

/// How often a code may be compared.
const COMPARISONS: i64 = 5;

/// Somebody at whom others guess.
pub(crate) struct Guessed {
    pub(crate) operation: Operation,
    pub(crate) person: Person,
    pub(crate) code: String,
    pub(crate) compared: AtomicUsize,
}

/// Wrong passwords or codes, many at once; counts those that were compared.
pub(crate) fn guess(stage: &Stage, guessed: &Guessed) {
    let Guessed { operation, person, code, compared } = guessed;
    if !matches!(operation, Operation::Login | Operation::SmsVerify) {
        return;
    }
    at_once(GUESSES + 4, |number| {
        let app = &stage.web[number % 2];
        let client = app.anon().with_header("X-Forwarded-For", &person.address);
        let answer = if *operation == Operation::Login {
            client.log_in(&person.email, "a wrong password")
        } else {
            let wrong = (code.parse::<u32>().expect("a code") + 1) % 1_000_000;
            let body = json!({"phone": person.phone, "code": format!("{wrong:06}")});
            client.post("/api/login/sms/verify", &body)
        };
        note(stage, *operation, Some(&answer));
        match answer.status {
            401 => drop(compared.fetch_add(1, Ordering::Relaxed)),
            429 | 503 => {}
            other => stage.book.broken(format!("I5: a guess got {other}")),
        }
    });
}

/// I5: no more guesses were compared than the limit allows, and the right one is none the wiser.
pub(crate) fn judge_guesses(stage: &Stage, guessed: &Guessed) {
    let Guessed { operation, person, code, compared } = guessed;
    let client = stage.web[0].anon().with_header("X-Forwarded-For", &person.address);
    if *operation == Operation::Login {
        let next = client.log_in(&person.email, "a wrong password");
        stage.book.note_hashed(Some(&next));
        let compared = compared.load(Ordering::Relaxed);
        if compared > GUESSES || next.status != 429 {
            let status = next.status;
            stage.book.broken(format!("I5: {compared} wrong passwords were compared, the next got {status}"));
        }
    } else if *operation == Operation::SmsVerify {
        let sql = format!("SELECT attempts FROM one_time_codes WHERE phone = '{}'", person.phone);
        let attempts = stage.database.number(&sql);
        let right = client.post("/api/login/sms/verify", &json!({"phone": person.phone, "code": code}));
        stage.book.note(Some(&right));
        if attempts != COMPARISONS || right.status != 401 {
            let status = right.status;
            stage.book.broken(format!("I5: after {attempts} comparisons the right code got {status}"));
        }
    }
}
