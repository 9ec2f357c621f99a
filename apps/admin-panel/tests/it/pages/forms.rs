//! Into the panel and out of it, and what a form must bring.

use test_support::PageForm;

use super::{Panel, send};
use crate::PASSWORD;

const PAGES: [&str; 4] = ["/", "/users", "/audit", "/cleanup"];

#[test]
fn without_a_session_each_page_leads_to_the_login_and_back_c2() {
    let panel = Panel::new();
    let path = panel.path("user", "?x=1");
    let browser = super::Browser(panel.app.anon());
    for page in PAGES.iter().copied().chain([path.as_str(), "/users?role=admin&state=blocked"]) {
        let answer = browser.open(page);
        let encoded: String = form_urlencoded::byte_serialize(page.as_bytes()).collect();
        let login = format!("/login?next={encoded}");
        assert_eq!((answer.status(), answer.location()), (303, Some(login.as_str())), "{page}");
        let fields = [("email", "admin@example.com"), ("password", PASSWORD)];
        let browser = super::Browser(panel.app.anon());
        let answer = browser.see(&login).submit("#login", &fields);
        assert_eq!((answer.status(), answer.location()), (303, Some(page)));
        assert_eq!(browser.see(page).answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_customer_with_the_right_password_sees_that_they_may_not_enter_c2() {
    let panel = Panel::new();
    let browser = super::Browser(panel.app.anon());
    let login = browser.see("/login");
    let answer = login.submit("#login", &[("email", "user@example.com"), ("password", PASSWORD)]);
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.text("[role=alert]"), "Your account has no access to this application.");
    assert_eq!(panel.database.number("SELECT count(*) FROM sessions"), 0);
    let answer = login.submit("#login", &[("email", "user@example.com"), ("password", "not the one")]);
    assert_eq!(answer.status(), 401);
    for way in ["register", "login-sms", "login-telegram"] {
        assert!(!login.has(&format!("#{way}")), "{way}");
    }
}

#[test]
fn logging_out_by_the_form_of_any_page_ends_the_session_c2() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let out = admin.see("/cleanup").submit("#logout", &[]);
    assert_eq!((out.status(), out.location()), (303, Some("/login")));
    assert_eq!(admin.open("/").location(), Some("/login?next=%2F"));
    assert_eq!(panel.database.number("SELECT count(*) FROM sessions WHERE NOT revoked"), 0);
}

#[test]
fn a_form_without_its_token_is_a_403_page_and_does_nothing_c2() {
    let panel = Panel::new();
    let (admin, root) = (panel.browser("admin"), panel.browser("root"));
    let before = panel.database.number("SELECT count(*) FROM audit_log");
    let foreign = root.see("/").attribute("#logout input[name=form_token]", "value");
    for (act, extra) in [
        ("block", ("", "")),
        ("end-sessions", ("", "")),
        ("verify", ("", "")),
        ("role", ("role", "admin")),
        ("grant", ("permission", "users.read")),
    ] {
        let path = panel.path("user", &format!("/{act}"));
        for token in [None, Some(""), Some("x"), Some(foreign.as_str())] {
            let mut fields = vec![("application_context".to_owned(), "admin".to_owned())];
            fields.push((extra.0.to_owned(), extra.1.to_owned()));
            fields.extend(token.map(|token| ("form_token".to_owned(), token.to_owned())));
            let answer = send(&admin.0, &PageForm { action: path.clone(), fields });
            assert_eq!(answer.status(), 403, "{act}");
            assert_eq!(answer.text("h1"), "Not allowed");
        }
    }
    let twice = admin.see(&panel.path("user", "/block"));
    let mut form = twice.form("#act");
    form.fields.push(("form_token".to_owned(), "x".to_owned()));
    assert_eq!(send(&admin.0, &form).status(), 403);
    assert_eq!(panel.database.number("SELECT count(*) FROM audit_log"), before);
    assert_eq!(panel.of("user", "blocked_at IS NULL AND role = 'user'"), "t");
}

#[test]
fn pages_speak_russian_to_those_who_ask_for_it_a10() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let russian = super::Browser(admin.0.copy().with_header("Accept-Language", "ru"));
    for (page, title) in [
        ("/", "Сводка"),
        ("/users", "Люди"),
        ("/audit", "Журнал"),
        ("/cleanup", "Очистка"),
        (&panel.path("user", "/block"), "Заблокировать этого человека?"),
    ] {
        let page = russian.see(page);
        assert_eq!(page.text("h1"), title);
        assert_eq!(page.attribute("html", "lang"), "ru");
    }
}

#[test]
fn what_is_not_there_has_a_page_that_says_so_c2() {
    let panel = Panel::new();
    let admin = panel.browser("admin");
    let nobody = "00000000-0000-4000-8000-000000000000";
    for path in [
        "/users/x".to_owned(),
        format!("/users/{nobody}"),
        format!("/users/{nobody}/block"),
        panel.path("user", "/explode"),
        panel
            .path("user", "/take?permission=a&application_context=admin&x=%00")
            .replace("permission=a", "permission=%00"),
        panel.path("user", "/end-session?session=x"),
        "/nowhere".to_owned(),
    ] {
        let page = admin.open(&path);
        assert_eq!(page.status(), 404, "{path}");
        assert_eq!(page.text("h1"), "Page not found", "{path}");
    }
}
