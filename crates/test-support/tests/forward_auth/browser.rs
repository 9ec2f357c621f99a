//! A person with a real Chromium who comes to the protected application, and what they see of it.

use std::time::{Duration, Instant};

use serde_json::json;
use test_support::{Browser, tally};

use crate::proxy::Kind;
use crate::service::PythonService;
use crate::stage::{ALICE, Stage};
use crate::{PASSWORD, behind_every_proxy};

const WANTED: &str = "/reports/?from=1&to=2";
const PROMISED: Duration = Duration::from_millis(500);

behind_every_proxy!(a_person_logs_in_uses_the_application_and_is_refused_when_their_session_ends_c7);

fn a_person_logs_in_uses_the_application_and_is_refused_when_their_session_ends_c7(kind: Kind) {
    let service = PythonService::start();
    let stage = Stage::new(kind, service.port());
    let phone = stage.alice();
    let browser = Browser::builder().start();
    let mut said = Vec::new();
    let mut see = |what: &str| said.push(format!("{what}: {} {:?}", browser.path(), browser.texts("h1")));

    browser.go(&format!("{}{WANTED}", stage.proxy.base()));
    browser.see("#login");
    see("a stranger goes to /reports/?from=1&to=2");
    let login = "/login?next=%2Freports%2F%3Ffrom%3D1%26to%3D2";
    assert_eq!(browser.path(), login);

    browser.submit("#login", &[("email", ALICE), ("password", PASSWORD)]);
    assert_eq!(browser.see("#user"), phone.user_id);
    see("logs in");
    assert_eq!((browser.path().as_str(), browser.texts("#role")), (WANTED, vec!["user".to_owned()]));
    assert_eq!(browser.texts("#asked"), ["from=1&to=2"]);
    assert_eq!(browser.evaluate("return document.cookie", &[]), "", "no script reads the session");

    browser.submit("#note", &[("text", "seen & <noted>")]);
    assert_eq!(browser.see("#noted:not(:empty)"), "seen & <noted>");
    see("sends a form");

    let session = browser.texts("#session").remove(0);
    assert_eq!(phone.client.delete(&format!("/api/sessions/{session}")).status, 204);
    let refused = refused_after(&browser);
    assert!(refused.1 <= PROMISED, "a request passed that began {:?} after the end", refused.1);
    browser.go(&format!("{}{WANTED}", stage.proxy.base()));
    browser.see("#login");
    see(&format!("the phone ends the session; the first refusal is {} ms later", refused.0.as_millis()));
    assert_eq!(browser.path(), login);
    // The console names an answer of 401 to what scripts and pages ask for, which was wanted.
    let others = browser.complaints().into_iter().filter(|one| !one.message.contains("401"));
    assert_eq!(others.count(), 0);
    for line in said {
        tally(&format!("Browser behind {kind:?}"), line);
    }
}

/// How long after now the first request of the page is refused, and when the last one began that was not.
fn refused_after(browser: &Browser) -> (Duration, Duration) {
    const ASK: &str = "fetch(arguments[0]).then((answer) => arguments[1](answer.status), arguments[1])";
    let (acknowledged, mut last) = (Instant::now(), Duration::ZERO);
    loop {
        let began = acknowledged.elapsed();
        let status = browser.evaluate_async(ASK, &[json!("/reports/seen")]);
        if status == 401 {
            return (acknowledged.elapsed(), last);
        }
        assert_eq!(status, 200);
        last = began;
    }
}
