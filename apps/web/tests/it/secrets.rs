//! Tokens and passwords are nowhere but where they must be.

use serde_json::json;
use test_support::{App, TestDatabase, TestRedis};

use crate::PASSWORD;

/// Every row of every table, without `users.auth_token`, which holds a token on purpose.
fn dump(database: &TestDatabase) -> String {
    let tables = database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let tables = tables.into_iter().map(|row| row[0].clone().unwrap());
    let rows = tables.flat_map(|table| {
        database.query(&format!("SELECT (to_jsonb(t) - 'auth_token')::text FROM {table} t"))
    });
    rows.map(|row| row[0].clone().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn no_token_and_no_password_is_logged_or_stored_f9_b7() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("RUST_LOG", "debug").start();
    let new = "battery horse correct";
    let alice = app.register("alice@example.com", PASSWORD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    let mut secrets = vec![PASSWORD.to_owned(), new.to_owned(), alice.token.clone(), phone.token.clone()];

    let program = json!({"email": "alice@example.com", "password": PASSWORD, "transport": "bearer"});
    secrets.push(app.anon().post("/api/login", &program).member("/token"));
    for client in [&alice.client, &alice.bearer(), &phone.client] {
        assert_eq!(client.get("/api/me").status, 200);
        assert_eq!(client.get("/api/sessions").status, 200);
    }
    assert_eq!(alice.client.post_empty("/api/sessions/revoke-others").status, 200);
    secrets.push(alice.client.cookie("sessionId").unwrap());
    let body = json!({"current_password": PASSWORD, "new_password": new});
    assert_eq!(alice.client.post("/api/password", &body).status, 204);
    secrets.push(alice.client.cookie("sessionId").unwrap());

    // What goes wrong is logged in more words.
    let planted = "planted-secret-of-a-test";
    secrets.push(planted.to_owned());
    for way in ["Bearer", "bearer", "Basic", "Token"] {
        let _ = app.anon().with_header("Authorization", &format!("{way} {planted}")).get("/api/me");
    }
    let _ = app.with_cookie(planted).get("/api/me");
    let _ = app.with_cookie(&format!("admin:{planted}")).get("/api/me");
    app.anon().log_in("alice@example.com", planted);
    app.anon().log_in(planted, planted);
    let request = app.anon();
    let request = request.request("POST", "/api/login").header("Content-Type", "application/json");
    assert_eq!(request.body(format!("{{\"password\": \"{planted}\", nonsense")).send().status, 400);
    app.anon().post("/api/login", &json!({"email": "a@example.com", "password": PASSWORD, planted: 1}));
    redis.stop();
    assert_eq!(alice.me().status, 200);
    redis.start_again();
    test_support::eventually("Redis holds values again", std::time::Duration::from_secs(5), || {
        let tablet = app.log_in("alice@example.com", new);
        assert_eq!(tablet.me().status, 200);
        secrets.push(tablet.token);
        (!redis.dump().is_empty()).then_some(())
    });
    let session = secrets.last().map(|token| app.with_cookie(token).get("/api/me").member("/session/id"));

    app.terminate();
    let log = app.log();
    assert!(log.contains("[SESSION_CREATE]"), "{log}");
    let places = [("log", log), ("Postgres", dump(&database)), ("Redis", format!("{:?}", redis.dump()))];
    for (place, text) in &places {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} is in {place}: {text}");
        }
    }
    // The counter-proof: what may be there is found.
    let session = session.unwrap();
    assert!(places[1].1.contains(&session) && places[2].1.contains(&session));
    for secret in
        database.query("SELECT hashed_password FROM users UNION SELECT encode(key, 'hex') FROM instance_keys")
    {
        let secret = secret[0].clone().unwrap();
        assert!(!places[0].1.contains(&secret) && !places[2].1.contains(&secret));
    }
}

#[test]
fn no_answer_carries_a_secret_of_the_stores_f9() {
    let (database, _redis, app) = test_support::stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let hash = database.value("SELECT hashed_password FROM users");
    for path in ["/api/me", "/api/sessions", "/api/verify", "/openapi.json", "/metrics", "/readyz"] {
        let text = format!("{:?}{}", alice.client.get(path).headers, alice.client.get(path).text());
        assert!(!text.contains(&hash) && !text.contains(&alice.token), "{path}: {text}");
        assert!(!text.contains("auth_token\":") && !text.contains("credential_version"), "{path}: {text}");
    }
}
