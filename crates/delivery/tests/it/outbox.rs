//! Files of the outbox: what stands in them, and that nobody ever sees half of one.

use std::sync::atomic::{AtomicBool, Ordering};

use delivery::{DeliveryError, Message, Postman, Routes};
use serde_json::json;
use test_support::TestOutbox;

fn postman(outbox: &TestOutbox) -> Postman {
    Postman::new(&Routes { outbox: Some(outbox.path().join("new/folder")), ..Routes::default() }).unwrap()
}

fn messages(outbox: &TestOutbox) -> Vec<serde_json::Value> {
    let Ok(entries) = std::fs::read_dir(outbox.path().join("new/folder")) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn a_message_is_one_file_with_exactly_these_members_b4() {
    let outbox = TestOutbox::new();
    let postman = postman(&outbox);
    postman
        .send(Message::sms("+447400123456", "Your code: 123456".into()).with_code("123456"))
        .await
        .unwrap();
    let mail = Message::email("ann@example.com", "Hello", "See http://localhost/x".into());
    postman.send(mail.with_link("http://localhost/x")).await.unwrap();
    assert_eq!(
        messages(&outbox),
        [
            json!({"kind": "sms", "to": "+447400123456", "body": "Your code: 123456", "code": "123456", "link": null}),
            json!({"kind": "email", "to": "ann@example.com", "body": "See http://localhost/x", "code": null, "link": "http://localhost/x"}),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_whole_files_alone_b4() {
    let outbox = TestOutbox::new();
    let postman = postman(&outbox);
    let body = "long ".repeat(20_000);
    let done = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut read = 0;
            while !done.load(Ordering::Relaxed) {
                read = messages(&outbox).len();
            }
            read
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for _ in 0..50 {
                    postman.send(Message::sms("+447400123456", body.clone())).await.unwrap();
                }
            });
        });
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(read > 0, "the reader came too late to see anything");
    assert_eq!(messages(&outbox).len(), 50);
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_an_error_and_no_way_is_one_too() {
    let file = TestOutbox::new();
    let taken = file.path().join("taken");
    std::fs::write(&taken, "a file").unwrap();
    let postman = Postman::new(&Routes { outbox: Some(taken), ..Routes::default() }).unwrap();
    let sent = postman.send(Message::sms("+447400123456", "text".into())).await;
    assert!(matches!(sent, Err(DeliveryError::NotSent(_))), "{sent:?}");
    let nobody = Postman::new(&Routes::default()).unwrap();
    let sent = nobody.send(Message::sms("+447400123456", "text".into())).await;
    assert_eq!(sent, Err(DeliveryError::NoWay(delivery::Kind::Sms)));
}
