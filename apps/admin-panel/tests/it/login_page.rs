//! The login page, which is every application's: in admin-panel a password is the only way.

use test_support::{Page, stack};

use crate::{PASSWORD, person};

#[test]
fn staff_log_in_and_out_by_the_page_and_customers_are_told_why_not() {
    let (database, _redis, app) = stack("admin-panel");
    person(&database, "ann@example.com", "support");
    person(&database, "bob@example.com", "user");
    let client = app.anon();
    let page = client.page("/login?next=%2Fusers%3Fquery%3Da");
    assert_eq!((page.count("form"), page.count("#login-sms, #login-telegram, a[href='/register']")), (1, 0));
    let form = page.form("#login").with("password", PASSWORD);
    let refused = Page::of(client.submit(&form.clone().with("email", "bob@example.com")));
    assert_eq!(refused.answer.status, 403);
    assert_eq!(refused.text("[role=alert]"), "Your account has no access to this application.");
    assert_eq!(database.number("SELECT count(*) FROM sessions"), 0);
    let answer = client.submit(&form.with("email", "ann@example.com"));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/users?query=a")));
    assert_eq!((client.cookie("adminFormKey"), client.cookie("adminSessionId").is_some()), (None, true));
    let page = client.page("/nowhere");
    assert_eq!((page.answer.status, page.text(".who-name bdi")), (404, "ann@example.com".into()));
    let out = client.submit(&page.form("#logout"));
    assert_eq!((out.status, out.header("location")), (303, Some("/login")));
    let sent = client.page("/nowhere").answer;
    assert_eq!((sent.status, sent.header("location")), (303, Some("/login?next=%2Fnowhere")));
    client.get("/api/me").assert_problem(401, "unauthenticated");
}
