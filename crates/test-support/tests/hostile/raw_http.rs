//! Requests that two readers could take for different ones: each is refused, or answered once, and none of them brings along a
//! second that nobody sent.

use crate::stage::Stage;
use crate::tried::Tried;

/// What would be smuggled in: it ends the session of whoever's connection it comes by.
fn hidden(token: &str) -> String {
    format!(
        "POST /api/sessions/revoke-others HTTP/1.1\r\nHost: own.example\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A POST with these lines among its headers, and what follows them.
fn post(lines: &str, body: &str) -> Vec<u8> {
    format!("POST /api/logout HTTP/1.1\r\nHost: own.example\r\n{lines}\r\n{body}").into_bytes()
}

/// Requests whose end is in doubt, with another one behind it: refused, or the other one is a body.
fn of_doubtful_length(hidden: &str) -> Vec<(String, Vec<u8>)> {
    let length = hidden.len();
    let chunk = format!("{length:x}\r\n{hidden}\r\n0\r\n\r\n");
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |what: &str, bytes: Vec<u8>| all.push((what.to_owned(), bytes));
    for coding in [
        "chunked",
        "Chunked",
        "chunked, chunked",
        "chunked, identity",
        "identity, chunked",
        "gzip, chunked",
        "x",
        "xchunked",
        "chunked;x=y",
        "\"chunked\"",
        " chunked",
        "chunked ",
        "\tchunked",
        "chunked\t",
        "\x0bchunked",
        "chunked\x0b",
        ",chunked",
        "chunked,",
        "cow",
        "identity",
        "",
        "chunked\u{a0}",
    ] {
        add(
            &format!("length and coding {coding:?}"),
            post(
                &format!("Content-Length: {}\r\nTransfer-Encoding: {coding}\r\n", 5 + length),
                &format!("0\r\n\r\n{hidden}"),
            ),
        );
        add(
            &format!("coding {coding:?} and length"),
            post(
                &format!("Transfer-Encoding: {coding}\r\nContent-Length: 4\r\n"),
                &format!("0\r\n\r\n{hidden}"),
            ),
        );
    }
    for name in [
        "Transfer-Encoding ",
        "Transfer-Encoding\t",
        " Transfer-Encoding",
        "Transfer_Encoding",
        "Transfer-Encoding\0",
        "Transfer\r\n-Encoding",
        "X: y\nTransfer-Encoding",
    ] {
        add(
            &format!("coding as {name:?}"),
            post(
                &format!("Content-Length: {}\r\n{name}: chunked\r\n", 5 + length),
                &format!("0\r\n\r\n{hidden}"),
            ),
        );
    }
    for coding in [
        "x\r\nTransfer-Encoding: chunked",
        "chunked\r\nTransfer-Encoding: x",
        "chunked\r\nTransfer-Encoding: identity",
        "identity\r\nTransfer-Encoding: chunked",
    ] {
        add(
            &format!("codings {coding:?}"),
            post(&format!("Transfer-Encoding: {coding}\r\n"), &format!("0\r\n\r\n{hidden}")),
        );
    }
    for lengths in [
        format!("Content-Length: 0\r\nContent-Length: {length}"),
        format!("Content-Length: {length}\r\nContent-Length: 0"),
        format!("Content-Length: 0, {length}"),
        format!("Content-Length: {length}, {length}"),
        format!("Content-Length: +{length}"),
        format!("Content-Length: -{length}"),
        format!("Content-Length: 0x{length:x}"),
        format!("Content-Length: {length}.0"),
        format!("Content-Length: 0 {length}"),
        format!("Content-Length : {length}"),
        format!("Content-Length: \"{length}\""),
        "Content-Length: 18446744073709551616".into(),
        "Content-Length: ".into(),
        "Content-Length: a".into(),
        format!("Content-Length: 0\r\n\tContent-Length: {length}"),
        format!("Content-Length:\r\n {length}"),
        format!("X: y\r\n z\r\nContent-Length: {length}"),
    ] {
        add(&lengths.clone(), post(&format!("{lengths}\r\n"), hidden));
    }
    for chunks in [
        chunk.replacen("\r\n", ";a=b\r\n", 1),
        chunk.replacen("\r\n", ";\0\r\n", 1),
        chunk.replacen("\r\n", ";\n", 1),
        chunk.replacen("\r\n", "\n", 1),
        chunk.replacen("\r\n", " \r\n", 1),
        format!("0x{chunk}"),
        format!("+{chunk}"),
        format!("-{chunk}"),
        format!("ffffffffffffffff{chunk}"),
        format!("10000000000000000\r\n{hidden}"),
        format!("0\n\n{hidden}"),
        format!("0;{}\n\r\n{hidden}", "x".repeat(5_000)),
        format!("g\r\n\r\n{hidden}"),
        format!("\r\n{hidden}"),
        format!("1\r\nab\r\n0\r\n\r\n{hidden}"),
    ] {
        let what: String = format!("chunks {chunks:?}").chars().take(60).collect();
        add(&what, post("Transfer-Encoding: chunked\r\n", &chunks));
    }
    for (what, bytes) in [
        (
            "HTTP/1.0 in chunks",
            format!(
                "POST /api/logout HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
            ),
        ),
        (
            "a body of GET",
            format!("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        ),
        (
            "an upgrade",
            format!(
                "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: {length}\r\n\r\n{hidden}"
            ),
        ),
        (
            "100-continue",
            format!(
                "POST /api/logout HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n{hidden}"
            ),
        ),
    ] {
        add(what, bytes.into_bytes());
    }
    all
}

/// Heads that no head is.
fn broken_heads() -> Vec<(String, Vec<u8>)> {
    let mut heads: Vec<String> = [
        "GET  /api/me HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/me  HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET\t/api/me\tHTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/me HTTP/1.1\nHost: a\n\n",
        "GET /api/me HTTP/1.1\rHost: a\r\r",
        "GET /api/me HTTP/0.9\r\nHost: a\r\n\r\n",
        "GET /api/me HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET /api/me HTTP/3.0\r\nHost: a\r\n\r\n",
        "GET /api/me http/1.1\r\nHost: a\r\n\r\n",
        "GET /api/me HTTP/1.1 x\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET http://evil.example/api/me HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET https://a@evil.example:1/api/me HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET //evil.example/api/me HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET api/me HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT /api/me HTTP/1.1\r\nHost: a\r\n\r\n",
        "TRACE /api/me HTTP/1.1\r\nHost: a\r\nX-Secret: y\r\n\r\n",
        "TRACK / HTTP/1.1\r\nHost: a\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GÉT / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /é HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/me HTTP/1.1\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET /api/me HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a\r\nX\u{e9}: y\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\n\tb\r\n\r\n",
        "\r\n\r\n\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}",
        "HTTP/1.1 200 OK\r\n\r\n",
        " GET /api/me HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /api/me",
    ]
    .map(str::to_owned)
    .into();
    heads.extend([
        format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "A".repeat(100_000)),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(200_000)),
        format!("GET /api/me HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(200_000)),
        format!("GET /api/me HTTP/1.1\r\nHost: a\r\n{}: y\r\n\r\n", "X".repeat(200_000)),
        format!("GET /api/me HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200)),
        format!("GET /api/me HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(50_000)),
        format!("GET /api/me HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {}\r\n\r\n", "1.1.1.1,".repeat(2_000)),
        format!("GET /api/me HTTP/1.1\r\nHost: a\r\nAccept-Language: {}\r\n\r\n", "ru;q=0.5,".repeat(1_000)),
        format!("GET /api/me HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\n\r\n", "Bearer ".repeat(1_000)),
        format!("GET /api/me?{} HTTP/1.1\r\nHost: a\r\n\r\n", "a=b&".repeat(10_000)),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "../".repeat(1_000)),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "%2e%2e%2f".repeat(1_000)),
    ]);
    heads.into_iter().map(|head| (head.chars().take(70).collect(), head.into_bytes())).collect()
}

fn no_request_is_two(name: &'static str) {
    let stage = Stage::development(name);
    let (live, other) = (stage.log_in(), stage.log_in());
    assert_eq!((live.me().status, other.me().status), (200, 200));
    let mut tried = Tried::of(format!("{name}, raw requests"));
    let before = stage.rows();
    let hidden = hidden(&live.token);
    for (what, bytes) in of_doubtful_length(&hidden).into_iter().chain(broken_heads()) {
        let (status, answer) = stage.exchange(&bytes);
        tried.answered(&what, status);
        let answers = answer.matches("HTTP/1.1 ").count() + answer.matches("HTTP/1.0 ").count();
        let refused = status.is_none_or(|status| status >= 400);
        // What is no request behind one that was understood is refused after it.
        if answers > 1
            && !answer.rsplit("HTTP/1.").next().unwrap().contains("400 Bad Request")
            && !answer.starts_with("HTTP/1.1 100 ")
        {
            tried.wrong(&what, format_args!("{answers} answers: {answer}"));
        }
        if answer.contains("revoked") || answer.contains(&live.user_id) {
            tried.wrong(&what, format_args!("the hidden request was answered: {answer}"));
        }
        if !answer.is_empty() && status.is_none() {
            tried.wrong(&what, format_args!("no HTTP: {answer}"));
        }
        if !refused && !matches!(status, Some(100 | 200 | 303)) {
            tried.wrong(&what, format_args!("{answer}"));
        }
    }
    if stage.rows() != before {
        tried.wrong("all of them", "something has changed");
    }
    tried.finish(140);
    // The counter-proof: the hidden request by itself, and two in a row, are answered.
    let both = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n{hidden}");
    let (status, answer) = stage.exchange(both.as_bytes());
    assert_eq!((status, answer.matches("HTTP/1.1 200").count()), (Some(200), 2), "{answer}");
    assert_eq!(other.me().status, 401);
}

#[test]
fn no_request_to_web_is_two() {
    no_request_is_two("web");
}

#[test]
fn no_request_to_admin_panel_is_two() {
    no_request_is_two("admin-panel");
}
