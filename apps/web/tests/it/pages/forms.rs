//! Forms count when they come from a page that we gave to this person, and from our own origin; where they lead on is
//! always a place of our own.

use test_support::{App, Client, Page, PageForm, TestDatabase, TestOutbox, TestRedis, stack};

use super::{account, assert_sent_to, complaints, log_in, login_form, register};
use crate::PASSWORD;

/// Forms of the page of one's own, filled in so that each would do something.
fn own_forms(client: &Client) -> Vec<PageForm> {
    let page = account(client);
    vec![
        page.form(".device form"),
        page.form("#end-others").with("password", PASSWORD),
        page.form("#change-password")
            .with("current_password", PASSWORD)
            .with("new_password", "another password"),
        page.form("#choose-preferences").with("theme", "dark"),
        page.form("#logout"),
    ]
}

fn token(form: &PageForm) -> String {
    form.fields.iter().find(|(name, _)| name == "form_token").unwrap().1.clone()
}

/// Everything that a form could have changed.
fn state(database: &TestDatabase) -> String {
    database.value(
        "SELECT concat_ws(' ', (SELECT count(*) FROM sessions WHERE NOT revoked),
             (SELECT string_agg(hashed_password, '' ORDER BY id) FROM users),
             (SELECT count(*) FROM web_sessions))",
    )
}

#[test]
fn a_form_without_the_token_of_its_session_does_nothing() {
    let (database, _redis, app) = stack("web");
    let stranger = app.anon();
    let before = token(&stranger.page("/login").form("#login"));
    let alice = register(&app, "alice@example.com");
    log_in(&app, "alice@example.com", PASSWORD);
    let bob = token(&account(&register(&app, "bob@example.com")).form("#logout"));
    let second = token(&account(&log_in(&app, "alice@example.com", PASSWORD)).form("#logout"));
    let forms = own_forms(&alice);
    let (own, untouched) = (token(&forms[0]), state(&database));
    let longer = format!("{own}A");
    for form in &forms {
        assert_eq!(token(form), own, "one for all forms of a session");
        for wrong in ["", "x", &own[1..], &longer, &before, &bob, &second, &own.to_uppercase()] {
            let answer = alice.submit(&form.clone().with("form_token", wrong));
            assert_eq!(answer.status, 403, "{} {wrong}", form.action);
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        }
        assert_eq!(alice.submit(&form.clone().without("form_token")).status, 403, "{}", form.action);
        let mut twice = form.clone();
        twice.fields.push(("form_token".into(), "x".into()));
        assert_eq!(alice.submit(&twice).status, 403, "{}", form.action);
        assert_eq!(state(&database), untouched, "{}", form.action);
    }
    assert_eq!(alice.page("/account").answer.status, 200);
}

#[test]
fn a_stranger_s_form_needs_the_cookie_that_came_with_its_page() {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("OUTBOX_DIR", &outbox.directory()).start();
    register(&app, "alice@example.com");
    for (path, form) in [("/login", "#login"), ("/login", "#login-sms"), ("/register", "#register")] {
        let (stranger, untouched) = (app.anon(), state(&database));
        let mut form = stranger.page(path).form(form);
        for (name, value) in &mut form.fields {
            match name.as_str() {
                "email" => "alice@example.com".clone_into(value),
                "password" => PASSWORD.clone_into(value),
                "phone" => "+447400123456".clone_into(value),
                _ => {}
            }
        }
        assert_eq!(app.anon().submit(&form).status, 403, "{path} without the cookie");
        let other = app.anon();
        let _ = other.page(path);
        assert_eq!(other.submit(&form).status, 403, "{path} with another's cookie");
        let tossed = app.anon();
        tossed.add_cookie("formKey", "short");
        assert_eq!(tossed.submit(&form).status, 403, "{path} with a cookie that is none of ours");
        assert_eq!(stranger.submit(&form.clone().without("form_token")).status, 403, "{path}");
        assert_eq!(state(&database), untouched);
        assert_ne!(stranger.submit(&form).status, 403, "{path} as it should be");
    }
}

#[test]
fn a_form_of_another_site_does_nothing() {
    let (database, _redis, app) = stack("web");
    let alice = register(&app, "alice@example.com");
    log_in(&app, "alice@example.com", PASSWORD);
    let (forms, untouched) = (own_forms(&alice), state(&database));
    for form in &forms {
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
        ] {
            let answer = alice.clone().with_header(name, value).submit(form);
            assert_eq!(answer.status, 403, "{} {name}: {value}", form.action);
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        }
    }
    assert_eq!(state(&database), untouched);
    let form = forms[3].clone();
    let own = alice.clone().with_header("Origin", &app.base()).with_header("Sec-Fetch-Site", "same-origin");
    assert_sent_to(&own.submit(&form), "/account");
}

#[test]
fn a_body_that_is_no_form_is_refused() {
    let (_database, _redis, app) = stack("web");
    let alice = register(&app, "alice@example.com");
    let form = account(&alice).form("#choose-preferences");
    let send = |kind: &str, body: String| {
        let request = alice.request("POST", &form.action).header("Content-Type", kind);
        request.header("Accept", "text/html").body(body).send().status
    };
    let good = "application/x-www-form-urlencoded";
    assert_eq!(send("application/json", "{}".into()), 415);
    assert_eq!(send("multipart/form-data; boundary=x", form.encoded()), 415);
    assert_eq!(send("text/plain", form.encoded()), 415);
    assert_eq!(send(good, format!("{}&x={}", form.encoded(), "a".repeat(70_000))), 413);
    assert_eq!(send(good, form.clone().without("theme").encoded()), 422);
    assert_eq!(send(good, format!("{}&theme=dark", form.encoded())), 422);
    assert_eq!(send(good, String::new()), 403);
    assert_eq!(send("application/x-www-form-urlencoded; charset=UTF-8", form.encoded()), 303);
}

#[test]
fn a_login_leads_only_to_places_of_our_own() {
    let (_database, _redis, app) = stack("web");
    register(&app, "alice@example.com");
    for next in [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/%2f%2fevil.example",
        "%2f%2fevil.example",
        "/%5cevil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\r\nLocation: https://evil.example",
        "///evil.example",
        "/login",
        "/logout",
        "@evil",
        "/..//evil.example",
        "/\u{2028}",
        "evil.example",
        "",
    ] {
        let encoded: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let client = app.anon();
        let page = client.page(&format!("/login?next={encoded}"));
        assert_eq!(page.attributes("#login [name=next]", "value"), [""], "{next:?}");
        assert!(!page.answer.text().contains("evil"), "{next:?}");
        let form = page.form("#login").with("email", "alice@example.com").with("password", PASSWORD);
        assert_sent_to(&client.submit(&form.with("next", next)), "/account");
    }
    for next in ["/", "/account?x=1&y=%20", "/account"] {
        let encoded: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let client = app.anon();
        let form = login_form(&client, &format!("/login?next={encoded}"), "alice@example.com", PASSWORD);
        assert_sent_to(&client.submit(&form), next);
    }
    // Whoever is sent to the login is sent back.
    let client = app.anon();
    let sent = client.page("/account?tab=1&x=%3Cb%3E").answer;
    assert_sent_to(&sent, "/login?next=%2Faccount%3Ftab%3D1%26x%3D%253Cb%253E");
    let form = login_form(&client, sent.header("location").unwrap(), "alice@example.com", PASSWORD);
    assert_sent_to(&client.submit(&form), "/account?tab=1&x=%3Cb%3E");
}

const OUTDATED: &str = "This form does not belong to your login, or its page is out of date.";

/// A form that is out of date, sent: it comes back with what was typed, and counts when it is sent once more.
#[track_caller]
fn sent_again(client: &Client, form: &PageForm, selector: &str) -> PageForm {
    let page = Page::of(client.submit(form));
    assert_eq!((page.answer.status, complaints(&page)), (403, vec![OUTDATED.to_owned()]), "{selector}");
    assert!(!page.answer.text().contains(PASSWORD), "no password comes back");
    let again = page.form(selector);
    for (name, value) in &form.fields {
        let kept = if name == "password" { "" } else { value };
        let now = again.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert!(name == "form_token" || now == Some(kept), "{selector} {name}: {now:?}");
    }
    again
}

#[test]
fn a_login_in_another_tab_leaves_no_form_that_can_never_be_sent() {
    let (_database, _redis, app) = stack("web");
    register(&app, "alice@example.com");
    let (browser, tab) = (app.anon(), "/login?next=%2Faccount%3Ftab");
    let second = login_form(&browser, tab, "alice@example.com", PASSWORD);
    let first = login_form(&browser, "/login", "alice@example.com", PASSWORD);
    assert_sent_to(&browser.submit(&first), "/account");
    let again = sent_again(&browser, &second, "#login").with("password", PASSWORD);
    assert_sent_to(&browser.submit(&again), "/account?tab");
}

#[test]
fn strangers_forms_that_are_out_of_date_come_back_with_what_was_typed() {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("OUTBOX_DIR", &outbox.directory()).start();
    register(&app, "alice@example.com");
    // Two pages that were asked for at once have a key each, of which the browser keeps the last.
    let tab = |path: &str, selector: &str| app.anon().page(path).form(selector);
    let untouched = state(&database);
    let next = "%2Faccount%3Fx";
    let form = tab(&format!("/login?next={next}"), "#login").with("email", "alice@example.com");
    let browser = app.anon();
    let again = sent_again(&browser, &form.with("password", PASSWORD), "#login");
    assert_sent_to(&browser.submit(&again.with("password", PASSWORD)), "/account?x");
    let form = tab(&format!("/register?next={next}"), "#register").with("email", "bob@example.com");
    let browser = app.anon();
    let again = sent_again(&browser, &form.with("password", PASSWORD), "#register");
    assert_sent_to(&browser.submit(&again.with("password", PASSWORD)), "/account?x");
    let browser = app.anon();
    let form = tab(&format!("/login?next={next}"), "#login-sms").with("phone", "+447400123456");
    assert!(outbox.messages().is_empty() && state(&database) != untouched);
    let again = sent_again(&browser, &form, "#login-sms");
    assert!(outbox.messages().is_empty(), "nothing is sent by a form that does not count");
    assert_sent_to(&browser.submit(&again), "/login/sms/verify?next=%2Faccount%3Fx");
    let code = outbox.code_for("+447400123456");
    let form = tab(&format!("/login/sms/verify?next={next}"), "#login-sms-verify");
    let form = form.with("phone", "+447400123456").with("code", &code);
    let browser = app.anon();
    let page = Page::of(browser.submit(&form));
    assert_eq!((page.answer.status, complaints(&page)), (403, vec![OUTDATED.to_owned()]));
    let again = page.form("#login-sms-verify").with("code", &code);
    assert_sent_to(&browser.submit(&again), "/account?x");
    // What cannot even be read is a page of its own.
    let broken = tab("/login", "#login").without("email");
    assert_eq!(Page::of(app.anon().submit(&broken)).text("h1"), "Not allowed");
}

#[test]
fn a_program_s_token_sends_no_forms_of_pages() {
    let (database, _redis, app) = stack("web");
    let alice = register(&app, "alice@example.com");
    let other = log_in(&app, "alice@example.com", PASSWORD);
    let (forms, untouched) = (own_forms(&alice), state(&database));
    let program = app.with_bearer(&alice.cookie("sessionId").unwrap());
    for form in &forms {
        let answer = program.submit(form);
        assert_eq!(answer.status, 403, "{}", form.action);
        assert!(answer.set_cookies().is_empty(), "{}", form.action);
    }
    assert_eq!(state(&database), untouched);
    assert_eq!((alice.get("/api/me").status, other.get("/api/me").status), (200, 200));
}
