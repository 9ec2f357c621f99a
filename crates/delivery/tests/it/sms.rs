//! Both protocols of gateways, spoken with a server, and what happens when it fails.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use delivery::{DeliveryError, Message, Postman, Routes, SmsGatewayUrl, TIME};
use test_support::TestGateway;

fn postman(url: &str) -> Postman {
    let sms_gateway = Some(SmsGatewayUrl::parse(url).unwrap());
    Postman::new(&Routes { sms_gateway, ..Routes::default() }).unwrap()
}

fn message() -> Message {
    Message::sms("+447400123456", "Ваш код: 123456 & more".into()).with_code("123456")
}

#[tokio::test]
async fn a_webhook_gets_json_and_whom_the_url_names_b4() {
    let gateway = TestGateway::answering(202, "");
    for (who, authorization) in
        [("", None), ("me:p%40ss@", Some("Basic bWU6cEBzcw==")), (":t0ken@", Some("Bearer t0ken"))]
    {
        postman(&format!("http://{who}{}/send?tenant=7", gateway.host())).send(message()).await.unwrap();
        let received = gateway.received().pop().unwrap();
        assert_eq!(received.line, "POST /send?tenant=7 HTTP/1.1");
        assert_eq!(received.header("authorization"), authorization);
        assert_eq!(received.header("content-type"), Some("application/json; charset=utf-8"));
        let body: serde_json::Value = serde_json::from_str(&received.body).unwrap();
        assert_eq!(body, serde_json::json!({"to": "+447400123456", "body": "Ваш код: 123456 & more"}));
    }
}

#[tokio::test]
async fn twilio_gets_its_form_with_basic_authentication_b4() {
    let gateway = TestGateway::answering(201, r#"{"sid": "SM1", "status": "queued"}"#);
    let service = format!("MG{}", "0".repeat(32));
    for (from, field) in [
        ("+15005550006", "From=%2B15005550006"),
        ("Acme%20Ltd", "From=Acme+Ltd"),
        (&service, &format!("MessagingServiceSid={service}")),
    ] {
        postman(&format!("twilio+http://AC12:s3cret@{}?from={from}", gateway.host()))
            .send(message())
            .await
            .unwrap();
        let received = gateway.received().pop().unwrap();
        assert_eq!(received.line, "POST /2010-04-01/Accounts/AC12/Messages.json HTTP/1.1");
        assert_eq!(received.header("authorization"), Some("Basic QUMxMjpzM2NyZXQ="));
        assert_eq!(received.header("content-type"), Some("application/x-www-form-urlencoded"));
        let mut pairs: Vec<&str> = received.body.split('&').collect();
        pairs.sort_unstable();
        let text = "Body=%D0%92%D0%B0%D1%88+%D0%BA%D0%BE%D0%B4%3A+123456+%26+more";
        let mut expected = [text, field, "To=%2B447400123456"];
        expected.sort_unstable();
        assert_eq!(pairs, expected);
    }
}

#[tokio::test]
async fn a_refusal_is_told_by_its_status_and_code_and_nothing_that_it_repeats() {
    let gateway =
        TestGateway::answering(400, r#"{"code": 21211, "message": "+447400123456: Ваш код: 123456"}"#);
    let sent = postman(&format!("http://:t0ken@{}/", gateway.host())).send(message()).await;
    let reason = format!("{} answered 400, error 21211", gateway.host());
    assert_eq!(sent, Err(DeliveryError::NotSent(reason)));
    gateway.answer(503, "123456");
    let sent = postman(&format!("http://:t0ken@{}/", gateway.host())).send(message()).await;
    assert_eq!(sent, Err(DeliveryError::NotSent(format!("{} answered 503", gateway.host()))));
    gateway.answer(307, "");
    let sent = postman(&format!("http://{}/", gateway.host())).send(message()).await;
    assert!(matches!(sent, Err(DeliveryError::NotSent(_))), "a redirect is followed nowhere: {sent:?}");
}

#[tokio::test]
async fn a_gateway_that_is_down_is_told_at_once() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let started = Instant::now();
    let sent = postman(&format!("http://{closed}/")).send(message()).await;
    assert!(matches!(sent, Err(DeliveryError::NotSent(_))), "{sent:?}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn however_many_wait_for_a_hanging_gateway_each_is_told_in_time() {
    let gateway = TestGateway::hanging();
    let postman = postman(&format!("http://{}/", gateway.host()));
    let started = Instant::now();
    let sending: Vec<_> = (0..64)
        .map(|_| {
            let postman = postman.clone();
            tokio::spawn(async move { postman.send(message()).await })
        })
        .collect();
    let (mut unknown, mut not_sent) = (0, 0);
    for sent in sending {
        match sent.await.unwrap() {
            Err(DeliveryError::Unknown(_)) => unknown += 1,
            Err(DeliveryError::NotSent(_)) => not_sent += 1,
            other => panic!("{other:?}"),
        }
    }
    let took = started.elapsed();
    assert!(took >= TIME && took < TIME + Duration::from_secs(1), "{took:?}");
    assert_eq!((unknown, not_sent), (16, 48), "those that had no turn were certainly not sent");
    // It recovers: the turns come back.
    gateway.answer(200, "");
    postman.send(message()).await.unwrap();
    assert_eq!(gateway.received().len(), 17);
}
