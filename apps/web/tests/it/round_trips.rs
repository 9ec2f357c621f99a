//! How often each operation goes to Postgres and to Redis. The numbers are promises: ARCHITECTURE.md, "What each operation costs".

use serde_json::json;
use test_support::{
    App, BOT_TOKEN, Client, Monitor, TestDatabase, TestOutbox, TestRedis, stack, telegram_payload,
};

use crate::PASSWORD;

/// Fails unless `act` sends that many statements to Postgres, so many besides for the limiter, and these commands to Redis.
#[track_caller]
fn assert_trips(
    what: &str,
    (database, monitor): (&TestDatabase, &mut Monitor),
    (postgres, limiter, redis): (usize, usize, &[&str]),
    act: impl FnOnce(),
) {
    monitor.commands();
    database.forget_statements();
    act();
    let commands = monitor.commands();
    let names: Vec<&str> = commands.iter().filter_map(|command| command.split(' ').next()).collect();
    assert_eq!(names, redis, "{what}");
    let trips = database.trips();
    assert_eq!((trips.others.len(), trips.limiter.len()), (postgres, limiter), "{what}: {trips:#?}");
}

fn log_in(client: &Client) {
    assert_eq!(client.log_in("alice@example.com", PASSWORD).status, 200);
}

#[test]
fn each_operation_costs_what_the_design_says() {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    let builder = App::builder("web").database(&database).redis(&redis).env("TELEGRAM_BOT_TOKEN", BOT_TOKEN);
    let app = builder.env("OUTBOX_DIR", &outbox.directory()).start();
    // A second process, whose own cache knows only what it was asked.
    let other = App::builder("web").database(&database).redis(&redis).start();
    let alice = app.register("alice@example.com", PASSWORD);
    for app in [&app, &other] {
        app.wait_for_lease();
        // The first statements of a connection ask for the numbers of our types.
        for _ in 0..3 {
            let client = app.anon();
            log_in(&client);
            assert_eq!(client.get("/api/me").status, 200);
            assert_eq!(client.get("/api/sessions").status, 200);
            assert_eq!(client.get("/account").status, 200);
            assert_eq!(client.post_empty("/api/logout").status, 200);
        }
    }
    redis.flush();
    let mut monitor = redis.monitor();
    let mut assert_trips = |what: &str, counts: (usize, usize, &[&str]), act: &dyn Fn()| {
        assert_trips(what, (&database, &mut monitor), counts, act);
    };
    let me = |app: &App, token: &str| assert_eq!(app.with_cookie(token).get("/api/me").status, 200);
    assert_trips("me, a miss", (1, 0, &["GET", "SET"]), &|| me(&other, &alice.token));
    assert_trips("me, near", (0, 0, &[]), &|| me(&other, &alice.token));
    let phone = app.anon();
    assert_trips("login", (3, 3, &["SET"]), &|| log_in(&phone));
    let token = phone.cookie("sessionId").unwrap();
    assert_trips("the look-up after a login", (0, 0, &[]), &|| me(&app, &token));
    assert_trips("me, by Redis", (0, 0, &["GET"]), &|| me(&other, &token));
    assert_trips("forward-auth, near", (0, 0, &[]), &|| {
        assert_eq!(other.with_cookie(&token).get("/api/verify").status, 200);
    });
    assert_trips("logout", (1, 0, &["DEL"]), &|| assert_eq!(phone.post_empty("/api/logout").status, 200));
    let own = app.anon();
    log_in(&own);
    let (one, two) = (app.anon(), app.anon());
    let bob = app.anon();
    let new = json!({"email": "bob@example.com", "password": PASSWORD});
    assert_trips("register", (6, 1, &["SET"]), &|| assert_eq!(bob.post("/api/register", &new).status, 201));
    assert_trips("list of sessions", (1, 0, &[]), &|| assert_eq!(own.get("/api/sessions").status, 200));
    assert_trips("the page of one's own", (3, 0, &[]), &|| assert_eq!(own.get("/account").status, 200));
    assert_trips("the login page", (0, 0, &[]), &|| assert_eq!(own.get("/login").status, 200));
    let id = one.log_in("alice@example.com", PASSWORD).member("/session/id");
    assert_trips("ending one session", (1, 0, &["DEL"]), &|| {
        assert_eq!(own.delete(&format!("/api/sessions/{id}")).status, 204);
    });
    let proof = json!({"password": PASSWORD});
    assert_trips("proving anew", (2, 3, &["DEL"]), &|| {
        assert_eq!(own.post("/api/reauthenticate", &proof).status, 204);
    });
    log_in(&two);
    assert_trips("ending all others", (7, 0, &["DEL", "SET"]), &|| {
        assert_eq!(own.post_empty("/api/sessions/revoke-others").status, 200);
    });
    let change = json!({"current_password": PASSWORD, "new_password": "another horse battery"});
    assert_trips("change of password", (7, 3, &["DEL", "SET"]), &|| {
        assert_eq!(own.post("/api/password", &change).status, 204);
    });
    let again = app.anon();
    assert_eq!(again.log_in("alice@example.com", "another horse battery").status, 200);
    assert_trips("login that carries a token", (4, 3, &["DEL", "SET"]), &|| {
        assert_eq!(again.log_in("alice@example.com", "another horse battery").status, 200);
    });
    database.execute("UPDATE users SET session_id = 'a-legacy-token' WHERE email = 'bob@example.com'");
    assert_trips("the first use of a legacy token", (3, 0, &["GET", "GET", "SET"]), &|| {
        me(&app, "a-legacy-token");
    });
    assert_trips("the next use", (0, 0, &[]), &|| me(&app, "a-legacy-token"));
    assert_trips("an unknown token", (2, 0, &["GET", "GET"]), &|| {
        assert_eq!(app.with_cookie("an-unknown-token").get("/api/me").status, 401);
    });
    let (phone, carol) = ("+447400123456", app.anon());
    let ask = || assert_eq!(app.anon().post("/api/login/sms/request", &json!({"phone": phone})).status, 202);
    let code = || json!({"phone": phone, "code": outbox.code_for(phone)});
    assert_trips("request for a code", (1, 2, &[]), &ask);
    for what in ["first login by SMS", "login by SMS"] {
        ask();
        carol.clear_cookies();
        let code = code();
        assert_trips(what, (3, 2, &["SET"]), &|| {
            assert_eq!(carol.post("/api/login/sms/verify", &code).status, 200);
        });
    }
    ask();
    let proof = code();
    assert_trips("proving anew by a code", (2, 2, &["DEL"]), &|| {
        assert_eq!(carol.post("/api/reauthenticate", &proof).status, 204);
    });
    for what in ["first login by Telegram", "login by Telegram"] {
        let now = database.number("SELECT extract(epoch FROM clock_timestamp())::bigint");
        let payload = telegram_payload(42, if what.starts_with('f') { now - 1 } else { now });
        assert_trips(what, (3, 0, &["SET"]), &|| {
            assert_eq!(app.anon().post("/api/login/telegram", &payload).status, 200);
        });
    }
    let forged = json!({"id": 42, "auth_date": 1_700_000_000, "hash": "0".repeat(64)});
    assert_trips("a forged payload", (0, 0, &[]), &|| {
        assert_eq!(app.anon().post("/api/login/telegram", &forged).status, 401);
    });
    assert_trips("no token at all", (0, 0, &[]), &|| {
        assert_eq!(app.with_bearer("admin:x").get("/api/me").status, 401);
        assert_eq!(app.anon().get("/api/me").status, 401);
    });
}

#[test]
fn a_thousand_requests_write_nothing_c3() {
    let (database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let before =
        database.query("SELECT to_jsonb(s) FROM sessions s UNION ALL SELECT to_jsonb(u) FROM users u");
    for _ in 0..1000 {
        assert_eq!(alice.me().status, 200);
    }
    let after =
        database.query("SELECT to_jsonb(s) FROM sessions s UNION ALL SELECT to_jsonb(u) FROM users u");
    assert_eq!(after, before);
}

#[test]
fn a_thousand_requests_in_a_minute_write_one_batched_use_and_nothing_else_c3() {
    let (database, redis, first) = stack("web");
    let alice = first.register("alice@example.com", PASSWORD);
    // Used long enough ago for a use to be written down.
    database.execute("UPDATE sessions SET last_activity = last_activity - interval '2 minutes'");
    redis.flush();
    let app = App::builder("web").database(&database).redis(&redis).start();
    app.wait_for_lease();
    let client = app.with_cookie(&alice.token);
    assert_eq!(client.get("/api/me").status, 200);
    first.terminate();
    let mut monitor = redis.monitor();
    database.forget_statements();
    let began = std::time::Instant::now();
    for _ in 0..1000 {
        assert_eq!(client.get("/api/me").status, 200);
    }
    assert!(began.elapsed().as_secs() < 60, "a second use would be due");
    assert_eq!(monitor.commands(), [""; 0]);
    // The rest of the marks is written down at the end.
    assert_eq!(app.terminate(), Some(0));
    assert_eq!(monitor.commands(), [""; 0]);
    let trips = database.trips();
    assert!(trips.others.is_empty() && trips.limiter.is_empty(), "{trips:#?}");
    let writing = |text: &str| ["INSERT", "UPDATE", "DELETE"].iter().any(|word| text.contains(word));
    // What the process says of its strategy every few seconds is no request's.
    let writing = |text: &str| writing(text) && !text.contains("strategy_processes");
    let writes: Vec<_> =
        database.statements().into_iter().filter(|statement| writing(&statement.text)).collect();
    assert_eq!(writes.len(), 1, "{writes:#?}");
    assert!(writes[0].text.contains("SKIP LOCKED") && writes[0].calls == 1, "{writes:#?}");
    assert_eq!(
        database.number("SELECT count(*) FROM sessions WHERE last_activity > now() - interval '1 minute'"),
        1
    );
}
