//! Logging in by Telegram's Login Widget.

use serde_json::{Value, json};
use test_support::{App, BOT_TOKEN, Response, TestDatabase, TestRedis, at_once, sign, telegram_payload};

use crate::PASSWORD;

fn stack() -> (TestDatabase, TestRedis, App) {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).start();
    (database, redis, app)
}

/// Postgres' clock, by which payloads are judged.
fn now(database: &TestDatabase) -> i64 {
    database.number("SELECT extract(epoch FROM clock_timestamp())::bigint")
}

fn log_in(app: &App, payload: &Value) -> Response {
    app.anon().post("/api/login/telegram", payload)
}

#[track_caller]
fn assert_refused(answer: &Response, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {}", answer.text());
    answer.assert_problem(401, "invalid_credentials");
    assert!(answer.set_cookies().is_empty(), "{what}");
}

#[test]
fn the_first_login_makes_a_person_and_the_next_finds_them_b1_b4() {
    let (database, _redis, app) = stack();
    let client = app.anon();
    let answer = client.post("/api/login/telegram", &telegram_payload(42, now(&database)));
    let alice = app.actor(client, &answer);
    assert_eq!(answer.json()["user"]["telegram_id"], 42);
    assert_eq!(
        (&answer.json()["user"]["email"], &answer.json()["user"]["phone"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(alice.me().status, 200);
    assert_eq!(alice.client.cookie("auth_token"), Some(alice.token.clone()));
    assert_eq!(database.value("SELECT auth_token FROM users"), alice.token);
    assert_eq!(database.value("SELECT auth_method FROM sessions"), "telegram");

    // A redirect hands everything over as texts, and names and pictures change.
    let fields = json!({"id": "42", "auth_date": now(&database).to_string(), "first_name": "Анна", "photo_url": "https://t.me/x.jpg"});
    let body = sign(BOT_TOKEN, &fields);
    let answer = app.anon().post("/api/login/telegram?transport=bearer", &body);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.member("/user/id"), alice.user_id);
    assert_eq!(app.with_bearer(&answer.member("/token")).get("/api/me").status, 200);
    assert_eq!(alice.me().status, 200, "older sessions stay valid");
    let actions = database.query("SELECT action, detail->>'method' FROM audit_log ORDER BY id");
    let line = |action: &str| vec![Some(action.to_owned()), Some("telegram".to_owned())];
    assert_eq!(actions, [line("user_created"), line("session_created"), line("session_created")]);
}

#[test]
fn every_field_is_signed_known_or_not_b4() {
    let (database, _redis, app) = stack();
    let fields = json!({"id": 42, "auth_date": now(&database), "is_premium": true, "new_in_2027": "x=y&z", "last_name": ""});
    assert_eq!(log_in(&app, &sign(BOT_TOKEN, &fields)).status, 200);
    let payload = telegram_payload(43, now(&database));
    for name in ["id", "first_name", "username", "auth_date", "hash"] {
        let mut changed = payload.clone();
        changed[name] = match &payload[name] {
            Value::Number(number) => json!(number.as_i64().unwrap() + 1),
            other => json!(format!("{}0", other.as_str().unwrap())),
        };
        assert_refused(&log_in(&app, &changed), name);
        changed.as_object_mut().unwrap().remove(name);
        assert_refused(&log_in(&app, &changed), &format!("without {name}"));
    }
    for added in ["last_name", "photo_url", "x"] {
        let mut more = payload.clone();
        more[added] = json!("");
        assert_refused(&log_in(&app, &more), &format!("with {added}"));
    }
    let other_bot = sign(&BOT_TOKEN.replace(":A", ":B"), &payload);
    assert_refused(&log_in(&app, &other_bot), "another bot's");
    for hash in ["", "0", "ж", &"0".repeat(64), &"z".repeat(64)] {
        let mut wrong = payload.clone();
        wrong["hash"] = json!(hash);
        assert_refused(&log_in(&app, &wrong), hash);
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 1);
    assert_eq!(log_in(&app, &payload).status, 200, "none of that has used it up");
}

#[test]
fn a_body_that_is_no_payload_is_refused_in_its_form_b4() {
    let (database, _redis, app) = stack();
    let payload = telegram_payload(42, now(&database));
    let with = |value: Value| {
        let mut changed = payload.clone();
        changed["first_name"] = value;
        changed
    };
    for body in [
        json!({}),
        json!([]),
        json!("hash"),
        json!(null),
        with(json!(["Ann"])),
        with(json!({"a": 1})),
        with(json!(null)),
        with(json!(1.5)),
    ] {
        log_in(&app, &body).assert_problem(422, "validation_failed");
        // Signed as whatever it may be written like.
        let Some(fields) = body.as_object().filter(|fields| !fields.is_empty()) else { continue };
        let body = sign(BOT_TOKEN, &Value::Object(fields.clone()));
        log_in(&app, &body).assert_problem(422, "validation_failed");
    }
    let twice = payload.to_string().replacen('{', "{\"id\":43,", 1);
    let client = app.anon();
    let request = client.request("POST", "/api/login/telegram").header("Content-Type", "application/json");
    request.body(twice).send().assert_problem(422, "validation_failed");
    let request = client.request("POST", "/api/login/telegram").header("Content-Type", "application/json");
    request.body("{\"id\": 42").send().assert_problem(400, "malformed_request");
    let request = client.request("POST", "/api/login/telegram").header("Content-Type", "text/plain");
    request.body(payload.to_string()).send().assert_problem(415, "unsupported_media_type");
    let odd = app.anon().post("/api/login/telegram?transport=pigeon", &payload);
    odd.assert_problem(422, "validation_failed");
    assert_eq!(log_in(&app, &payload).status, 200);
}

#[test]
fn a_payload_counts_for_five_minutes_and_not_before_b4() {
    let (database, _redis, app) = stack();
    for (seconds_ago, accepted) in
        [(0, true), (290, true), (302, false), (86_400, false), (-50, true), (-70, false)]
    {
        let answer = log_in(&app, &telegram_payload(42, now(&database) - seconds_ago));
        if accepted {
            assert_eq!(answer.status, 200, "{seconds_ago} seconds ago: {}", answer.text());
        } else {
            assert_refused(&answer, &format!("{seconds_ago} seconds ago"));
        }
    }
    for auth_date in [0, -1, i64::MAX, 253_402_300_799] {
        assert_refused(&log_in(&app, &telegram_payload(42, auth_date)), &auth_date.to_string());
    }
    for id in [0, -42] {
        assert_refused(&log_in(&app, &telegram_payload(id, now(&database))), &id.to_string());
    }
}

#[test]
fn of_sixteen_who_use_a_payload_at_once_one_gets_in_and_no_other_ever_b4() {
    let (database, redis, app) = stack();
    for round in 0..50 {
        let payload = telegram_payload(1000 + round, now(&database));
        let mut statuses = at_once(16, |_| log_in(&app, &payload).status);
        statuses.sort_unstable();
        assert_eq!(statuses, [&[200][..], &[401; 15]].concat(), "round {round}");
    }
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 50);
    let payload = telegram_payload(7, now(&database));
    assert_eq!(log_in(&app, &payload).status, 200);
    redis.flush();
    assert_refused(&log_in(&app, &payload), "after a flush");
    let builder = App::builder("web").database(&database).redis(&redis);
    let other = builder.env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).start();
    assert_refused(&log_in(&other, &payload), "in another process");
    let mut spelled = payload.clone();
    spelled["hash"] = json!(payload["hash"].as_str().unwrap().to_uppercase());
    spelled["id"] = json!("7");
    assert_refused(&log_in(&app, &spelled), "in another spelling");
}

#[test]
fn two_payloads_of_a_new_person_at_once_make_one_person_b4() {
    let (database, _redis, app) = stack();
    for round in 0..50 {
        let at = now(&database);
        let statuses = at_once(4, |index| {
            let index = i64::try_from(index).unwrap();
            log_in(&app, &telegram_payload(5000 + round, at - index)).status
        });
        assert_eq!(statuses, [200; 4], "round {round}");
    }
    assert_eq!(database.number("SELECT count(*) FROM users"), 50);
    assert_eq!(database.number("SELECT count(*) FROM audit_log WHERE action = 'user_created'"), 50);
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 200);
}

#[test]
fn a_blocked_person_is_answered_like_a_wrong_signature_b4() {
    let (database, _redis, app) = stack();
    assert_eq!(log_in(&app, &telegram_payload(42, now(&database))).status, 200);
    database.execute("UPDATE users SET blocked_at = now()");
    let blocked = log_in(&app, &telegram_payload(42, now(&database) - 1));
    assert_refused(&blocked, "blocked");
    let mut wrong = telegram_payload(42, now(&database));
    wrong["id"] = json!(43);
    assert_eq!(log_in(&app, &wrong).body, blocked.body);
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 1);
}

#[test]
fn without_a_bot_there_is_no_such_login_b4() {
    let (database, _redis, app) = test_support::stack("web");
    let answer = log_in(&app, &telegram_payload(42, now(&database)));
    answer.assert_problem(404, "not_found");
    assert!(answer.member("/detail").contains("Telegram"), "{}", answer.text());
    let alice = app.register("alice@example.com", PASSWORD);
    let answer = alice.client.post("/api/reauthenticate", &telegram_payload(42, now(&database)));
    answer.assert_problem(404, "not_found");
}

#[test]
fn a_payload_is_a_fresh_proof_of_its_own_person_b4() {
    let (database, _redis, app) = stack();
    let alice = app.register("alice@example.com", PASSWORD);
    let client = app.anon();
    let answer = client.post("/api/login/telegram", &telegram_payload(42, now(&database)));
    let bob = app.actor(client, &answer);
    database.execute("UPDATE sessions SET authenticated_at = now() - interval '6 minutes'");
    let others = |client: &test_support::Client| client.post_empty("/api/sessions/revoke-others");
    others(&bob.client).assert_problem(403, "reauthentication_required");

    let payload = telegram_payload(42, now(&database) - 100);
    assert_refused(&alice.client.post("/api/reauthenticate", &payload), "somebody else's");
    let mut wrong = payload.clone();
    wrong["first_name"] = json!("Bob");
    assert_refused(&bob.client.post("/api/reauthenticate", &wrong), "changed");
    let mut unsigned = payload.clone();
    unsigned.as_object_mut().unwrap().remove("hash");
    bob.client.post("/api/reauthenticate", &unsigned).assert_problem(422, "validation_failed");
    let proved = bob.client.post("/api/reauthenticate", &payload);
    assert_eq!(proved.status, 204, "{}", proved.text());
    assert_refused(&log_in(&app, &payload), "used as a proof");
    assert_eq!(others(&bob.client).status, 200);
}

#[test]
fn the_token_and_the_signature_are_shown_nowhere_b4_f9() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis).env("RUST_LOG", "debug");
    let app = builder.env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).start();
    let payload = telegram_payload(42, now(&database));
    let answers = [log_in(&app, &payload), log_in(&app, &payload)];
    assert_eq!([answers[0].status, answers[1].status], [200, 401]);
    app.terminate();
    let dump = database.query("SELECT encode(digest, 'hex') FROM used_telegram_payloads");
    let places = [app.log(), format!("{:?}", redis.dump()), format!("{answers:?}"), format!("{dump:?}")];
    for secret in [BOT_TOKEN.split_once(':').unwrap().1, payload["hash"].as_str().unwrap()] {
        assert!(places.iter().all(|place| !place.contains(secret)), "{secret} is in {places:?}");
    }
}
