//! Codes through a gateway, and what becomes of logins when it fails.

use std::time::{Duration, Instant};

use serde_json::json;
use test_support::{App, Client, Response, TestDatabase, TestGateway, TestOutbox, TestRedis, at_once};

use crate::PASSWORD;

const PHONE: &str = "+447400123456";

fn request(client: &Client, phone: &str) -> Response {
    client.post("/api/login/sms/request", &json!({"phone": phone}))
}

fn assert_unavailable(answer: &Response) {
    answer.assert_problem(503, "unavailable");
    assert!(answer.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok()), "{answer:?}");
}

#[test]
fn a_code_goes_through_the_gateway_and_opens_a_session_b4() {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    for (scheme, who, query) in
        [("http", ":t0ken-of-gateway", ""), ("twilio+http", "AC1:t0ken-of-gateway", "?from=+15005550006")]
    {
        let gateway = TestGateway::answering(201, r#"{"sid": "SM1"}"#);
        let builder = App::builder("web").database(&database).redis(&redis).env("RUST_LOG", "trace");
        let builder = builder.env("SMS_GATEWAY_URL", &format!("{scheme}://{who}@{}{query}", gateway.host()));
        let app = builder.env("OUTBOX_DIR", &outbox.directory()).start();
        assert_eq!(request(&app.anon(), PHONE).status, 202);
        let received = gateway.received();
        assert_eq!(received.len(), 1);
        let body = received[0].body.replace("%2B", "+");
        assert!(body.contains(PHONE), "{body}");
        let text = body.replace(PHONE, "").replace("+15005550006", "");
        let digits = |part: &&[u8]| part.iter().all(u8::is_ascii_digit);
        let code = text.as_bytes().windows(6).find(digits).unwrap();
        let code = String::from_utf8(code.to_vec()).unwrap();
        let answer = app.anon().post("/api/login/sms/verify", &json!({"phone": PHONE, "code": code}));
        assert_eq!(answer.member("/user/phone"), PHONE);
        assert!(outbox.messages().is_empty(), "a gateway comes before the folder");
        app.terminate();
        let log = app.log();
        assert!(log.contains(&format!("SMS go to SmsGatewayUrl({})", gateway.host())), "{log}");
        for secret in [code.as_str(), "t0ken-of-gateway", "Bearer ", "Basic "] {
            assert!(!log.contains(secret), "{secret} is in {log}");
        }
    }
}

#[test]
fn a_gateway_that_is_down_or_refuses_is_a_503_and_uses_up_no_limit_b4() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let gateway = TestGateway::answering(500, "broken");
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("SMS_GATEWAY_URL", &format!("http://{}/", gateway.host())).start();
    for _ in 0..12 {
        let answer = request(&app.anon(), PHONE);
        assert_unavailable(&answer);
        assert!(answer.took < Duration::from_secs(1), "{:?}", answer.took);
    }
    gateway.answer(200, "");
    assert_eq!(request(&app.anon(), PHONE).status, 202, "and it recovers");
    drop(gateway);
    let answer = request(&app.anon().with_header("Accept-Language", "ru"), PHONE);
    assert_unavailable(&answer);
    assert!(answer.member("/detail").contains("SMS"), "{}", answer.text());
}

#[test]
fn a_gateway_that_hangs_holds_up_no_other_login_b4() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let gateway = TestGateway::hanging();
    let builder = App::builder("web").database(&database).redis(&redis);
    let app = builder.env("SMS_GATEWAY_URL", &format!("http://{}/", gateway.host())).start();
    let _alice = app.register("alice@example.com", PASSWORD);
    let started = Instant::now();
    let answers = at_once(48, |index| {
        if index < 40 {
            return (request(&app.anon(), &format!("+4474001{index:05}")), 0);
        }
        let mut logins = 0;
        loop {
            let answer = app.anon().log_in("alice@example.com", PASSWORD);
            assert_eq!(answer.status, 200, "{}", answer.text());
            logins += 1;
            if started.elapsed() > Duration::from_secs(2) {
                return (answer, logins);
            }
        }
    });
    for (answer, _) in &answers[..40] {
        assert_unavailable(answer);
        assert!(answer.took < Duration::from_secs(5), "{:?}", answer.took);
    }
    let each: Vec<usize> = answers[40..].iter().map(|(_, logins)| *logins).collect();
    assert!(each.iter().all(|logins| *logins > 1), "logins by password meanwhile: {each:?}");
    gateway.answer(200, "");
    assert_eq!(request(&app.anon(), PHONE).status, 202, "and it recovers");
}

#[test]
fn production_without_a_gateway_says_so_and_writes_no_codes_into_folders_b4() {
    let (database, redis, outbox) = (TestDatabase::new(), TestRedis::start(), TestOutbox::new());
    let builder = App::builder("web").database(&database).redis(&redis).env("APP_ENV", "production");
    let builder = builder.env("LEGACY_TOKENS", "off").env("PUBLIC_URL", "https://web.example.com");
    let app = builder.env("OUTBOX_DIR", &outbox.directory()).start();
    assert!(app.log().contains("no SMS can be sent, since SMS_GATEWAY_URL is not set"), "{}", app.log());
    for _ in 0..8 {
        assert_unavailable(&request(&app.anon(), PHONE));
    }
    assert!(outbox.messages().is_empty());
    assert_eq!(database.number("SELECT count(*) FROM one_time_codes"), 0);
    let _alice = app.register("alice@example.com", PASSWORD);
}
