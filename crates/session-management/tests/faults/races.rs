//! Races: sixteen clients at two processes of web and one of admin-panel act at the same moment, round after round, and
//! none is tried again. What was acknowledged holds whoever came first.

mod ends;
mod logins;
mod older;
mod once;
mod staff;
mod state;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use session_management::{Clock, SystemClock};
use test_support::{App, BOT_TOKEN, Response, eventually, ordinary_or_long, sign, tally};

use crate::people::Person;
use crate::stage::Stage;
use crate::verdict::refused_elsewhere;

/// Who acts at once in a round.
pub(crate) const CLIENTS: usize = 16;

/// One round; the answer is how many came before whatever they raced.
type Play = fn(&Stage, usize) -> usize;

macro_rules! races {
    ($($group:ident, $rounds:literal { $($name:literal: $play:path;)+ })+) => {
        $(#[test] fn $group() {
            run(stringify!($group), $rounds, &[$(($name, $play as Play)),+]);
        })+

        const TABLE: &[(&str, &[&str])] = &[$((stringify!($group), &[$($name),+])),+];
    };
}

races! {
    logins_b1_c1, 6 {
        "login ∥ revoke-others": logins::beside_the_end_of_others;
        "login with the old password ∥ password change": logins::beside_a_new_password;
        "login ∥ epoch raised by SQL": logins::beside_a_raised_epoch;
        "login ∥ block": logins::beside_a_block;
        "logins that carry one session": logins::that_carry_one_session;
        "login that carries a session ∥ its logout": logins::that_carries_what_is_logged_out;
        "register ∥ register, one address in many spellings": logins::of_one_address;
        "wrong passwords ∥ wrong passwords beyond the limit": logins::guesses;
    }
    ends_c4, 6 {
        "logout ∥ logout": ends::logouts;
        "DELETE ∥ DELETE of one device": ends::deletes;
        "DELETE of a device ∥ revoke-others": ends::delete_beside_the_end_of_others;
        "revoke-others ∥ revoke-others by every device": ends::of_each_other;
        "use ∥ logout": ends::beside_uses;
        "revoke-others ∥ logout of the caller": ends::beside_the_callers_logout;
        "look-up through emptied caches ∥ revocation by SQL": ends::by_sql_beside_fills;
        "sessions of both applications ∥ end of all by staff": ends::by_staff_in_both;
    }
    what_counts_once_b4, 6 {
        "SMS verify ∥ SMS verify": once::codes;
        "SMS login ∥ SMS proof by one code": once::login_beside_a_proof;
        "right code ∥ wrong codes": once::right_amid_wrong;
        "SMS send ∥ SMS send": once::sends;
        "Telegram payload ∥ its replays": once::payloads;
    }
    staff_c2, 6 {
        "change of role ∥ look-up in admin-panel": staff::role_beside_look_ups;
        "demotion of the last two administrators": staff::last_two;
        "block ∥ unblock": staff::block_beside_unblock;
        "grant ∥ taking of one permission": staff::grant_beside_taking;
    }
    older_b5_f1, 6 {
        "adoption ∥ adoption": older::adoptions;
        "adoption ∥ logout": older::beside_its_logout;
        "adoption ∥ revoke-others": older::beside_the_end_of_others;
    }
    clean_up_a13, 2 {
        "clean-up ∥ logins and adoptions": older::beside_the_clean_up;
    }
    keys_and_state, 6 {
        "rotation of the root key ∥ look-up": state::key_beside_look_ups;
        "preferences ∥ change of the person": state::preferences_beside_a_change;
    }
}

#[track_caller]
fn run(group: &str, rounds: usize, races: &[(&str, Play)]) {
    let stage = Stage::start(false);
    let rounds = ordinary_or_long(rounds, 200);
    let mut broken = Vec::new();
    for (name, play) in races {
        let (began, before) = (Instant::now(), stage.book.requests.load(Ordering::Relaxed));
        let won: usize = (0..rounds).map(|round| play(&stage, round)).sum();
        let wrong = stage.book.take_broken();
        let requests = stage.book.requests.load(Ordering::Relaxed) - before;
        tally(
            "races",
            format!(
                "{group}: {name}: {rounds} rounds × {CLIENTS} clients, {requests} requests, {won} came first, \
                 {} violations, {:?}",
                wrong.len(),
                began.elapsed()
            ),
        );
        broken.extend(wrong.into_iter().map(|wrong| format!("{name}: {wrong}")));
    }
    assert_eq!(broken, [""; 0]);
}

#[test]
fn there_are_races_enough_and_each_has_a_name_of_its_own() {
    let mut names: Vec<&str> = TABLE.iter().flat_map(|(_, names)| *names).copied().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 22, "{count}");
}

/// Web, now one process and now the other.
fn web(stage: &Stage, number: usize) -> &App {
    &stage.web[number % 2]
}

/// A request with a token in the application's cookie, from the person's own address.
fn send(stage: &Stage, app: &App, call: (&str, &str), token: &str, body: Option<&Value>) -> Response {
    let client = app.anon();
    let cookie = format!("{}={token}", app.cookie());
    let request = client.request(call.0, call.1).header("Cookie", &cookie);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let answer = request.send();
    stage.book.note(Some(&answer));
    answer
}

/// The token that an answer gives out.
fn given(app: &App, answer: &Response) -> Option<String> {
    answer.set_cookie(app.cookie()).filter(|cookie| !cookie.clears()).map(|cookie| cookie.value)
}

/// A login that hashes nothing; `carried` is a token that the request carries.
fn log_in(stage: &Stage, app: &App, person: &Person, mark: &str, carried: &str) -> Option<String> {
    let fields =
        json!({"id": person.telegram, "first_name": mark, "auth_date": SystemClock.now().timestamp()});
    let body = sign(BOT_TOKEN, &fields);
    let answer = send(stage, app, ("POST", "/api/login/telegram"), carried, Some(&body));
    match answer.status {
        200 => given(app, &answer),
        401 | 503 => None,
        other => {
            stage.book.broken(format!("a login got {other}: {}", answer.text()));
            None
        }
    }
}

/// Waits for what is still under way after its caller was told that nobody knows: it may yet be committed.
fn wait_until_quiet(stage: &Stage) {
    let busy =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'test_app'
                AND xact_start < clock_timestamp() - interval '20 milliseconds'";
    let mut in_a_row = 0;
    eventually("nothing is under way", Duration::from_secs(10), || {
        in_a_row = if stage.database.number(busy) == 0 { in_a_row + 1 } else { 0 };
        (in_a_row == 5).then_some(())
    });
}

/// Fails unless every process and Postgres say the same of these sessions; how many are live.
fn settled(stage: &Stage, person: &Person, tokens: &[String]) -> usize {
    let ended = Instant::now();
    let is_live = |token: &&String| {
        let sql = format!("SELECT count(*) FROM user_sessions WHERE id = session_digest('{token}')");
        stage.database.number(&sql) == 1
    };
    let (live, dead): (Vec<&String>, Vec<&String>) = tokens.iter().partition(is_live);
    for token in dead {
        stage.must_be_dead("where it was ended", &stage.web[0], token, true);
        refused_elsewhere(stage, &stage.web[1], token, ended);
    }
    for token in &live {
        for app in &stage.web {
            stage.must_live("a token given out", app, token, person, true);
        }
    }
    live.len()
}

/// Fails unless one of them succeeded; where an answer was 503, nobody knows which.
fn exactly_one(stage: &Stage, what: &str, statuses: &[u16], success: u16, refusals: &[u16]) {
    let successes = statuses.iter().filter(|status| **status == success).count();
    let unknown = statuses.contains(&503);
    let foreign =
        statuses.iter().find(|status| **status != success && **status != 503 && !refusals.contains(status));
    if foreign.is_some() || successes > 1 || (successes == 0 && !unknown) {
        stage.book.broken(format!("{what}: {statuses:?}"));
    }
}

/// Fails unless this was acknowledged.
fn acknowledged(stage: &Stage, what: &str, answer: &Response, status: u16) -> bool {
    if answer.status != status && answer.status != 503 {
        stage.book.broken(format!("{what} got {}: {}", answer.status, answer.text()));
    }
    answer.status == status
}
