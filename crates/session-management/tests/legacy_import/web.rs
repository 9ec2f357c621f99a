//! Imported tokens, as the devices of those people use them.

use test_support::{App, Client, stack};

use crate::fixture::{OldFile, of_user};

fn with_old_cookie(app: &App, name: &str, token: &str) -> Client {
    let client = app.anon();
    client.add_cookie(name, token);
    client
}

#[test]
fn every_imported_token_works_however_it_is_carried_and_only_in_web_b10_f3() {
    let (database, redis, app) = stack("web");
    let admin = App::builder("admin-panel").database(&database).redis(&redis).start();
    let file = OldFile::new();
    file.user(1, "token-of-the-phone").session(1, "token-of-the-pc").session(1, "token-of-the-phone");
    file.user(2, "").session(2, "token-of-another");
    file.import(&database);
    let ann = of_user(&database, 1, "id");
    for token in ["token-of-the-pc", "token-of-the-phone"] {
        for client in [
            with_old_cookie(&app, "auth_token", token),
            with_old_cookie(&app, "sessionId", token),
            app.with_bearer(token),
        ] {
            let me = client.get("/api/me");
            assert_eq!(me.status, 200, "{token}: {}", me.text());
            assert_eq!(me.member("/user/id"), ann);
        }
        admin.with_bearer(token).get("/api/me").assert_problem(401, "unauthenticated");
        admin.with_cookie(token).get("/api/me").assert_problem(401, "unauthenticated");
    }
    let devices = app.with_bearer("token-of-the-pc").get("/api/sessions").json();
    assert_eq!(devices["sessions"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_ended_in_web_stays_ended_when_the_file_comes_again_b10_f1() {
    let (database, _redis, app) = stack("web");
    let file = OldFile::new();
    file.user(1, "token-of-the-phone").session(1, "token-of-the-pc").session(1, "token-of-the-phone");
    file.import(&database);
    let pc = with_old_cookie(&app, "auth_token", "token-of-the-pc");
    assert_eq!(pc.get("/api/me").status, 200);
    assert_eq!(pc.post_empty("/api/logout").status, 200);
    let refused = |token: &str| {
        app.with_bearer(token).get("/api/me").assert_problem(401, "unauthenticated");
        with_old_cookie(&app, "auth_token", token).get("/api/me").assert_problem(401, "unauthenticated");
    };
    refused("token-of-the-pc");
    file.import(&database);
    refused("token-of-the-pc");
    file.run("UPDATE users SET plan = 'new'").session(1, "token-of-the-tablet").import(&database);
    refused("token-of-the-pc");
    for token in ["token-of-the-phone", "token-of-the-tablet"] {
        assert_eq!(app.with_bearer(token).get("/api/me").status, 200, "{token}");
    }
}
