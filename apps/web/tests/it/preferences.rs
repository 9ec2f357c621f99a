//! How a person wants the site, and where that is kept.

use serde_json::{Value, json};
use test_support::{App, Client, TestDatabase, TestRedis, eventually, stack};

use crate::PASSWORD;

fn preferences(client: &Client) -> Value {
    let answer = client.get("/api/preferences");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn choose(client: &Client, theme: &str, language: &str) {
    let body = json!({"theme": theme, "language": language});
    let answer = client.request("PUT", "/api/preferences").json(&body).send();
    assert_eq!((answer.status, answer.json()), (200, body));
}

#[test]
fn a_choice_belongs_to_its_session_and_later_ones_begin_with_it_a9() {
    let (_database, _redis, web) = stack("web");
    let first = web.register("alice@example.com", PASSWORD);
    assert_eq!(preferences(&first.client), json!({"theme": "system", "language": "en"}));
    let asked = first.client.request("GET", "/api/preferences").header("Accept-Language", "ru").send();
    assert_eq!(asked.json(), json!({"theme": "system", "language": "ru"}));

    choose(&first.client, "dark", "ru");
    let second = web.log_in("alice@example.com", PASSWORD);
    assert_eq!(preferences(&second.client), json!({"theme": "dark", "language": "ru"}));
    choose(&second.client, "light", "en");
    assert_eq!(preferences(&first.client), json!({"theme": "dark", "language": "ru"}));
    assert_eq!(preferences(&second.client), json!({"theme": "light", "language": "en"}));

    let other = web.register("bob@example.com", PASSWORD);
    assert_eq!(preferences(&other.client), json!({"theme": "system", "language": "en"}));
}

#[test]
fn what_cannot_be_chosen_is_refused_and_changes_nothing_a9() {
    let (_database, _redis, web) = stack("web");
    let alice = web.register("alice@example.com", PASSWORD);
    choose(&alice.client, "dark", "ru");
    for body in [
        json!({}),
        json!({"theme": "dark"}),
        json!({"language": "ru"}),
        json!({"theme": "pink", "language": "en"}),
        json!({"theme": "dark", "language": "de"}),
        json!({"theme": null, "language": "en"}),
        json!({"theme": "light", "language": "en", "font": "big"}),
        json!([]),
    ] {
        let answer = alice.client.request("PUT", "/api/preferences").json(&body).send();
        answer.assert_problem(422, "validation_failed");
    }
    assert_eq!(preferences(&alice.client), json!({"theme": "dark", "language": "ru"}));
    web.anon().get("/api/preferences").assert_problem(401, "unauthenticated");
}

/// Web with people and sessions in one database and its own data in another.
fn split() -> (TestDatabase, TestDatabase, TestRedis, App) {
    let (identity, own, redis) = (TestDatabase::new(), TestDatabase::new(), TestRedis::start());
    identity.execute("DROP TABLE web_sessions, web_user_cache");
    own.execute("DROP TABLE sessions CASCADE");
    let web = App::builder("web")
        .env("DATABASE_IDENTITY_URL", &identity.url())
        .env("DATABASE_WEB_URL", &own.url())
        .redis(&redis)
        .start();
    (identity, own, redis, web)
}

#[test]
fn an_outage_of_the_web_database_costs_preferences_and_not_logins_a9() {
    let (identity, own, _redis, web) = split();
    let alice = web.register("alice@example.com", PASSWORD);
    choose(&alice.client, "dark", "ru");
    assert_eq!(own.number("SELECT count(*) FROM web_sessions WHERE theme = 'dark' AND language = 'ru'"), 1);
    assert_eq!(identity.number("SELECT count(*) FROM sessions"), 1);

    // As good as away: nobody gets in, and who is in is thrown out.
    own.execute(
        "ALTER TABLE web_sessions RENAME TO gone; ALTER TABLE web_user_cache RENAME TO gone_too;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    alice.client.get("/api/preferences").assert_problem(503, "unavailable");
    let body = json!({"theme": "light", "language": "en"});
    let refused = alice.client.request("PUT", "/api/preferences").json(&body).send();
    refused.assert_problem(503, "unavailable");
    assert_eq!(alice.me().status, 200);
    let again = web.log_in("alice@example.com", PASSWORD);
    assert_eq!(again.me().status, 200);
    assert_eq!(web.anon().get("/readyz").status, 200);

    own.execute("ALTER TABLE gone RENAME TO web_sessions; ALTER TABLE gone_too RENAME TO web_user_cache");
    assert_eq!(preferences(&alice.client), json!({"theme": "dark", "language": "ru"}));
}

#[test]
fn the_copy_of_a_person_follows_every_change_of_them_a9() {
    let (identity, own, _redis, web) = split();
    let alice = web.register("alice@example.com", PASSWORD);
    choose(&alice.client, "dark", "ru");
    let copy =
        || -> Value { serde_json::from_str(&own.value("SELECT data::text FROM web_user_cache")).unwrap() };
    assert_eq!(copy()["email"], "alice@example.com");
    assert_eq!(copy()["role"], "user");
    assert!(copy().get("hashed_password").is_none() && copy().get("phone").is_none(), "{}", copy());

    web.wait_for_lease();
    identity.execute("UPDATE users SET role = 'support', is_verified = true");
    eventually("the copy is renewed", std::time::Duration::from_secs(5), || {
        (copy()["role"] == "support" && copy()["is_verified"] == true).then_some(())
    });

    // A change that nobody heard of is made good by the next use.
    own.execute(r#"UPDATE web_user_cache SET data = data || '{"role": "admin", "version": 0}'"#);
    choose(&alice.client, "light", "en");
    assert_eq!(copy()["role"], "support");
}
