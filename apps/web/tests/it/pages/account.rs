//! The page of one's own: devices, password, how pages look.

use test_support::stack;

use super::{account, assert_sent_to, complaints, log_in, others, register};
use crate::PASSWORD;

#[test]
fn a_person_sees_both_devices_and_ends_the_other_c1() {
    let (_database, _redis, app) = stack("web");
    let desk = register(&app, "alice@example.com");
    let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                  Chrome/120.0.0.0 Safari/537.36";
    let phone = app.anon().with_header("User-Agent", chrome);
    let form = super::login_form(&phone, "/login?next=%2Faccount", "alice@example.com", PASSWORD);
    assert_sent_to(&phone.submit(&form), "/account");
    assert_eq!(account(&phone).count(".device"), 2);

    let page = account(&desk);
    assert_eq!(page.text("#devices-title .count"), "2");
    assert_eq!(page.text(".device[data-current] .device-name"), "test-support This device");
    assert_eq!(page.text(".device:not([data-current]) .device-name"), "Chrome on Windows 10");
    assert_eq!(page.attributes(".device:not([data-current]) .device-name", "title"), [chrome]);
    assert_eq!(page.text(".device:not([data-current]) .device-seen"), "Last seen just now");
    assert_eq!(page.text(".device:not([data-current]) .device-address"), "Address 127.0.0.1");
    assert_eq!(page.count(".device[data-current] form"), 0, "this one is left by logging out");

    assert_sent_to(&desk.submit(&page.form(".device form")), "/account");
    let after = account(&desk);
    assert_eq!(after.text("#notice"), "The device is logged out.");
    assert_eq!(others(&after), Vec::<String>::new());
    assert_eq!(after.text("#devices .empty"), "You are logged in on this device alone.");
    assert_eq!(account(&desk).text("#notice"), "", "a notice is shown once");
    crate::assert_refused_soon(&phone);
    assert_sent_to(&phone.page("/account").answer, "/login?next=%2Faccount");
    // The page that is still open there sends its forms into the same answer.
    let forgotten = phone.submit(&page.form("#change-password"));
    assert_sent_to(&forgotten, "/login");
}

#[test]
fn a_device_of_somebody_else_is_not_found_c1() {
    let (_database, _redis, app) = stack("web");
    let alice = register(&app, "alice@example.com");
    let bob = register(&app, "bob@example.com");
    let own = account(&bob).attributes(".device", "data-session-id").remove(0);
    log_in(&app, "alice@example.com", PASSWORD);
    let mut form = account(&alice).form(".device form");
    for id in [own.as_str(), "x", "..", "%2e%2e"] {
        form.action = format!("/account/sessions/{id}/end");
        assert_eq!(alice.submit(&form).status, 404, "{id}");
    }
    assert_eq!(bob.get("/api/me").status, 200);
}

#[test]
fn all_others_end_by_the_password_alone_c1() {
    let (_database, _redis, app) = stack("web");
    let desk = register(&app, "alice@example.com");
    let others: Vec<_> = (0..3).map(|_| log_in(&app, "alice@example.com", PASSWORD)).collect();
    let form = account(&desk).form("#end-others");
    let wrong = test_support::Page::of(desk.submit(&form.clone().with("password", "wrong password")));
    assert_eq!(wrong.answer.status, 401);
    assert_eq!(complaints(&wrong), ["The credentials are not right."]);
    assert_eq!(wrong.attributes("#others-password", "aria-describedby"), ["others-password-error"]);
    assert_eq!(wrong.count(".device"), 4);
    // A form that leaves the password out gets by on a recent login alone, like the API; an old login does not.
    let right = desk.submit(&form.with("password", PASSWORD));
    assert_sent_to(&right, "/account");
    assert!(right.set_cookie("sessionId").is_some(), "the session goes on under a new token");
    assert_eq!(account(&desk).text("#notice"), "All other devices are logged out.");
    for other in others {
        assert_sent_to(&other.page("/account").answer, "/login?next=%2Faccount");
    }
}

#[test]
fn an_old_login_ends_no_others_without_the_password_c1() {
    let (database, redis, app) = stack("web");
    let desk = register(&app, "alice@example.com");
    let other = log_in(&app, "alice@example.com", PASSWORD);
    database.execute("UPDATE sessions SET authenticated_at = authenticated_at - interval '6 minutes'");
    redis.flush();
    let form = account(&desk).form("#end-others").without("password");
    let refused = test_support::Page::of(desk.submit(&form));
    assert_eq!(refused.answer.status, 403);
    assert_eq!(complaints(&refused).len(), 1);
    assert_eq!(other.get("/api/me").status, 200);
}

#[test]
fn a_new_password_ends_all_others_and_faults_stand_by_their_fields_c1() {
    let (_database, _redis, app) = stack("web");
    let desk = register(&app, "alice@example.com");
    let phone = log_in(&app, "alice@example.com", PASSWORD);
    let page = account(&desk);
    let form = page.form("#change-password").with("current_password", PASSWORD);
    let endless = "a".repeat(257);
    for (current, new, status, field, complaint) in [
        (PASSWORD, "short", 422, "password-new", "The password must have at least 8 characters."),
        ("wrong password", "another password", 401, "password-current", "The credentials are not right."),
        (&endless, "another password", 401, "password-current", "The credentials are not right."),
    ] {
        let form = form.clone().with("current_password", current).with("new_password", new);
        let refused = test_support::Page::of(desk.submit(&form));
        assert_eq!(refused.answer.status, status);
        assert_eq!(refused.attributes("[aria-invalid=true]", "id"), [field]);
        assert_eq!(complaints(&refused), [complaint]);
        assert!(!refused.answer.text().contains(new), "no password comes back");
    }
    assert_sent_to(&desk.submit(&form.clone().with("new_password", "another password")), "/account");
    assert!(account(&desk).text("#notice").starts_with("The password is changed"));
    assert_sent_to(&phone.page("/account").answer, "/login?next=%2Faccount");
    assert_eq!(desk.submit(&form).status, 403, "the page from before belongs to the token from before");
    log_in(&app, "alice@example.com", "another password");
    let client = app.anon();
    let old = client.submit(&super::login_form(&client, "/login", "alice@example.com", PASSWORD));
    assert_eq!(old.status, 401);
}

#[test]
fn theme_and_language_are_those_that_were_chosen() {
    let (_database, _redis, app) = stack("web");
    let client = register(&app, "alice@example.com").with_header("Accept-Language", "en");
    let page = account(&client);
    assert_eq!((page.attributes("html", "lang"), page.attributes("html", "data-theme")), one("en", "system"));
    let form = page.form("#choose-preferences").with("theme", "dark").with("language", "ru");
    assert_sent_to(&client.submit(&form), "/account");
    let page = account(&client);
    assert_eq!((page.attributes("html", "lang"), page.attributes("html", "data-theme")), one("ru", "dark"));
    assert_eq!(page.text("h1"), "Ваша учётная запись");
    assert_eq!(page.text("#notice"), "Сохранено.");
    assert_eq!(page.form("#choose-preferences").fields[1..], form.fields[1..]);
    // Problems speak like pages, and the next login remembers.
    assert_eq!(client.page("/nowhere").text("h1"), "Страница не найдена");
    let next = account(&log_in(&app, "alice@example.com", PASSWORD));
    assert_eq!((next.attributes("html", "lang"), next.attributes("html", "data-theme")), one("ru", "dark"));
    assert_eq!(client.submit(&form.clone().with("theme", "<b>")).status, 422);
}

fn one(lang: &str, theme: &str) -> (Vec<String>, Vec<String>) {
    (vec![lang.to_owned()], vec![theme.to_owned()])
}

#[test]
fn two_hundred_devices_are_one_page_c1() {
    let (database, _redis, app) = stack("web");
    let desk = register(&app, "alice@example.com");
    database.execute(
        "INSERT INTO sessions (id, user_id, application_context, created_at, last_activity, expires_at,
                               absolute_expires_at, session_epoch, auth_method, user_agent)
         SELECT substr(translate(encode(sha256(n::text::bytea), 'base64'), '+/=', '-_'), 1, 43), s.user_id,
                s.application_context, s.created_at, s.last_activity - n * interval '1 hour', s.expires_at,
                s.absolute_expires_at, s.session_epoch, s.auth_method, 'curl/' || n
         FROM sessions s, generate_series(1, 199) n",
    );
    let page = account(&desk);
    assert_eq!((page.count(".device"), page.count(".device form")), (200, 199));
    assert_eq!(page.attributes(".device", "data-current").len(), 1);
    assert!(page.answer.body.len() < 200_000, "{}", page.answer.body.len());
}
