//! What passes arrives as it was sent, and who does not pass learns why.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

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
        let way = (answer.status, answer.header("location"));
        assert_eq!(way, (303, Some(&*format!("/login?next={next}"))), "{path}");
    }
    let form = stranger.request("POST", "/reports/notes").header("Accept", PAGE).send();
    assert_eq!((form.status, form.header("location")), (303, Some("/login")));
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
    let only_head = client.request("HEAD", "/reports/").send();
    assert_eq!((only_head.status, only_head.body.len()), (200, 0));
    assert_eq!(client.get("/reports/none").text(), "no such report\n");
    let from_elsewhere = client.request("POST", "/reports/notes").header("Sec-Fetch-Site", "cross-site");
    assert_eq!(from_elsewhere.send().status, 403);

    let cookie = format!("{}={}", stage.web.cookie(), alice.token);
    let head = |method: &str, port: u16| {
        format!(
            "{method} /reports/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nCookie: {cookie}\r\n"
        )
    };
    client.add_cookie("theirs", &"c".repeat(LONG));
    let long = client.request("GET", "/reports/seen").header("X-Long", &"h".repeat(LONG)).send();
    assert_eq!(long.json()["X_LONG"].as_str().map(str::len), Some(LONG));
    let port = stage.proxy.port();
    let too_long = format!("{}X-Long: {}\r\n\r\n", head("GET", port), "h".repeat(TOO_LONG));
    let answer = raw_exchange(port, too_long.as_bytes());
    // A proxy may also close the connection before it has read all of it.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");

    let proxy = crate::proxy::Proxy::start(kind, stage.web.port(), arrivals.port());
    let head = head("POST", proxy.port());
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    assert!(raw_exchange(proxy.port(), chunked.as_bytes()).starts_with("HTTP/1.1 200"));
    let arrived = arrivals.take();
    assert!(arrived.len() == 1 && arrived[0].body.contains("hello"), "{arrived:?}");
}

fn a_web_socket_is_opened_by_somebody_alone_c7(kind: Kind) {
    let arrivals = Arrivals::start();
    let stage = Stage::new(kind, arrivals.port());
    let alice = stage.alice();
    let ask = |cookie: &str| {
        format!(
            "GET /reports/live HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: Upgrade, X-User-Id\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{cookie}\r\n",
            stage.proxy.port()
        )
    };
    let answer = raw_exchange(stage.proxy.port(), ask("").as_bytes());
    let arrived = arrivals.take();
    assert!(answer.starts_with("HTTP/1.1 401") && arrived.is_empty(), "{answer} {arrived:?}");

    let own = ask(&format!("Cookie: {}={}\r\n", stage.web.cookie(), alice.token));
    let (answer, echo) = open_and_say(stage.proxy.port(), &own, "hello");
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert_eq!(echo, "hello", "{answer}");
    let arrived = arrivals.take();
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    assert_eq!(arrived[0].like("x-user-id"), [&*alice.user_id], "{}", arrived[0].head);
}

/// What is answered to a head, and then to words.
fn open_and_say(port: u16, head: &str, words: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    stream.write_all(head.as_bytes()).expect("the head is sent");
    let mut reader = BufReader::new(stream.try_clone().expect("the connection"));
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") && matches!(reader.read_line(&mut answer), Ok(1..)) {}
    stream.write_all(words.as_bytes()).expect("the words are sent");
    let mut echo = vec![0; words.len()];
    let heard = reader.read_exact(&mut echo).map(|()| String::from_utf8_lossy(&echo).into_owned());
    (answer, heard.unwrap_or_default())
}
