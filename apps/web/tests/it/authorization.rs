//! Who may do what: every route as everybody who could ask for it.

use serde_json::{Value, json};
use test_support::authorization::{Call, Identity, PASSWORD, Play, Stage, assert_complete};
use test_support::{App, BOT_TOKEN, TestDatabase, TestOutbox, TestRedis, telegram_payload};

const TABLE: &str = include_str!("authorization.txt");

fn call(stage: &Stage<'_>, identity: Identity, route: &str, case: &str) -> Call {
    let fresh = stage.fresh();
    let email = format!("new{fresh}@example.com");
    let phone = format!("+4930123{fresh:05}");
    match route {
        "GET /docs/{file:.*}" => Call::plain().to("/docs/index.html"),
        "GET /assets/{version}/{name}" => Call::plain().to(stage.asset()),
        "POST /api/register" => Call::json(json!({"email": email, "password": PASSWORD})),
        "POST /api/login" if case == "wrong" => Call::json(json!({"email": email, "password": PASSWORD})),
        "POST /api/login" => Call::json(json!({"email": "victim@example.com", "password": PASSWORD})),
        "POST /api/login/sms/request" => Call::json(json!({"phone": phone})),
        "POST /api/login/sms/verify" => Call::json(json!({"phone": phone, "code": "000000"})),
        "POST /api/login/telegram" => Call::json(payload(stage)),
        "POST /login" => Call::form(&[("email", "victim@example.com"), ("password", PASSWORD)]),
        "POST /register" => Call::form(&[("email", &email), ("password", PASSWORD)]),
        "POST /login/sms" => Call::form(&[("phone", &phone)]),
        "POST /login/sms/verify" => Call::form(&[("phone", &phone), ("code", "000000")]),
        "POST /login/telegram" => telegram_form(&payload(stage)),
        "DELETE /api/sessions/{id}" => {
            Call::plain().to(format!("/api/sessions/{}", session(stage, identity, case)))
        }
        "POST /account/sessions/{id}/end" => {
            Call::form(&[]).to(format!("/account/sessions/{}/end", session(stage, identity, case)))
        }
        "POST /api/password" => Call::json(json!({"current_password": PASSWORD, "new_password": PASSWORD})),
        "POST /account/password" => Call::form(&[("current_password", PASSWORD), ("new_password", PASSWORD)]),
        "POST /api/reauthenticate" => Call::json(json!({"password": PASSWORD})),
        "PUT /api/preferences" => Call::json(json!({"theme": "dark", "language": "ru"})),
        "POST /account/preferences" => Call::form(&[("theme", "dark"), ("language", "ru")]),
        "POST /logout" | "POST /account/sessions/end-others" => Call::form(&[]),
        _ => Call::plain(),
    }
}

fn session(stage: &Stage<'_>, identity: Identity, case: &str) -> String {
    if case == "own" { stage.own_session(identity) } else { stage.session_of("victim") }
}

fn payload(stage: &Stage<'_>) -> Value {
    telegram_payload(stage.fresh().into(), stage.database.number("SELECT extract(epoch FROM now())::bigint"))
}

fn telegram_form(payload: &Value) -> Call {
    let text = |name: &str| payload[name].as_str().map_or_else(|| payload[name].to_string(), str::to_owned);
    let names = ["id", "first_name", "username", "auth_date", "hash"];
    Call { form: Some(names.map(|name| (name, text(name))).to_vec()), ..Call::default() }
}

fn play(test: impl FnOnce(&Play<'_>)) {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("OUTBOX_DIR", &outbox.directory()).env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).start();
    let stage = Stage::new(&app, &database, "web");
    // Nobody is told of the sessions of others.
    let secrets = vec![
        stage.session_of("bystander"),
        database.value("SELECT encode(key, 'hex') FROM instance_keys LIMIT 1"),
    ];
    test(&Play { stage: &stage, table: TABLE, call: &call, secrets });
}

#[test]
fn every_route_answers_everybody_as_the_table_says_and_what_is_refused_changes_nothing() {
    play(|play| play.run("web"));
}

#[test]
fn no_method_that_a_path_has_not_does_anything_and_none_stands_for_another() {
    play(|play| {
        play.run_wrong_methods("web");
        play.run_overrides();
    });
}

#[test]
fn every_route_has_its_line_in_the_table() {
    assert_complete("web", TABLE);
}

#[test]
#[should_panic(expected = "not in the table: [\"DELETE /api/sessions/{id}\"]")]
fn a_route_without_a_line_fails_the_test_of_the_table() {
    let lines = TABLE.lines().filter(|line| !line.starts_with("DELETE /api/sessions/{id} "));
    assert_complete("web", &lines.collect::<Vec<_>>().join("\n"));
}
