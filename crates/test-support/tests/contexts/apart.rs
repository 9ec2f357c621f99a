//! A session opened in one application never opens a door in another.

use constants::{ApplicationContext, redis};
use test_support::{Actor, App, assert_refused_soon};

use crate::stage::{Stage, assert_closed, ways};
use crate::{ADA, PASSWORD};

fn tokens(actors: &[Actor]) -> Vec<(ApplicationContext, &str)> {
    ApplicationContext::ALL.iter().copied().zip(actors.iter().map(|actor| &*actor.token)).collect()
}

/// Each value under the key of every other application, its own context replaced where `renamed` asks for it.
pub(crate) fn move_values(stage: &Stage, renamed: bool) -> usize {
    let mut moved = 0;
    for (key, value) in &stage.redis.dump() {
        let is_of = |context: &&ApplicationContext| key.starts_with(redis::prefix(**context));
        let Some(own) = ApplicationContext::ALL.iter().find(is_of) else { continue };
        let id = &key[redis::prefix(*own).len()..];
        for other in ApplicationContext::ALL.iter().filter(|other| *other != own) {
            let changed = value.replace(&format!("\"{own}\""), &format!("\"{other}\""));
            let value = if renamed { &changed } else { value };
            stage.redis.command(&["SET", &format!("{}{id}", redis::prefix(*other)), value]);
            moved += 1;
        }
    }
    moved
}

#[test]
fn a_token_opens_its_own_application_alone_whatever_redis_holds_f3_a15() {
    for legacy in ["dual-write", "off"] {
        // Without a cache in the process it is Redis that is asked.
        let stage = Stage::new(|app| app.env("LEGACY_TOKENS", legacy).env("NEAR_CACHE_ENTRIES", "0"));
        let actors = stage.log_in_everywhere();
        let apart = |when: &str| stage.assert_apart(&tokens(&actors), when);
        apart("with Redis full");
        stage.redis.flush();
        apart("with Redis flushed");
        apart("with Redis filled anew");

        // As an attacker with a hand in Redis would.
        assert!(move_values(&stage, false) > 0, "Redis holds nothing");
        apart("with the values under each other's keys");
        move_values(&stage, true);
        apart("with the values under each other's keys and names");
        for (key, value) in stage.redis.dump() {
            for context in ApplicationContext::NAMES {
                stage.redis.command(&["SET", &key, &value.replace(&format!("\"{context}\""), "\"web\"")]);
            }
        }
        apart("with every value called web's");

        stage.redis.pause();
        apart("with Redis hanging");
        stage.redis.resume();
        stage.redis.stop();
        apart("with Redis stopped");
    }
}

#[test]
fn keys_stand_under_the_prefix_of_their_application_a5_a15() {
    let stage = Stage::with_legacy_tokens("off");
    let actors = stage.log_in_everywhere();
    let keys: Vec<String> = stage.redis.dump().into_keys().collect();
    for (context, actor) in ApplicationContext::ALL.iter().zip(&actors) {
        let key = format!("session:{context}:{}", actor.session_id);
        assert!(keys.contains(&key), "{key} is not among {keys:?}");
    }
    assert_eq!(keys.len(), actors.len(), "{keys:?}");
}

#[test]
fn a_token_in_a_legacy_column_opens_web_alone_f3_a12() {
    let stage = Stage::with_legacy_tokens("dual-write");
    let web = stage.app(ApplicationContext::Web).log_in(ADA, PASSWORD);
    assert_eq!(stage.database.value("SELECT auth_token FROM users"), web.token);
    let others = || stage.apps().filter(|(context, _)| *context != ApplicationContext::Web);
    for (context, app) in others() {
        assert_closed(app, &web.token, &format!("what stands in users.auth_token, in {context}"));
        // Also when a token of another application is written there, by whatever fault.
        let own = app.log_in(ADA, PASSWORD);
        assert_eq!(
            stage.database.value("SELECT auth_token FROM users"),
            web.token,
            "no login elsewhere writes it"
        );
        stage.database.execute(&format!("UPDATE users SET auth_token = '{}', session_id = '{0}'", own.token));
        stage.redis.flush();
        for (other, app) in stage.apps().filter(|(other, _)| *other != context) {
            assert_closed(
                app,
                &own.token,
                &format!("a token of {context} in the legacy columns, in {other}"),
            );
        }
        assert_eq!(own.me().status, 200);
        stage.database.execute(&format!("UPDATE users SET auth_token = '{}', session_id = NULL", web.token));
    }
}

#[test]
fn a_key_of_the_older_software_opens_web_alone_f3_f8() {
    let stage = Stage::with_legacy_tokens("dual-write");
    let web = stage.app(ApplicationContext::Web);
    for (context, app) in stage.apps().filter(|(context, _)| *context != ApplicationContext::Web) {
        let own = app.log_in(ADA, PASSWORD);
        let value = format!(
            "{{\"user_id\": \"{}\", \"created_at\": 1700000000000, \"expires_at\": 4102444800000}}",
            own.user_id
        );
        let digest = stage.database.value("SELECT session_digest('legacytoken')");
        for key in [
            "session:legacytoken",
            &format!("session:{context}:legacytoken"),
            &format!("session:{context}:{digest}"),
            &format!("session:{digest}"),
        ] {
            stage.redis.command(&["SET", key, &value]);
        }
        assert_closed(app, "legacytoken", &format!("a legacy value in {context}"));
        for token in ["legacytoken", &digest, &own.session_id].map(|id| format!("{context}:{id}")) {
            assert_closed(web, &token, "a token with a prefix");
            assert_closed(app, &token, "a token with a prefix");
        }
    }
}

#[test]
fn an_id_is_no_token_f9() {
    let stage = Stage::with_legacy_tokens("dual-write");
    for actor in stage.log_in_everywhere() {
        for (context, app) in stage.apps() {
            assert_closed(app, &actor.session_id, &format!("an id in {context}"));
        }
    }
}

#[test]
fn one_browser_holds_the_sessions_of_all_side_by_side_f11() {
    let stage = Stage::with_legacy_tokens("dual-write");
    let mut actors = stage.log_in_everywhere();
    for (place, (context, app)) in stage.apps().enumerate() {
        // Cookies ignore the port: the browser sends every one of them to each.
        let browser = |app: &App| {
            let client = app.anon();
            let cookies = actors.iter().flat_map(|actor| actor.client.cookies());
            cookies.for_each(|(name, value)| client.add_cookie(&name, &value));
            client
        };
        for ((context, app), actor) in stage.apps().zip(&actors) {
            assert_eq!(browser(app).get("/api/me").member("/session/id"), actor.session_id, "{context}");
        }
        assert_eq!(browser(app).post_empty("/api/logout").status, 200);
        for (other, actor) in actors.iter().enumerate() {
            let status = if other == place { 401 } else { 200 };
            assert_eq!(actor.me().status, status, "after a logout from {context}");
        }
        actors[place] = app.log_in(ADA, PASSWORD);
    }
}

#[test]
fn a_foreign_token_is_neither_ended_nor_listed_nor_revoked_f3() {
    let stage = Stage::with_legacy_tokens("dual-write");
    let actors = stage.log_in_everywhere();
    let all_live = || assert!(actors.iter().all(|actor| actor.me().status == 200));
    for (place, (_, app)) in stage.apps().enumerate() {
        for (_, other) in actors.iter().enumerate().filter(|(other, _)| *other != place) {
            for (_, client) in ways(app, &other.token) {
                assert_eq!(client.post_empty("/api/logout").status, 200);
            }
        }
    }
    all_live();
    for (place, own) in actors.iter().enumerate() {
        let listed = own.client.get("/api/sessions").json();
        assert_eq!(listed["sessions"].as_array().unwrap().len(), 1, "{listed}");
        assert_eq!(listed["sessions"][0]["id"], own.session_id.as_str());
        for (_, other) in actors.iter().enumerate().filter(|(other, _)| *other != place) {
            let path = format!("/api/sessions/{}", other.session_id);
            own.client.delete(&path).assert_problem(404, "not_found");
        }
    }
    all_live();
}

#[test]
fn ending_all_others_and_a_new_password_end_the_sessions_of_every_application_c1() {
    let stage = Stage::with_legacy_tokens("dual-write");
    let mut password = PASSWORD.to_owned();
    for (context, app) in stage.apps() {
        let actors: Vec<Actor> = stage.apps().map(|(_, app)| app.log_in(ADA, &password)).collect();
        assert!(actors.iter().all(|actor| actor.me().status == 200));
        let own = &actors[context as usize];
        let next = format!("{password} and {context}");
        let body = serde_json::json!({"current_password": password, "new_password": next});
        assert_eq!(own.client.post("/api/password", &body).status, 204);
        assert_eq!(own.me().status, 200);
        // What has answered from a cache hears of the end from Postgres.
        let others = || stage.apps().zip(&actors).filter(|((other, _), _)| *other != context);
        others().for_each(|(_, actor)| assert_refused_soon(&actor.client));
        stage.redis.flush();
        others().for_each(|(_, actor)| drop(actor.me().assert_problem(401, "unauthenticated")));
        password = next;

        let others: Vec<Actor> = others().map(|((_, other), _)| other.log_in(ADA, &password)).collect();
        let own = app.log_in(ADA, &password);
        assert_eq!(own.client.post_empty("/api/sessions/revoke-others").status, 200);
        others.iter().for_each(|actor| assert_refused_soon(&actor.client));
        assert_eq!(own.me().status, 200);
    }
}
