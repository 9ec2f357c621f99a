//! What strangers write does nothing in a real browser: it opens no dialog, it runs nothing, it adds no element.

use serde_json::json;
use test_support::{Browser, hostile};

use crate::PASSWORD;
use crate::policy::serve;
use crate::stage::Stage;

/// Elements and attributes that no page of ours has.
const STRANGE: &str = "return [...document.querySelectorAll('*')]
    .filter((e) => ['iframe', 'object', 'embed', 'base', 'style', 'svg', 'math', 'video', 'audio', 'b', 'template'].includes(e.localName)
        || e.localName === 'script' && !e.src.startsWith(location.origin + '/assets/')
        || e.localName === 'img' && e.src.includes('/x')
        || [...e.attributes].some((a) => a.name.startsWith('on') || a.name === 'style' || ['href', 'src', 'action', 'formaction'].includes(a.name) && /^\\s*(javascript|data):/i.test(a.value)))
    .map((e) => e.outerHTML)";

#[test]
fn what_strangers_write_does_nothing_in_a_browser() {
    let stage = Stage::new(true);
    let ada = stage.administrator();
    let (person, staff) = (stage.desk(), stage.desk());
    person.open(&stage.web, "/register");
    person.submit("#register", &[("email", "eve@example.com"), ("password", PASSWORD)]);
    person.arrive("/account");
    write_down(&stage, &hostile());

    person.reload();
    assert_eq!(person.count(".device"), hostile().len() + 1);
    assert_is_ours(&person);
    // What is taken over from an answer by a script is as harmless.
    person.click(".device:not([data-current]) button[type=submit]");
    person.wait_until("one is gone", || (person.count(".device") == hostile().len()).then_some(()));
    assert_is_ours(&person);

    staff.open(&stage.panel, "/users");
    stage.log_in(&staff, ada, PASSWORD);
    staff.arrive("/users");
    let eve = stage.database.value("SELECT id FROM users WHERE email = 'eve@example.com'");
    for path in ["/users".to_owned(), format!("/users/{eve}"), "/audit".to_owned()] {
        staff.open(&stage.panel, &path);
        assert_is_ours(&staff);
        while staff.count("#next") > 0 {
            staff.click("#next");
            assert_is_ours(&staff);
        }
    }
}

#[test]
fn what_would_do_something_is_found() {
    let browser = Browser::builder().start();
    let page =
        "<!doctype html><main id=main><p onclick=x()>x</p><img src=/x><a href=' JavaScript:x()'>x</a><b>x</b>
                <script src=//127.0.0.1:1/x.js></script><p title=javascript:x()>x</p></main>";
    browser.go(&serve("", page));
    let found = browser.evaluate(STRANGE, &[]);
    assert_eq!(found.as_array().map(Vec::len), Some(5), "{found}");
}

/// A device of Eve's, a person, and a line of the log for each of these words.
fn write_down(stage: &Stage, words: &[String]) {
    let words =
        json!(words.iter().map(|word| word.chars().take(200).collect::<String>()).collect::<Vec<_>>());
    let words = words.to_string().replace('\'', "''");
    stage.database.execute(&format!(
        "CREATE TEMPORARY TABLE given AS
         SELECT n, word FROM json_array_elements_text('{words}') WITH ORDINALITY known (word, n);
         INSERT INTO sessions (id, user_id, application_context, created_at, last_activity, expires_at,
                               absolute_expires_at, session_epoch, auth_method, user_agent)
         SELECT substr(translate(encode(sha256(n::text::bytea), 'base64'), '+/=', '-_'), 1, 43), user_id,
                application_context, s.created_at, last_activity, expires_at, absolute_expires_at, s.session_epoch,
                'telegram', word
         FROM sessions s JOIN users ON users.id = user_id, given WHERE email = 'eve@example.com';
         INSERT INTO users (email) SELECT n || lower(word) || '@x.example' FROM given;
         INSERT INTO audit_log (action, actor_id, subject_id, user_agent, detail)
         SELECT substr(word, 1, 60), id, id, word, jsonb_build_object(word, word, 'role', word)
         FROM given JOIN users ON email = n || lower(word) || '@x.example'"
    ));
}

#[track_caller]
fn assert_is_ours(browser: &Browser) {
    assert_eq!(browser.dialog(), None);
    assert_eq!(browser.evaluate(STRANGE, &[]), json!([]), "{}", browser.path());
    browser.see("html > body > main#main");
}
