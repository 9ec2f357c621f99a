//! Staff, and the person whom they deal with.

use crate::PASSWORD;
use crate::stage::{Stage, is_sent_to_login};

#[test]
fn staff_find_a_person_and_end_their_sessions_which_the_log_shows_with_scripts_c2_c4() {
    staff_end_sessions(true);
}

#[test]
fn staff_find_a_person_and_end_their_sessions_which_the_log_shows_without_scripts_c2_c4() {
    staff_end_sessions(false);
}

fn staff_end_sessions(scripts: bool) {
    let stage = Stage::new(scripts);
    let ada = stage.administrator();
    let (person, staff) = (stage.desk(), stage.desk());
    person.open(&stage.web, "/register");
    person.submit("#register", &[("email", "bob@example.com"), ("password", PASSWORD)]);
    person.arrive("/account");

    staff.open(&stage.panel, "/users");
    stage.log_in(&staff, ada, PASSWORD);
    staff.arrive("/users");
    staff.submit("#find-users", &[("query", "BOB@exa")]);
    staff.arrive("/users");
    assert_eq!(staff.texts("#people tbody th"), ["bob@example.com"]);
    let id = staff.attributes("tr[data-user-id]", "data-user-id").remove(0);
    staff.click("tr[data-user-id] a");
    staff.arrive(&format!("/users/{id}"));
    assert_eq!(staff.count("#sessions .device"), 1);

    staff.click("[data-act=end-sessions]");
    staff.arrive(&format!("/users/{id}/end-sessions"));
    staff.click("#act button[type=submit]");
    staff.arrive(&format!("/users/{id}"));
    assert_eq!(staff.see("#notice p"), "All sessions of this person are ended.");
    assert_eq!(staff.count("#sessions .device"), 0);

    // Web is another process than the one that ended them; it has heard of it by the time somebody sees to it.
    let web = stage.web.anon();
    let cookie = person.cookie(stage.web.cookie()).expect("a cookie, also of a session that has ended");
    web.add_cookie(stage.web.cookie(), &cookie);
    person.wait_until("web hears of it", || (web.get("/api/me").status == 401).then_some(()));
    is_sent_to_login(&person);

    staff.open(&stage.panel, &format!("/audit?user={id}&action=sessions_ended"));
    assert_eq!(staff.attributes("#log tbody tr", "data-action"), ["sessions_ended"]);
    assert_eq!(staff.texts("#log td bdi")[..2], [ada, "bob@example.com"]);
    staff.click("#logout button");
    staff.arrive("/login");
}
