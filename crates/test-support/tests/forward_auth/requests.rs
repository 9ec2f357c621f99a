//! What passes arrives as it was sent, and who does not pass learns why.

use test_support::raw_exchange;

use crate::arrivals::Arrivals;
use crate::proxy::Kind;
use crate::service::PythonService;
use crate::stage::Stage;
use crate::{PAGE, behind_every_proxy};

behind_every_proxy!(
    a_program_gets_401_and_a_browser_the_login_c7,
    requests_arrive_whole_c7,
    a_web_socket_is_opened_by_somebody_alone_c7,
);

fn a_program_gets_401_and_a_browser_the_login_c7(kind: Kind) {
    let service = PythonService::start();
    let stage = Stage::new(kind, service.port());
    let (alice, stranger) = (stage.alice(), stage.proxy.anon());
    for (method, path) in [("GET", "/reports/seen"), ("HEAD", "/reports/"), ("POST", "/reports/upload")] {
        let answer = stranger.request(method, path).send();
        assert_eq!(answer.status, 401, "{method} {path}");
    }
    let page = |path: &str| stranger.request("GET", path).header("Accept", PAGE).send();
    for (path, next) in [
        ("/reports/", "%2Freports%2F"),
        ("/reports/?from=1&to=2", "%2Freports%2F%3Ffrom%3D1%26to%3D2"),
        ("/reports/%D1%8E?q=a+b%26c", "%2Freports%2F%25D1%258E%3Fq%3Da%2Bb%2526c"),
    ] {
        let answer = page(path);
        if kind == Kind::Traefik {
            // It shows the login page in place, with its form that leads back.
            let shown = test_support::Page::of(answer);
            assert_eq!(shown.answer.status, 401);
            let next = stage.web.anon().page(&format!("/login?next={next}")).form("#login");
            let value =
                |form: &test_support::PageForm| form.fields.iter().find(|field| field.0 == "next").cloned();
            assert_eq!(value(&shown.form("#login")), value(&next));
            assert!(value(&next).is_some_and(|(_, next)| next == path), "{next:?}");
        } else {
            let way = (answer.status, answer.header("location"));
            assert_eq!(way, (303, Some(&*format!("/login?next={next}"))), "{path}");
        }
    }
    // A cookie twice: nobody knows which is meant, which is neither a logout nor an outage.
    let twice = format!("{0}={1}; {0}={1}", stage.web.cookie(), alice.token);
    assert_eq!(stranger.request("GET", "/reports/").header("Cookie", &twice).send().status, 400);
    assert_eq!(stranger.get("/login").status, 200);
}

fn requests_arrive_whole_c7(kind: Kind) {
    const UPLOAD: usize = 900_000;
    const LONG: usize = 6_000;
    const TOO_LONG: usize = 300_000;
    let (service, arrivals) = (PythonService::start(), Arrivals::start());
    let stage = Stage::new(kind, service.port());
    let alice = stage.alice();
    let client = stage.at_proxy(&alice);

    let sent = client.request("POST", "/reports/upload").body(vec![b'x'; UPLOAD]).send();
    assert_eq!((sent.status, sent.json()["bytes"].as_u64()), (200, Some(UPLOAD as u64)));
    let head = client.request("HEAD", "/reports/").send();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(client.get("/reports/none").text(), "no such report\n");
    let from_elsewhere = client.request("POST", "/reports/notes").header("Sec-Fetch-Site", "cross-site");
    assert_eq!(from_elsewhere.send().status, 403);

    client.add_cookie("theirs", &"c".repeat(LONG));
    let long = client.request("GET", "/reports/seen").header("X-Long", &"h".repeat(LONG)).send();
    assert_eq!(long.json()["X_LONG"].as_str().map(str::len), Some(LONG));
    let too_long = client.request("GET", "/reports/seen").header("X-Long", &"h".repeat(TOO_LONG)).send();
    assert!((400..500).contains(&too_long.status), "{}", too_long.status);

    let proxy = crate::proxy::Proxy::start(kind, stage.web.port(), arrivals.port());
    let request = format!(
        "POST /reports/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: {}={}\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        stage.web.cookie(),
        alice.token
    );
    assert!(raw_exchange(proxy.port(), request.as_bytes()).starts_with("HTTP/1.1 200"));
    let arrived = arrivals.take();
    assert!(arrived.len() == 1 && arrived[0].body.contains("hello"), "{arrived:?}");
}

fn a_web_socket_is_opened_by_somebody_alone_c7(kind: Kind) {
    let arrivals = Arrivals::start();
    let stage = Stage::new(kind, arrivals.port());
    let alice = stage.alice();
    let open = |cookie: &str| {
        let head = format!(
            "GET /reports/live HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: Upgrade, X-User-Id\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{cookie}\r\n",
            stage.proxy.port()
        );
        (raw_exchange(stage.proxy.port(), format!("{head}hello").as_bytes()), arrivals.take())
    };
    let (answer, arrived) = open("");
    assert!(answer.starts_with("HTTP/1.1 401") && arrived.is_empty(), "{answer} {arrived:?}");
    let (answer, arrived) = open(&format!("Cookie: {}={}\r\n", stage.web.cookie(), alice.token));
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    assert_eq!(arrived[0].like("x-user-id"), [&*alice.user_id], "{}", arrived[0].head);
}
