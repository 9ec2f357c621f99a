//! A rule that no answer could break would be none.

use super::*;

const WEB: Site = Site { name: "web", production: false };
const PRODUCTION: Site = Site { name: "web", production: true };
const TOKEN: &str = "Q8VeLBHp24D7NcNjT8mOX6nc-zEXuqMb24b6FOLEipU";
const HSTS: (&str, &str) = ("strict-transport-security", "max-age=31536000; includeSubDomains");

/// An answer without a fault, of which a case changes something.
struct Answer {
    site: Site,
    method: &'static str,
    path: &'static str,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn answer(status: u16, kind: &str, policy: &str, body: &str) -> Answer {
    let referrer = if kind.starts_with("text/html") { "same-origin" } else { "no-referrer" };
    let headers = [
        ("content-type", kind),
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("vary", "Accept, Accept-Language, Authorization, Cookie"),
        ("referrer-policy", referrer),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Answer { site: WEB, method: "GET", path: "/api/me", status, headers, body: body.to_owned() }
}

const DATA: &str = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

fn data() -> Answer {
    answer(200, "application/json", DATA, r#"{"ok": true}"#)
}

fn page() -> Answer {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                  form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    answer(200, "text/html; charset=utf-8", policy, "<!doctype html><html lang=\"en\">").at("GET", "/")
}

fn failed(status: u16, code: &str) -> Answer {
    let body = serde_json::json!({"type": "about:blank", "title": "x", "status": status, "detail": "x", "code": code});
    let failed = answer(status, "application/problem+json", DATA, &body.to_string());
    let failed = failed.with("content-language", "en");
    if status == 401 { failed.with("www-authenticate", "Bearer") } else { failed }
}

fn redirect() -> Answer {
    answer(303, "", DATA, "").without("content-type").with("location", "/login")
}

fn login(cookie: &str) -> Answer {
    data().at("POST", "/api/login").with("set-cookie", cookie)
}

fn cookie(name: &str, rest: &str) -> String {
    format!("{name}={TOKEN}; HttpOnly; SameSite=Lax; Path=/; Max-Age=60{rest}")
}

impl Answer {
    fn at(mut self, method: &'static str, path: &'static str) -> Self {
        (self.method, self.path) = (method, path);
        self
    }

    fn of(mut self, site: Site) -> Self {
        self.site = site;
        if site.production { self.with(HSTS.0, HSTS.1) } else { self }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn set(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    fn saying(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    /// The rules that it breaks.
    fn broken(&self, sent: &[(&str, &str)]) -> Vec<&'static str> {
        let sent: Vec<(String, String)> =
            sent.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let exchange = Exchange {
            site: self.site,
            method: self.method,
            path: self.path,
            sent: &sent,
            status: self.status,
            headers: &self.headers,
            body: Some(self.body.as_bytes()),
        };
        violations(&exchange).into_iter().map(|(name, _)| name).collect()
    }
}

#[test]
fn what_is_as_it_should_be_breaks_no_rule() {
    let none: Vec<&str> = Vec::new();
    for answer in [
        data(),
        page(),
        redirect(),
        failed(401, "unauthenticated"),
        failed(405, "method_not_allowed").with("allow", "POST"),
        failed(503, "unavailable").with("retry-after", "1"),
        login(&cookie("sessionId", "")),
        login(&cookie("__Host-sessionId", "; Secure")).of(PRODUCTION),
        login("auth_token=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0; Secure").of(PRODUCTION),
        data().at("POST", "/api/login").saying(&format!("{{\"token\": \"{TOKEN}\"}}")),
        answer(400, "", "", "").without_all(),
    ] {
        assert_eq!(answer.broken(&[("Cookie", &format!("sessionId={TOKEN}"))]), none, "{:?}", answer.headers);
    }
}

impl Answer {
    fn without_all(mut self) -> Self {
        self.headers.clear();
        self
    }
}

/// Answers that break a rule each, by the name of it.
fn bad() -> Vec<(&'static str, Answer)> {
    let csp = |policy: &str| page().set("content-security-policy", policy);
    let bare = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    vec![
        ("nosniff", data().without("x-content-type-options")),
        ("content-security-policy", data().without("content-security-policy")),
        ("content-security-policy", csp("default-src 'self'; frame-ancestors 'none'; base-uri 'none'")),
        ("content-security-policy", csp(&bare.replace("frame-ancestors 'none'; ", ""))),
        ("content-security-policy", csp(&bare.replace("; base-uri 'none'", ""))),
        ("content-security-policy", csp(&bare.replace("form-action 'self'; ", ""))),
        ("content-security-policy", csp(&format!("{bare}; object-src 'self'"))),
        ("content-security-policy", csp(&format!("{bare}; script-src 'self' 'unsafe-inline'"))),
        ("content-security-policy", csp(&format!("{bare}; style-src 'unsafe-inline'"))),
        ("content-security-policy", csp(&format!("{bare}; script-src https://telegram.org"))),
        ("content-security-policy", csp(&format!("{bare}; img-src *"))),
        ("cache-control", data().without("cache-control")),
        ("cache-control", page().set("cache-control", "private")),
        ("cache-control", data().at("GET", "/assets/1/style.css")),
        ("vary", data().without("vary")),
        ("vary", data().set("vary", "Accept, Accept-Language, Authorization")),
        ("referrer-policy", data().set("referrer-policy", "unsafe-url")),
        ("referrer-policy", page().set("referrer-policy", "no-referrer")),
        ("opener-policy", page().without("cross-origin-opener-policy")),
        ("opener-policy", page().set("cross-origin-opener-policy", "same-origin-allow-popups")),
        ("resource-policy", data().set("cross-origin-resource-policy", "cross-origin")),
        ("transport-security", Answer { site: PRODUCTION, ..data() }),
        ("transport-security", data().with(HSTS.0, HSTS.1)),
        ("once", data().with("cache-control", "no-store")),
        ("no-server", data().with("server", "actix")),
        ("no-cors", data().with("access-control-allow-origin", "*")),
        ("retry-after", failed(503, "unavailable")),
        ("retry-after", failed(429, "rate_limited").with("retry-after", "0")),
        ("challenge", failed(401, "unauthenticated").without("www-authenticate")),
        ("challenge", data().with("www-authenticate", "Basic")),
        ("allow", failed(405, "method_not_allowed")),
        ("allow", failed(405, "method_not_allowed").with("allow", "GET, POST")),
        ("location", redirect().without("location")),
        ("location", redirect().set("location", "https://elsewhere.example/")),
        ("location", redirect().set("location", "//elsewhere.example")),
        ("location", redirect().set("location", "/\\elsewhere.example")),
        ("location", data().with("location", "/")),
        ("cookie-name", login(&cookie("tracking", ""))),
        ("cookie-name", login(&cookie("adminSessionId", ""))),
        ("cookie-name", login(&cookie("sessionId", "; Secure")).of(PRODUCTION)),
        ("cookie-name", login(&cookie("__Host-sessionId", ""))),
        ("cookie-attributes", login(&cookie("sessionId", "").replace("HttpOnly; ", ""))),
        ("cookie-attributes", login(&cookie("sessionId", "").replace("Lax", "None"))),
        ("cookie-attributes", login(&cookie("sessionId", "").replace("Path=/;", "Path=/api;"))),
        ("cookie-attributes", login(&cookie("sessionId", "").replace("; Max-Age=60", ""))),
        ("cookie-attributes", login(&cookie("sessionId", "; Domain=example.com"))),
        ("cookie-attributes", login(&cookie("sessionId", "; Secure"))),
        ("cookie-attributes", login(&cookie("__Host-sessionId", "")).of(PRODUCTION)),
        ("cookie-value", login(&cookie("sessionId", "").replace(TOKEN, "a b"))),
        ("cookie-value", login(&cookie("sessionId", "").replace(TOKEN, ""))),
        ("cookie-value", login(&cookie("notice", "").replace(TOKEN, &"a".repeat(4096)))),
        ("cookie-once", login(&cookie("sessionId", "")).with("set-cookie", &cookie("sessionId", ""))),
        (
            "cookie-kept",
            failed(503, "unavailable")
                .with("retry-after", "1")
                .with("set-cookie", "sessionId=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"),
        ),
        ("content-type", data().without("content-type")),
        ("content-type", page().set("content-type", "text/html")),
        ("content-type", data().set("content-type", "application/octet-stream")),
        ("readable", data().saying("{")),
        ("readable", page().saying("<p>half a page")),
        ("problem", failed(404, "not_found").set("content-type", "application/json")),
        ("problem", failed(404, "conflict")),
        ("problem", failed(404, "not_found").without("content-language")),
        ("problem", Answer { status: 500, ..failed(404, "not_found") }),
        ("problem", Answer { status: 200, ..failed(404, "not_found") }),
        ("no-body", redirect().saying("x").with("content-type", "text/plain; charset=utf-8")),
        ("secret", page().saying(&format!("<!doctype html><html lang=\"en\">{TOKEN}"))),
        ("secret", data().with("x-debug", TOKEN)),
        ("secret", login(&cookie("notice", ""))),
        ("token", data().saying(&format!("{{\"token\": \"{TOKEN}\"}}"))),
        ("token", login(&cookie("sessionId", "")).saying("{\"token\": \"another\"}")),
        ("inner-life", data().saying("{\"hash\": \"$argon2id$v=19\"}")),
        ("inner-life", failed(500, "internal").saying("thread 'main' panicked at src/main.rs:1:1")),
    ]
}

#[test]
fn each_rule_is_broken_by_an_answer_that_it_is_there_for() {
    let bad = bad();
    for (rule, answer) in &bad {
        let broken = answer.broken(&[("Cookie", &format!("a=b; sessionId={TOKEN}"))]);
        assert!(broken.contains(rule), "{rule}: {broken:?} of {:?} {:?}", answer.headers, answer.body);
    }
    let untried: Vec<&str> =
        rules().map(|(name, _)| name).filter(|name| bad.iter().all(|(rule, _)| rule != name)).collect();
    assert_eq!(untried, Vec::<&str>::new(), "a rule without an answer that breaks it");
}

#[test]
fn a_token_of_somebody_else_is_looked_for_too() {
    let owner = login(&cookie("sessionId", "").replace(TOKEN, "another-token-that-is-long-enough"));
    let exchange = Exchange {
        site: WEB,
        method: "POST",
        path: "/api/login",
        sent: &[],
        status: 200,
        headers: &owner.headers,
        body: Some(owner.body.as_bytes()),
    };
    remember(&exchange);
    let other = data().saying("{\"note\": \"another-token-that-is-long-enough\"}");
    assert_eq!(other.broken(&[]), ["secret"]);
}

#[test]
#[should_panic(expected = "nosniff")]
fn an_answer_that_breaks_a_rule_fails_the_test_that_asked_for_it() {
    let answer = data().without("x-content-type-options");
    check_raw_of(&answer);
}

fn check_raw_of(answer: &Answer) {
    register(1, WEB);
    let headers: String = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!("HTTP/1.1 {} OK\r\n{headers}\r\n{}", answer.status, answer.body);
    check_raw(1, b"GET /api/me HTTP/1.1\r\n\r\n", &text);
}
