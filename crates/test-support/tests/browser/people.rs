//! People and their devices.

use test_support::Browser;

use crate::PASSWORD;
use crate::stage::{Stage, is_sent_to_login};

const ALICE: &str = "alice@example.com";
const OTHER_DEVICE: &str = ".device:not([data-current])";

#[test]
fn a_device_ends_another_which_is_sent_to_login_with_scripts_b1_c1_c4() {
    a_device_ends_another(true);
}

#[test]
fn a_device_ends_another_which_is_sent_to_login_without_scripts_b1_c1_c4() {
    a_device_ends_another(false);
}

fn a_device_ends_another(scripts: bool) {
    let stage = Stage::new(scripts);
    let (desk, phone) = (register(&stage), log_in(&stage));
    desk.reload();
    for device in [&desk, &phone] {
        assert_eq!(device.count(".device"), 2);
        assert_eq!(device.count(".device[data-current]"), 1);
    }
    assert_eq!(
        (
            desk.texts(&format!("{OTHER_DEVICE} .device-name")),
            phone.texts(".device[data-current] .device-name")
        ),
        (vec!["Safari on iPhone".to_owned()], vec!["Safari on iPhone This device".to_owned()])
    );

    desk.click(&format!("{OTHER_DEVICE} button[type=submit]"));
    assert_eq!(desk.see("#notice p"), "The device is logged out.");
    desk.arrive("/account");
    assert_eq!(desk.attributes(".device", "data-current"), ["yes"]);

    is_sent_to_login(&phone);
    phone.submit("#login", &[("email", ALICE), ("password", PASSWORD)]);
    phone.arrive("/account");
    phone.submit("#end-others", &[("password", PASSWORD)]);
    assert_eq!(phone.see("#notice p"), "All other devices are logged out.");
    is_sent_to_login(&desk);
    phone.click("#logout button");
    phone.arrive("/login");
}

#[test]
fn a_new_password_sends_the_other_device_to_login_with_scripts_c1() {
    a_new_password(true);
}

#[test]
fn a_new_password_sends_the_other_device_to_login_without_scripts_c1() {
    a_new_password(false);
}

fn a_new_password(scripts: bool) {
    let stage = Stage::new(scripts);
    let (desk, phone) = (register(&stage), log_in(&stage));
    let new = "a longer horse than before";
    let change = |current| {
        desk.submit("#change-password", &[("current_password", current), ("new_password", new)]);
    };
    change("something else");
    assert_eq!(desk.see("#password-current-error"), "The credentials are not right.");
    change(PASSWORD);
    assert_eq!(desk.see("#notice p"), "The password is changed, and all other devices are logged out.");
    assert_eq!(desk.count(".device"), 1);

    is_sent_to_login(&phone);
    phone.submit("#login", &[("email", ALICE), ("password", PASSWORD)]);
    assert!(!phone.see("[role=alert]").is_empty());
    assert_eq!(phone.attributes("#login-email", "value"), [ALICE]);
    phone.submit("#login", &[("password", new)]);
    phone.arrive("/account");
    assert_eq!(phone.count(".device"), 2);
}

#[test]
fn a_code_by_sms_logs_in_with_scripts_b4() {
    a_code_by_sms(true);
}

#[test]
fn a_code_by_sms_logs_in_without_scripts_b4() {
    a_code_by_sms(false);
}

fn a_code_by_sms(scripts: bool) {
    const NUMBER: &str = "+447911123456";
    let stage = Stage::new(scripts);
    let phone = stage.phone();
    phone.open(&stage.web, "/login");
    phone.submit("#login-sms", &[("phone", "+44 7911 123456")]);
    phone.arrive("/login/sms/verify");
    assert_eq!(phone.see("#notice p"), "The code is on its way.");
    assert_eq!(phone.attributes("#code-phone", "value"), [NUMBER]);

    let code = stage.outbox.code_for(NUMBER);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    phone.submit("#login-sms-verify", &[("code", wrong)]);
    phone.see("#code-code-error");
    phone.submit("#login-sms-verify", &[("code", &code)]);
    phone.arrive("/account");
    assert_eq!(phone.texts(".who-name bdi"), [NUMBER]);
    assert_eq!(phone.count(".device"), 1);
}

/// Alice, who registers at her desk.
fn register(stage: &Stage) -> Browser {
    let desk = stage.desk();
    desk.open(&stage.web, "/register");
    desk.submit("#register", &[("email", ALICE), ("password", PASSWORD)]);
    desk.arrive("/account");
    desk
}

/// Alice on her phone.
fn log_in(stage: &Stage) -> Browser {
    let phone = stage.phone();
    phone.open(&stage.web, "/account");
    stage.log_in(&phone, ALICE, PASSWORD);
    phone.arrive("/account");
    phone
}
