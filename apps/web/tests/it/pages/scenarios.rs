//! The six scenarios of the report, through the pages.

use test_support::stack;

use super::{account, assert_sent_to, log_in, register};
use crate::PASSWORD;

const TO_LOGIN: &str = "/login?next=%2Faccount";

#[test]
fn six_scenarios_b9() {
    let (database, _redis, app) = stack("web");
    // 1 and 2: the PC logs in, and the phone beside it.
    register(&app, "alice@example.com");
    let (pc, phone) =
        (log_in(&app, "alice@example.com", PASSWORD), log_in(&app, "alice@example.com", PASSWORD));
    assert_eq!((account(&pc).count(".device"), account(&phone).count(".device")), (3, 3));

    // 3: a logout on the PC leaves the phone.
    assert_sent_to(&pc.submit(&account(&pc).form("#logout")), "/login");
    assert_sent_to(&pc.page("/account").answer, TO_LOGIN);
    assert_eq!(account(&phone).count(".device"), 2);

    // 4: a logout on the phone leaves the PC.
    let pc = log_in(&app, "alice@example.com", PASSWORD);
    assert_sent_to(&phone.submit(&account(&phone).form("#logout")), "/login");
    assert_sent_to(&phone.page("/account").answer, TO_LOGIN);
    assert_eq!(account(&pc).count(".device"), 2);

    // 5: an old token that has no row works, becomes the application's own cookie, and can be ended.
    database
        .execute("UPDATE users SET auth_token = 'a1B2c3D4e5F6-old_token' WHERE email = 'alice@example.com'");
    let old = app.anon();
    old.add_cookie("auth_token", "a1B2c3D4e5F6-old_token");
    let page = account(&old);
    assert_eq!(page.count(".device"), 3);
    assert_eq!(old.cookie("sessionId").as_deref(), Some("a1B2c3D4e5F6-old_token"));
    assert_sent_to(&old.submit(&page.form("#logout")), "/login");
    old.add_cookie("auth_token", "a1B2c3D4e5F6-old_token");
    assert_sent_to(&old.page("/account").answer, TO_LOGIN);

    // 6: without a cookie there is a 401, and pages lead to the login.
    pc.clear_cookies();
    pc.get("/api/me").assert_problem(401, "unauthenticated");
    assert_sent_to(&pc.page("/account").answer, TO_LOGIN);
}
