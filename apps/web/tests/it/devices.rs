//! Many devices of one person: each login is a session of its own, and ending one leaves the others.

use serde_json::json;
use test_support::{Actor, App, stack};

use crate::PASSWORD;

fn assert_refused_everywhere(app: &App, ended: &Actor) {
    for (way, client) in [
        ("cookie", app.with_cookie(&ended.token)),
        ("bearer", app.with_bearer(&ended.token)),
        ("the client's own cookies", ended.client.clone()),
    ] {
        let answer = client.get("/api/me");
        assert_eq!((answer.status, way), (401, way), "{}", answer.text());
        answer.assert_problem(401, "unauthenticated");
    }
}

fn listed(actor: &Actor) -> Vec<String> {
    let sessions = actor.client.get("/api/sessions").json()["sessions"].as_array().unwrap().clone();
    sessions.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn logout_on_one_device_leaves_the_other_whatever_redis_does_b1_b6_b9() {
    let (_database, redis, app) = stack("web");
    let pc = app.register("alice@example.com", PASSWORD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    assert_eq!((pc.me().status, phone.me().status), (200, 200));
    assert_eq!(listed(&pc).len(), 2);

    assert_eq!(pc.log_out().status, 200);
    assert_refused_everywhere(&app, &pc);
    assert_eq!(phone.me().status, 200);
    redis.flush();
    assert_refused_everywhere(&app, &pc);
    assert_eq!(phone.me().status, 200);
    redis.stop();
    assert_refused_everywhere(&app, &pc);
    assert_eq!(phone.me().status, 200);
    assert_eq!(listed(&phone), std::slice::from_ref(&phone.session_id));
    redis.start_again();
    assert_refused_everywhere(&app, &pc);
    assert_eq!(phone.me().status, 200);

    assert_eq!(phone.log_out().status, 200);
    assert_refused_everywhere(&app, &phone);
}

#[test]
fn logout_on_the_newer_device_leaves_the_older_b9() {
    let (_database, _redis, app) = stack("web");
    let pc = app.register("alice@example.com", PASSWORD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(phone.log_out().status, 200);
    assert_refused_everywhere(&app, &phone);
    assert_eq!(pc.me().status, 200);
    assert_eq!(pc.bearer().get("/api/me").status, 200);
}

#[test]
fn a_person_sees_their_own_devices_and_which_one_this_is_c1() {
    let (_database, _redis, app) = stack("web");
    let pc = app.register("alice@example.com", PASSWORD);
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let client = app.anon().with_header("User-Agent", firefox);
    let phone = app.actor(client.clone(), &client.log_in("alice@example.com", PASSWORD));
    let _bob = app.register("bob@example.com", PASSWORD);

    let answer = phone.client.get("/api/sessions").json();
    let sessions = answer["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2, "{answer}");
    for session in sessions {
        assert_eq!(session["current"], session["id"] == json!(phone.session_id), "{answer}");
        assert_eq!(session["application_context"], "web");
    }
    let own = sessions.iter().find(|session| session["current"] == true).unwrap();
    assert_eq!(own["user_agent"], firefox);
    let device = own["device"].to_string();
    assert!(device.contains("Firefox") && device.contains("Linux"), "{device}");
    assert!(listed(&pc).contains(&phone.session_id));
}

#[test]
fn a_person_ends_one_of_their_devices_at_once_c1_c4() {
    let (_database, redis, app) = stack("web");
    let pc = app.register("alice@example.com", PASSWORD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    assert_eq!(phone.me().status, 200);
    let answer = pc.client.delete(&format!("/api/sessions/{}", phone.session_id));
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_refused_everywhere(&app, &phone);
    redis.flush();
    assert_refused_everywhere(&app, &phone);
    assert_eq!(pc.me().status, 200);
    // Ended is gone, as for a session that never was.
    pc.client.delete(&format!("/api/sessions/{}", phone.session_id)).assert_problem(404, "not_found");
    // One's own session may be ended too.
    assert_eq!(pc.client.delete(&format!("/api/sessions/{}", pc.session_id)).status, 204);
    assert_refused_everywhere(&app, &pc);
}

#[test]
fn nobody_ends_the_session_of_another_person() {
    let (database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let bob = app.register("bob@example.com", PASSWORD);
    let unknown = "A".repeat(43);
    let ids =
        [bob.session_id.as_str(), &bob.token, &unknown, "x", "admin:x", "%2e%2e", "'; DROP TABLE sessions"];
    for id in ids {
        let path = format!("/api/sessions/{}", id.replace(' ', "%20"));
        alice.client.delete(&path).assert_problem(404, "not_found");
    }
    assert_eq!(bob.me().status, 200);
    assert_eq!(database.number("SELECT count(*) FROM sessions WHERE revoked"), 0);
}

#[test]
fn ending_all_others_leaves_the_caller_under_a_new_token_c1() {
    let (database, _redis, app) = stack("web");
    let pc = app.register("alice@example.com", PASSWORD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    let tablet = app.log_in("alice@example.com", PASSWORD);
    let bob = app.register("bob@example.com", PASSWORD);
    let answer = tablet.client.post_empty("/api/sessions/revoke-others");
    assert_eq!((answer.status, &answer.json()["revoked"]), (200, &json!(2)), "{}", answer.text());
    for ended in [&pc, &phone] {
        assert_refused_everywhere(&app, ended);
    }
    let renewed = tablet.client.cookie("sessionId").unwrap();
    assert_ne!(renewed, tablet.token);
    assert_eq!(tablet.me().status, 200);
    app.with_cookie(&tablet.token).get("/api/me").assert_problem(401, "unauthenticated");
    assert_eq!(listed(&tablet).len(), 1);
    assert_eq!(bob.me().status, 200);
    assert_eq!(
        database.value("SELECT auth_token FROM users WHERE email LIKE 'alice%'"),
        renewed,
        "dual written"
    );

    let again = tablet.client.post_empty("/api/sessions/revoke-others");
    assert_eq!((again.status, &again.json()["revoked"]), (200, &json!(0)));
}

#[test]
fn a_program_that_ends_all_others_gets_the_new_token_in_the_answer() {
    let (_database, _redis, app) = stack("web");
    let alice = app.register("alice@example.com", PASSWORD);
    let answer = alice.bearer().post_empty("/api/sessions/revoke-others");
    assert_eq!((answer.status, &answer.json()["revoked"]), (200, &json!(0)), "{}", answer.text());
    assert!(answer.set_cookies().is_empty());
    assert_eq!(app.with_bearer(&answer.member("/token")).get("/api/me").status, 200);
    alice.me().assert_problem(401, "unauthenticated");
}

#[test]
fn ending_all_others_needs_a_recent_proof() {
    let (database, redis, app) = stack("web");
    let pc = app.register("alice@example.com", PASSWORD);
    let phone = app.log_in("alice@example.com", PASSWORD);
    database.execute("UPDATE sessions SET authenticated_at = now() - interval '5 minutes 1 second'");
    redis.flush();
    let answer = pc.client.post_empty("/api/sessions/revoke-others");
    answer.assert_problem(403, "reauthentication_required");
    assert_eq!(phone.me().status, 200);

    let proof = pc.client.post("/api/reauthenticate", &json!({"password": "wrong password"}));
    proof.assert_problem(401, "invalid_credentials");
    pc.client.post_empty("/api/sessions/revoke-others").assert_problem(403, "reauthentication_required");
    assert_eq!(pc.client.post("/api/reauthenticate", &json!({"password": PASSWORD})).status, 204);
    let others = phone.client.post_empty("/api/sessions/revoke-others");
    others.assert_problem(403, "reauthentication_required");
    assert_eq!(pc.client.post_empty("/api/sessions/revoke-others").status, 200);
    phone.me().assert_problem(401, "unauthenticated");
}
