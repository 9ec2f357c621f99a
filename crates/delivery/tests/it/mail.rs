//! SMTP, spoken with a server that takes everything, refuses everything, or says nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use delivery::{DeliveryError, Message, Postman, Routes, SmtpUrl, TIME};

/// A mail server for one connection; it hands over what it was told.
fn sink(answer_to_recipient: &'static str) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let _ = sender.send(converse(&stream, answer_to_recipient));
    });
    (host, receiver)
}

fn converse(mut stream: &TcpStream, answer_to_recipient: &str) -> String {
    let mut said = String::new();
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut in_data = false;
    write!(stream, "220 sink\r\n").unwrap();
    for line in lines {
        said.push_str(&line);
        said.push('\n');
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match (in_data, verb.as_str()) {
            (true, ".") => {
                in_data = false;
                "250 taken"
            }
            (true, _) => continue,
            (false, "EHLO") => "250-sink\r\n250 AUTH PLAIN",
            (false, "RCPT") => answer_to_recipient,
            (false, "DATA") => {
                in_data = true;
                "354 go on"
            }
            (false, "QUIT") => break,
            _ => "250 ok",
        };
        let answer = if verb == "AUTH" { "235 welcome" } else { answer };
        if write!(stream, "{answer}\r\n").is_err() {
            break;
        }
    }
    said
}

fn postman(url: &str) -> Postman {
    Postman::new(&Routes { smtp: Some(SmtpUrl::parse(url).unwrap()), ..Routes::default() }).unwrap()
}

fn message() -> Message {
    Message::email("ann@example.com", "Ваш код", "Код: 123456\n".into()).with_code("123456")
}

#[tokio::test]
async fn a_mail_is_handed_over_with_its_sender_and_its_text() {
    let (host, said) = sink("250 ok");
    postman(&format!("smtp://me:s3cret@{host}?from=hello@example.com")).send(message()).await.unwrap();
    let said = said.recv_timeout(Duration::from_secs(5)).unwrap();
    for part in [
        "MAIL FROM:<hello@example.com>",
        "RCPT TO:<ann@example.com>",
        "From: hello@example.com",
        "AUTH PLAIN",
    ] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    assert!(said.contains("Subject: =?utf-8?b?"), "{said}");
}

#[tokio::test]
async fn a_refusal_is_told_by_its_status() {
    let (host, _said) = sink("550 ann@example.com is unknown here");
    let sent = postman(&format!("smtp://{host}")).send(message()).await;
    assert_eq!(sent, Err(DeliveryError::NotSent("127.0.0.1 answered 550".into())));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let sent = postman(&format!("smtp://{}", silent.local_addr().unwrap())).send(message()).await;
    assert!(matches!(sent, Err(DeliveryError::Unknown(_))), "{sent:?}");
    assert!(started.elapsed() < TIME + Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_address_that_is_none_is_no_mail() {
    let sent =
        postman("smtp://127.0.0.1:1").send(Message::email("a\r\nRCPT TO:<b@c>", "x", "y".into())).await;
    assert!(matches!(sent, Err(DeliveryError::NotSent(_))), "{sent:?}");
}
