//! What every other test of this program rests on: a browser tells when a page breaks its policy, when a script of it
//! fails, when it opens a dialog, and it runs no scripts when it is told not to.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};

use test_support::Browser;

#[test]
fn a_page_that_breaks_its_policy_fails_its_test() {
    let page = "<!doctype html><title>breaks</title><style>p { color: red }</style><script>document.title = 'ran'</script>";
    let address = serve("Content-Security-Policy: default-src 'none'\r\n", page);
    for scripts in [true, false] {
        let browser = Browser::builder().scripts(scripts).start();
        browser.go(&address);
        let complaints = browser.complaints();
        let about = |what: &str| complaints.iter().filter(|one| one.message.contains(what)).count();
        assert_eq!(about("Applying inline style violates"), 1, "{complaints:?}");
        assert_eq!(about("Executing inline script violates"), usize::from(scripts), "{complaints:?}");
        assert!(complaints.iter().all(|one| one.source == "security"), "{complaints:?}");

        browser.go(&address);
        let ends = catch_unwind(AssertUnwindSafe(|| drop(browser)));
        let why = ends.expect_err("a test does not end well with a violation that nobody has read");
        assert!(why.downcast_ref::<String>().is_some_and(|why| why.contains("inline style")), "{why:?}");
    }
}

#[test]
fn scripts_that_fail_are_told_of_and_run_only_where_they_may() {
    let address = serve(
        "",
        "<!doctype html><title>still</title><script>document.title = 'ran'; nothing.at.all</script>",
    );
    for scripts in [true, false] {
        let browser = Browser::builder().scripts(scripts).start();
        browser.go(&address);
        assert_eq!(browser.texts("title"), [if scripts { "ran" } else { "still" }]);
        assert_eq!(browser.complaints().len(), usize::from(scripts));
    }
}

#[test]
fn a_dialog_is_seen() {
    let browser = Browser::builder().start();
    browser
        .go(&serve("", "<!doctype html><title>asks</title><script>setTimeout(() => alert('here'))</script>"));
    let words = browser.wait_until("a dialog", || browser.dialog());
    assert_eq!(words, "here");
    assert!(
        catch_unwind(AssertUnwindSafe(|| browser.count("title"))).is_err(),
        "nothing works beside a dialog"
    );
}

/// A page at an address of its own, for as long as the test runs.
pub(crate) fn serve(headers: &str, page: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/", listener.local_addr().expect("the port"));
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{page}",
        page.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let head = BufReader::new(&stream).lines();
            let _ = head.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).count();
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}
