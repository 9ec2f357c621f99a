//! Cookies that no browser sends, beside and around the token of a live session: none of them opens it.

use test_support::hostile;

use crate::stage::Stage;
use crate::tried::Tried;

/// The `Cookie` headers of one request.
type Headers = Vec<Vec<u8>>;

fn one(header: impl Into<Vec<u8>>) -> Headers {
    vec![header.into()]
}

/// Names that are almost `name`, and are another cookie's.
fn almost_names(name: &str) -> Vec<String> {
    let swapped = |char: char| {
        if char.is_ascii_lowercase() { char.to_ascii_uppercase() } else { char.to_ascii_lowercase() }
    };
    let mut names: Vec<String> = name
        .char_indices()
        .filter(|(_, char)| char.is_ascii_alphabetic())
        .map(|(at, char)| format!("{}{}{}", &name[..at], swapped(char), &name[at + 1..]))
        .collect();
    names.extend([name.to_ascii_uppercase(), name.chars().rev().collect()]);
    let bare = name.trim_start_matches("__Host-");
    for prefix in [
        "__host-",
        "__HOST-",
        "__hOST-",
        "__Secure-",
        "__Host-Http-",
        "__Http-",
        "_Host-",
        "__Host_",
        "__Host-__Host-",
        "__Host%2D",
    ] {
        names.push(format!("{prefix}{bare}"));
    }
    for around in [
        "$", "x", "\"", "%20", "\u{a0}", "\u{b}", "'", "[", "\u{feff}", ".", "\u{200b}", "\0", "\x01",
        "\x7f", "/", "@", "\\",
    ] {
        names.extend([
            format!("{around}{name}"),
            format!("{name}{around}"),
            format!("{around}{name}{around}"),
        ]);
    }
    names.extend([
        format!("{name}[]"),
        format!("{name}[0]"),
        format!("{name}%00"),
        format!("{name}%3D"),
        format!("{name}\u{ff1d}"),
    ]);
    names.push(name.replace('s', "%73"));
    names
}

/// Values that are almost `token`, and are none of its.
fn almost_values(token: &str) -> Vec<Vec<u8>> {
    let (bytes, middle) = (token.as_bytes(), token.len() / 2);
    let mut values = Vec::new();
    // Space and tab around a value are not of it, and a semicolon ends it; CR and LF end the header.
    for byte in (0..=255_u8).filter(|byte| !matches!(byte, b' ' | b'\t' | b';' | b'\r' | b'\n')) {
        values.push([&[byte], bytes].concat());
        values.push([bytes, &[byte]].concat());
    }
    for byte in (0..=255_u8).filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        values.push([&bytes[..middle], &[byte], &bytes[middle..]].concat());
    }
    for at in 0..bytes.len() {
        values.push(bytes[..at].to_vec());
        values.push([&bytes[..at], &bytes[at + 1..]].concat());
    }
    let texts = [
        format!("\"{token}\""),
        format!("'{token}'"),
        format!("{token}{token}"),
        format!("{token}={token}"),
        format!("={token}"),
        format!("{token}=="),
        format!("{token},{token}"),
        format!("Bearer {token}"),
        format!("web:{token}"),
        format!("admin:{token}"),
        format!("session:web:{token}"),
        format!("%{:02x}{}", bytes[0], &token[1..]),
        token.chars().rev().collect(),
        "A".repeat(255),
        "A".repeat(256),
        "A".repeat(4096),
        "A".repeat(20_000),
        "..%2f..%2f..%2fetc%2fpasswd".into(),
        "' OR 1=1 --".into(),
        "*".into(),
        "null".into(),
        "undefined".into(),
        "{}".into(),
        "true".into(),
    ];
    values.extend(texts.map(String::into_bytes));
    values.extend(hostile().into_iter().filter(|text| !text.contains(['\r', '\n'])).map(String::into_bytes));
    values
}

/// More than one cookie, or less.
fn other_numbers(name: &str, token: &str) -> Vec<Headers> {
    let own = format!("{name}={token}");
    let other = format!("{name}=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let mut numbers: Vec<Headers> = vec![
        one(format!("{own}; {own}")),
        one(format!("{own}; {other}")),
        one(format!("{other}; {own}")),
        one(format!("{own};{name}=")),
        one(format!("{name}=; {own}")),
        one(format!("{own}; x=y; {own}; z")),
        vec![own.clone().into(), other.clone().into()],
        vec![other.clone().into(), own.clone().into()],
        vec![own.clone().into(), own.clone().into()],
        vec![Vec::new(), other.into()],
        one(""),
        one(";"),
        one(";;;;"),
        one("="),
        one(name),
        one(format!("{name}=")),
        one(format!("{name}=;")),
        one(format!("{name} {token}")),
        one(format!("{name}:{token}")),
        one(format!("={token}")),
        one(format!("x={own}")),
        one(format!("x=\"; {name}\"={token}")),
        one(format!("$Version=1; ${own}")),
        one(format!("x=y, {own}")),
        one(format!("x=y&{own}")),
        one(token),
    ];
    for count in [2, 10, 100, 500, 2_000] {
        numbers.push(one(vec![own.as_str(); count].join("; ")));
        numbers.push(one(format!("{}{name}=x", "a=b; ".repeat(count))));
        numbers.push((0..count.min(90)).map(|_| own.clone().into_bytes()).collect());
        numbers.push(one(format!("{}{}", "x".repeat(count * 100), own)));
        numbers.push(one(format!("{};{name}=x", ";".repeat(count * 10))));
    }
    numbers
}

fn malformed(name: &str, token: &str) -> Vec<Headers> {
    let named = almost_names(name).into_iter().map(|other| one(format!("{other}={token}")));
    let valued = almost_values(token).into_iter().map(|value| one([name.as_bytes(), b"=", &value].concat()));
    named.chain(valued).chain(other_numbers(name, token)).collect()
}

fn request(line: &str, headers: &Headers) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\nHost: own.example\r\nConnection: close\r\n").into_bytes();
    for header in headers {
        bytes.extend([b"Cookie: ", header.as_slice(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes
}

fn no_malformed_cookie_opens_a_session(stage: &Stage) {
    let live = stage.log_in();
    let own = stage.app.cookie().to_owned();
    let kind = if own.starts_with("__Host-") { "production" } else { "development" };
    let mut tried = Tried::of(format!("{} in {kind}, malformed cookies", stage.name));
    let cases = malformed(&own, &live.token);
    // What Redis knows of the session is written once, and not by what follows.
    assert_eq!(live.me().status, 200);
    let before = stage.state();
    for headers in &cases {
        for line in ["GET /api/me", "GET /login"] {
            let (status, answer) = stage.exchange(&request(line, headers));
            tried.answered((line, headers), status);
            let expected: &[u16] = if line == "GET /login" { &[200, 400, 431] } else { &[400, 401, 431] };
            match status {
                Some(status) if !expected.contains(&status) => {
                    tried.wrong((line, headers), format_args!("{status}"));
                }
                None if !answer.is_empty() => tried.wrong((line, headers), "no HTTP"),
                _ => {}
            }
            if answer.contains(&live.token) || answer.contains(&live.user_id) {
                tried.wrong((line, headers), "somebody's session");
            }
            if answer.to_lowercase().contains(&format!("set-cookie: {}=", own.to_lowercase())) {
                tried.wrong((line, headers), "a session cookie is set");
            }
        }
    }
    if stage.state() != before {
        tried.wrong("all of them", "something has changed");
    }
    // The counter-proof: the same request with the very cookie.
    let (status, _) = stage.exchange(&request("GET /api/me", &one(format!("{own}={}", live.token))));
    assert_eq!(status, Some(200));
    // A logout is acknowledged whatever the cookie is, and ends the session of a cookie that came twice, but no other's.
    let rows = stage.rows();
    let names = almost_names(&own).into_iter().map(|other| one(format!("{other}={}", live.token)));
    let values =
        almost_values(&live.token).into_iter().map(|value| one([own.as_bytes(), b"=", &value].concat()));
    for headers in names.chain(values).collect::<Vec<_>>() {
        let (status, _) = stage.exchange(&request("POST /api/logout", &headers));
        tried.answered(("logout", &headers), status);
        if !matches!(status, Some(200 | 400 | 431) | None) {
            tried.wrong(("logout", &headers), format_args!("{status:?}"));
        }
    }
    if stage.rows() != rows {
        tried.wrong("all of the logouts", "something has changed");
    }
    assert_eq!(live.me().status, 200);
    tried.finish(1_000);
}

#[test]
fn no_malformed_cookie_opens_a_session_of_web_f8_f11() {
    no_malformed_cookie_opens_a_session(&Stage::development("web"));
}

#[test]
fn no_malformed_cookie_opens_a_session_of_web_in_production_f8_f11() {
    no_malformed_cookie_opens_a_session(&Stage::production("web"));
}

#[test]
fn no_malformed_cookie_opens_a_session_of_admin_panel_f8_f11() {
    no_malformed_cookie_opens_a_session(&Stage::development("admin-panel"));
}

#[test]
fn no_malformed_cookie_opens_a_session_of_admin_panel_in_production_f8_f11() {
    no_malformed_cookie_opens_a_session(&Stage::production("admin-panel"));
}
