//! Who somebody is the proxy says alone: nothing of that kind comes from outside, and the token goes no further.

use test_support::raw_exchange;

use crate::arrivals::{Arrival, Arrivals};
use crate::behind_every_proxy;
use crate::proxy::Kind;
use crate::stage::Stage;

/// Headers of somebody who would be another.
const FORGED: &[&str] = &[
    "X-User-Id: forged\r\nX-User-Role: forged\r\nX-Session-Id: forged",
    "x-user-id: forged\r\nX-USER-ID: forged\r\nx-User-Role: forged",
    "X_User_Id: forged\r\nX_User_Role: forged\r\nX_Session_Id: forged",
    "X-User_Id: forged\r\nX_User-Role: forged\r\nX-Session_Id: forged",
    "x_user-id: forged\r\nx-user_role: forged\r\nx_session-id: forged",
    "X.User.Id: forged\r\nX.User.Role: forged\r\nX.Session.Id: forged",
    "X-User-Id : forged\r\nX-User-Role : forged",
    "X-User-Id:\r\n forged\r\nX-Other: a\r\nX-User-Role: forged",
    "Authorization: Basic Zm9yZ2Vk\r\nX-User-Id: forged",
    "Forwarded: for=192.0.2.1\r\nX-Forwarded-Uri: /forged\r\nX-Forwarded-Method: POST\r\nX-Original-URI: /forged",
];

/// Names that a proxy is told to take out on its way.
const HOPS: &[&str] = &[
    "close, X-User-Id, X-User-Role, X-Session-Id",
    "X-User-Id",
    "x-user-role, close",
    "close\r\nConnection: X-Session-Id",
    "keep-alive, Cookie",
    "close, X-Forwarded-Uri, X-Forwarded-For",
];

behind_every_proxy!(nobody_says_themselves_who_they_are_c7, the_token_goes_no_further_c7);

fn nobody_says_themselves_who_they_are_c7(kind: Kind) {
    let arrivals = Arrivals::start();
    let stage = Stage::new(kind, arrivals.port());
    let alice = stage.alice();
    let ask = |headers: &str| {
        let close = if headers.contains("Connection:") { "" } else { "Connection: close\r\n" };
        let host = format!("127.0.0.1:{}", stage.proxy.port());
        let head = format!("GET /reports/ HTTP/1.1\r\nHost: {host}\r\n{close}{headers}\r\n\r\n");
        (raw_exchange(stage.proxy.port(), head.as_bytes()), arrivals.take())
    };
    let own = [("x-user-id", &*alice.user_id), ("x-user-role", "user"), ("x-session-id", &*alice.session_id)];
    let is_alice = |arrival: &Arrival| own.iter().all(|(name, value)| arrival.like(name) == [*value]);
    let cookie = format!("Cookie: {}={}", stage.web.cookie(), alice.token);

    let connections = HOPS.iter().map(|hops| format!("Connection: {hops}"));
    for claim in FORGED.iter().map(|forged| (*forged).to_owned()).chain(connections) {
        let (answer, arrived) = ask(&format!("{claim}\r\n{cookie}"));
        let is_refused =
            ["400", "401"].iter().any(|status| answer.starts_with(&format!("HTTP/1.1 {status}")));
        match &arrived[..] {
            [] => assert!(is_refused, "{claim}: {answer}"),
            [one] => {
                assert!(answer.starts_with("HTTP/1.1 200"), "{claim}: {answer}");
                assert!(is_alice(one), "{claim}: {}", one.head);
                assert_eq!(one.like("authorization"), [""; 0], "{claim}");
            }
            _ => panic!("{claim}: {arrived:?}"),
        }
        let (answer, arrived) = ask(&claim);
        assert!(arrived.is_empty() && !answer.starts_with("HTTP/1.1 2"), "{claim}: {answer} {arrived:?}");
    }
    // Most of these are no fault in a request, so that they arrive.
    for claim in &FORGED[..2] {
        assert_eq!(ask(&format!("{claim}\r\n{cookie}")).1.len(), 1, "{claim}");
    }
}

fn the_token_goes_no_further_c7(kind: Kind) {
    let arrivals = Arrivals::start();
    let stage = Stage::new(kind, arrivals.port());
    let alice = stage.alice();
    let browser = stage.at_proxy(&alice);
    browser.add_cookie("reports", "theirs");
    let program = stage.proxy.anon().with_header("Authorization", &format!("Bearer {}", alice.token));
    for client in [browser, program] {
        let answer = client.get("/reports/");
        assert_eq!((answer.status, answer.text().as_str()), (200, "yes"));
        assert!(answer.set_cookies().is_empty(), "{answer:?}");
        let arrived = arrivals.take();
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        assert_eq!(arrived[0].like("x-session-id"), [&*alice.session_id]);
        assert!(!arrived[0].head.contains(&alice.token), "{}", arrived[0].head);
        for name in ["cookie", "authorization"] {
            assert_eq!(arrived[0].like(name), [""; 0]);
        }
    }
    for path in ["/metrics", "/healthz", "/readyz", "/docs", "/docs/", "/openapi.json", "/_verify"] {
        let answer = stage.proxy.anon().get(path);
        assert!(matches!(answer.status, 401 | 403 | 404), "{path}: {}", answer.status);
    }
}
