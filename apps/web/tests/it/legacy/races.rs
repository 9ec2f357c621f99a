//! First uses that come at once, and beside an end.

use serde_json::json;
use test_support::{App, at_once, stack};

use super::{OLD, id_of, older_key, older_person};
use crate::PASSWORD;

#[test]
fn many_first_uses_at_once_make_one_row_b5() {
    let (database, redis, app) = stack("web");
    let other = App::builder("web").database(&database).redis(&redis).start();
    older_person(&database, &app, "alice@example.com", "auth_token", OLD);
    let user_id = id_of(&database, "alice@example.com");
    for round in 0..200 {
        let token = format!("old-token-{round}");
        let column = round % 2 == 0;
        if column {
            database.execute(&format!("UPDATE users SET auth_token = '{token}'"));
        } else {
            older_key(&redis, &token, &user_id, 60, 600);
        }
        let statuses = at_once(16, |index| {
            let app = if index % 2 == 0 { &app } else { &other };
            app.with_bearer(&token).get("/api/me").status
        });
        // What a column names needs no Redis. A key does, and 503 says that Redis was slower than a request waits.
        let allowed = |status: &u16| *status == 200 || (!column && *status == 503);
        assert!(statuses.iter().all(allowed) && statuses.contains(&200), "round {round}: {statuses:?}");
        let rows = format!("SELECT count(*) FROM sessions WHERE id = session_digest('{token}')");
        assert_eq!(database.number(&rows), 1, "round {round}");
    }
    assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'session_adopted'"), 200);
}

#[test]
fn an_adoption_does_not_survive_an_end_of_everything_f1() {
    race_adoption_with_an_end(true);
}

#[test]
fn an_adoption_does_not_survive_its_own_logout_f1_f2() {
    race_adoption_with_an_end(false);
}

fn race_adoption_with_an_end(end_all: bool) {
    let (database, redis, app) = stack("web");
    older_person(&database, &app, "alice@example.com", "auth_token", OLD);
    let user_id = id_of(&database, "alice@example.com");
    let body = json!({"email": "alice@example.com", "password": PASSWORD, "transport": "bearer"});
    let mut own = app.anon().post("/api/login", &body).member("/token");
    for round in 0..200 {
        let token = format!("old-token-{round}");
        match round % 2 {
            0 => drop(database.execute(&format!("UPDATE users SET auth_token = '{token}'"))),
            _ => older_key(&redis, &token, &user_id, 60, 600),
        }
        let answers = at_once(16, |index| {
            if index > 0 {
                let status = app.with_bearer(&token).get("/api/me").status;
                // 503: a token that no column names, and Redis was slower than a request waits for it.
                assert!(matches!(status, 200 | 401 | 503), "round {round}: {status}");
                return None;
            }
            if end_all {
                let answer = app.with_bearer(&own).post_empty("/api/sessions/revoke-others");
                assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
                return Some(answer.member("/token"));
            }
            let answer = app.with_bearer(&token).post_empty("/api/logout");
            assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
            None
        });
        if let Some(token) = answers.into_iter().flatten().next() {
            own = token;
        }
        let me = app.with_bearer(&token).get("/api/me");
        assert_eq!(me.status, 401, "round {round}, end all {end_all}: {}", me.text());
        redis.flush();
        let me = app.with_bearer(&token).get("/api/me");
        assert_eq!(me.status, 401, "round {round}, end all {end_all}, flushed: {}", me.text());
    }
}
