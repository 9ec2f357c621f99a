//! Without Postgres there is no decision: 503, never a false 401 and never a false 200, and no cookie is lost.

use std::time::Duration;

use serde_json::json;
use test_support::{Actor, App, BOT_TOKEN, Response, TestPostgres, TestRedis, eventually, telegram_payload};

use crate::PASSWORD;

const A_SECOND: Duration = Duration::from_secs(1);
const RECOVERY: Duration = Duration::from_secs(3);

fn assert_unavailable(what: &str, answer: &Response) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text());
    answer.assert_problem(503, "unavailable");
    assert!(
        answer.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok()),
        "{what}: {answer:?}"
    );
    assert!(answer.set_cookies().is_empty(), "{what}: {answer:?}");
    assert!(answer.took < A_SECOND, "{what} took {:?}", answer.took);
}

/// Everything that needs a decision is refused in time and keeps the cookies.
fn assert_down(app: &App, alice: &Actor, redis: &TestRedis) {
    // What is cached answers for as long as the lease lasts, half a second at most.
    redis.flush();
    let client = &alice.client;
    eventually("the lease of the caches ends", A_SECOND, || (alice.me().status == 503).then_some(()));
    let cookies = client.cookies();
    let register = json!({"email": "new@example.com", "password": PASSWORD});
    let phone = json!({"phone": "+447400123456"});
    let code = json!({"phone": "+447400123456", "code": "123456"});
    let password = json!({"current_password": PASSWORD, "new_password": "another password"});
    for (what, answer) in [
        ("me", client.get("/api/me")),
        ("me by bearer", alice.bearer().get("/api/me")),
        ("me with an unknown token", app.with_cookie(&"A".repeat(43)).get("/api/me")),
        ("verify", client.get("/api/verify")),
        ("sessions", client.get("/api/sessions")),
        ("register", app.anon().post("/api/register", &register)),
        ("login", app.anon().log_in("alice@example.com", PASSWORD)),
        ("login with a wrong password", app.anon().log_in("alice@example.com", "wrong password")),
        ("a code by SMS", app.anon().post("/api/login/sms/request", &phone)),
        ("login by SMS", app.anon().post("/api/login/sms/verify", &code)),
        ("login by Telegram", app.anon().post("/api/login/telegram", &telegram_payload(42, 1_700_000_000))),
        ("logout", client.post_empty("/api/logout")),
        ("end one", client.delete(&format!("/api/sessions/{}", alice.session_id))),
        ("revoke others", client.post_empty("/api/sessions/revoke-others")),
        ("password", client.post("/api/password", &password)),
        ("reauthenticate", client.post("/api/reauthenticate", &json!({"password": PASSWORD}))),
    ] {
        assert_unavailable(what, &answer);
    }
    assert_eq!(client.cookies(), cookies, "the cookies are kept");
    app.anon().get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(app.anon().post_empty("/api/logout").json(), json!({"ok": true}), "nothing to end");
    assert_eq!(app.anon().get("/healthz").status, 200);
    let ready = app.anon().get("/readyz");
    assert_eq!(
        (ready.status, &ready.json()["postgres"], &ready.json()["redis"]),
        (503, &json!("down"), &json!("up"))
    );
    assert!(ready.took < A_SECOND + A_SECOND / 2, "readiness took {:?}", ready.took);
}

fn assert_recovers(app: &App, alice: &Actor, bob: &Actor) {
    eventually("web works again without a restart", RECOVERY, || (alice.me().status == 200).then_some(()));
    assert_eq!(app.log_in("alice@example.com", PASSWORD).me().status, 200);
    assert_eq!(bob.log_out().status, 200);
    bob.me().assert_problem(401, "unauthenticated");
    assert_eq!(app.anon().get("/readyz").status, 200);
}

#[test]
fn a_stopped_postgres_is_an_outage_and_no_answer_f12() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).start();
    let alice = app.register("alice@example.com", PASSWORD);
    let bob = app.register("bob@example.com", PASSWORD);
    let carol = app.register("carol@example.com", PASSWORD);
    postgres.stop();
    assert_down(&app, &alice, &redis);
    postgres.start_again();
    assert_recovers(&app, &alice, &bob);

    // A second time, and without Redis.
    redis.stop();
    postgres.stop();
    eventually("the lease of the caches ends", A_SECOND, || (alice.me().status == 503).then_some(()));
    assert_unavailable("me without both", &alice.me());
    assert_unavailable("logout without both", &carol.log_out());
    postgres.start_again();
    assert_recovers(&app, &alice, &carol);
    assert_eq!(database.number("SELECT count(*) FROM users"), 3, "the refused registration left nothing");
}

#[test]
fn a_hanging_postgres_is_an_outage_too_f12() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).start();
    let alice = app.register("alice@example.com", PASSWORD);
    let bob = app.register("bob@example.com", PASSWORD);
    let paused = postgres.pause();
    assert_down(&app, &alice, &redis);
    // More requests than there are connections: none waits for the others.
    let answers = test_support::at_once(30, |_| alice.client.copy().get("/api/me"));
    answers.iter().for_each(|answer| assert_unavailable("one of thirty", answer));
    drop(paused);
    assert_recovers(&app, &alice, &bob);
}

#[test]
fn connections_that_were_cut_cost_no_request_that_only_reads_f12() {
    let (database, redis, app) = test_support::stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let cut = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = '{}' AND usename = 'test_app'",
        database.value("SELECT current_database()")
    );
    for _ in 0..5 {
        let cut_some = || (database.number(&cut) > 0).then_some(());
        eventually("there are connections to cut", RECOVERY, cut_some);
        redis.flush();
        let listed = alice.client.get("/api/sessions");
        assert_eq!(listed.status, 200, "a read is tried again on a new connection: {}", listed.text());
    }
    assert_eq!(alice.log_out().status, 200);
}

#[test]
fn a_program_starts_without_postgres_and_becomes_ready_when_it_comes() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    postgres.stop();
    let app = App::builder("web").database(&database).redis(&redis).without_stores().start();
    assert_eq!(app.anon().get("/readyz").status, 503);
    postgres.start_again();
    eventually("web is ready", RECOVERY, || (app.anon().get("/readyz").status == 200).then_some(()));
    assert_eq!(app.register("alice@example.com", PASSWORD).me().status, 200);
}
