//! The pages of web.

use super::{MANY, OLIVIA, Tour};

#[test]
fn pages_of_web_keep_nobody_out() {
    let tour = Tour::new();
    let (web, browser) = (&tour.stage.web, &tour.browser);
    tour.visit(web, "/", "web-home-stranger");
    tour.visit(web, "/register", "web-register");
    browser.submit("#register", &[("email", OLIVIA), ("password", "short")]);
    browser.see("#register-password-error");
    tour.glance();
    tour.visit(web, "/login", "web-login");
    browser.submit("#login", &[("email", OLIVIA), ("password", "not this one")]);
    browser.see("#login [role=alert]");
    tour.look("web-login-refused");
    browser.open(web, "/login");
    browser.submit("#login-sms", &[("phone", "+447946000112")]);
    browser.arrive("/login/sms/verify");
    tour.look("web-code");
    tour.visit(web, "/login/telegram?id=712345678&first_name=Olivia&auth_date=1&hash=00", "web-telegram");
    tour.pass(web, "/login/telegram");

    tour.log_in(web, OLIVIA);
    tour.visit(web, "/", "web-home");
    tour.visit(web, "/account", "web-account");
    browser.submit("#change-password", &[("current_password", "not this one"), ("new_password", "short")]);
    browser.see("#change-password [aria-invalid]");
    tour.glance();
    tour.visit(web, "/nowhere", "web-problem-404");
    tour.log_out();
    tour.glance();

    tour.log_in(web, MANY);
    tour.visit(web, "/account", "web-account-200-devices");
    browser.submit("#end-others", &[("password", crate::PASSWORD)]);
    browser.see("#devices .empty");
    tour.look("web-account-one-device");
    tour.end();
}
