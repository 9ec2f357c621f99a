//! Problems as pages: the same codes as the API's, in words that help, and never a login page for an outage.

use std::time::Duration;

use test_support::{App, Page, TestDatabase, TestPostgres, TestRedis, eventually, stack};

use super::{account, assert_sent_to, login_form, register};
use crate::PASSWORD;

#[test]
fn a_page_that_is_not_there_says_so_in_both_languages() {
    let (_database, _redis, app) = stack("web");
    let alice = register(&app, "alice@example.com");
    for (language, title, detail, way) in [
        ("en", "Page not found", "There is nothing here.", "To the first page"),
        ("ru", "Страница не найдена", "Здесь ничего нет.", "На главную"),
    ] {
        let page = alice.clone().with_header("Accept-Language", language).page("/nowhere");
        assert_eq!(page.answer.status, 404);
        assert_eq!(page.attributes("html", "lang"), [language]);
        assert_eq!((page.text("h1"), page.text("main .lead")), (title.into(), detail.into()));
        assert_eq!(
            (page.text("main .button"), page.attributes("main .button", "href")),
            (way.into(), vec!["/".into()])
        );
    }
    // Who is not logged in learns nothing of what is there; programs get what they understand.
    let stranger = app.anon();
    assert_sent_to(&stranger.page("/nowhere?a=b").answer, "/login?next=%2Fnowhere%3Fa%3Db");
    stranger.get("/nowhere").assert_problem(401, "unauthenticated");
    for client in [&stranger, &alice] {
        let api = client.request("GET", "/api/nowhere").header("Accept", "text/html").send();
        let (status, code) = if api.status == 404 { (404, "not_found") } else { (401, "unauthenticated") };
        api.assert_problem(status, code);
    }
    let page = alice.request("DELETE", "/account").header("Accept", "text/html").send();
    assert_eq!((page.status, page.header("content-type")), (405, Some("text/html; charset=utf-8")));
    // The address of a form is none to look at.
    assert_sent_to(&alice.page("/account/password").answer, "/account");
}

#[test]
fn what_one_can_do_is_told_by_the_cause_and_not_by_the_status() {
    let (_database, _redis, app) = stack("web");
    let alice = register(&app, "alice@example.com");
    let form = account(&alice).form("#logout").with("form_token", "x");
    for (page, detail, hint) in [
        (
            alice.submit(&form),
            "This form does not belong to your login, or its page is out of date.",
            "Go back, load the page anew and try again.",
        ),
        (
            alice.clone().with_header("Origin", "https://evil.example").submit(&form),
            "This request came from another site.",
            "Open the page here and try again.",
        ),
    ] {
        let page = Page::of(page);
        assert_eq!(page.answer.status, 403);
        assert_eq!((page.text("main .lead"), page.text("main .muted")), (detail.into(), hint.into()));
    }
}

#[test]
fn what_a_browser_sends_twice_is_a_page_too() {
    let (_database, _redis, app) = stack("web");
    let client = app.with_cookie("aaaaaa");
    client.add_cookie("sessionId", "bbbbbb");
    for path in ["/account", "/"] {
        let page = client.page(path);
        assert_eq!((page.answer.status, page.count("h1")), (400, 1));
        assert_eq!(page.text("main .lead"), "A session cookie was sent more than once.");
    }
    assert_eq!(client.page("/login").answer.status, 200);
}

#[test]
fn without_postgres_pages_say_so_and_nobody_is_sent_to_log_in_f12() {
    let (postgres, redis) = (TestPostgres::start(), TestRedis::start());
    let database = postgres.database();
    let app = App::builder("web").database(&database).redis(&redis).start();
    let alice = register(&app, "alice@example.com");
    let forms = account(&alice);
    let stranger = app.anon();
    let login = login_form(&stranger, "/login", "alice@example.com", PASSWORD);
    postgres.stop();
    redis.flush();
    eventually("the lease of the caches ends", Duration::from_secs(1), || {
        (alice.get("/api/me").status == 503).then_some(())
    });
    let cookies = alice.cookies();
    for path in ["/account", "/", "/nowhere"] {
        let page = alice.page(path);
        assert_eq!(page.answer.status, 503, "{path}");
        assert_eq!(page.text("h1"), "Back in a moment");
        assert_eq!(page.attributes("main .button", "href"), [path]);
        assert!(page.answer.header("retry-after").is_some());
    }
    for form in ["#choose-preferences", "#logout"] {
        let page = Page::of(alice.submit(&forms.form(form)));
        assert_eq!((page.answer.status, page.count("#notice")), (503, 1), "{form}");
    }
    assert_eq!(alice.cookies(), cookies, "the cookies are kept");
    assert_eq!(Page::of(stranger.submit(&login)).text("h1"), "Back in a moment");
    for path in ["/", "/login", "/register", "/login/sms/verify"] {
        assert_eq!(app.anon().page(path).answer.status, 200, "{path} needs no store");
        let before = alice.page(path).answer.status;
        assert_eq!(before, if path == "/" { 503 } else { 200 }, "{path} with a session");
    }
    postgres.start_again();
    eventually("pages work again", Duration::from_secs(3), || {
        (alice.page("/account").answer.status == 200).then_some(())
    });
}

#[test]
fn without_the_web_database_pages_look_as_the_browser_asks_a9() {
    let (identity, own, redis) = (TestDatabase::new(), TestDatabase::new(), TestRedis::start());
    let builder = App::builder("web").env("DATABASE_IDENTITY_URL", &identity.url()).redis(&redis);
    let app = builder.env("DATABASE_WEB_URL", &own.url()).start();
    let alice = register(&app, "alice@example.com").with_header("Accept-Language", "en");
    let form = account(&alice).form("#choose-preferences").with("language", "ru").with("theme", "dark");
    assert_sent_to(&alice.submit(&form), "/account");
    assert_eq!(account(&alice).attributes("html", "lang"), ["ru"]);
    own.execute(
        "ALTER TABLE web_sessions RENAME TO gone; ALTER TABLE web_user_cache RENAME TO gone_too;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    let page = account(&alice);
    assert_eq!(page.attributes("html", "lang"), ["en"]);
    assert_eq!(page.attributes("html", "data-theme"), ["system"]);
    assert_eq!(alice.submit(&form).status, 503, "a choice that cannot be kept is not said to be");
}
