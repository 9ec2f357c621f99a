//! Web's pages as people without JavaScript meet them: links, forms, redirects.

mod account;
mod arriving;
mod forms;
mod headers;
mod hostile;
mod problems;
mod scenarios;

use test_support::{App, Client, Page, PageForm, Response};

use crate::PASSWORD;

/// Fails unless the answer sends the browser there.
#[track_caller]
fn assert_sent_to(answer: &Response, place: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(place)), "{}", answer.text());
}

/// The form on which a person logs in, filled in.
#[track_caller]
fn login_form(client: &Client, path: &str, email: &str, password: &str) -> PageForm {
    client.page(path).form("#login").with("email", email).with("password", password)
}

/// A person on a new device, who came by the forms.
#[track_caller]
fn log_in(app: &App, email: &str, password: &str) -> Client {
    let client = app.anon();
    let answer = client.submit(&login_form(&client, "/login", email, password));
    assert_sent_to(&answer, "/account");
    client
}

/// A new person, who came by the form.
#[track_caller]
fn register(app: &App, email: &str) -> Client {
    let client = app.anon();
    let form = client.page("/register").form("#register").with("email", email).with("password", PASSWORD);
    assert_sent_to(&client.submit(&form), "/account");
    client
}

#[track_caller]
fn account(client: &Client) -> Page {
    let page = client.page("/account");
    assert_eq!(page.answer.status, 200, "{}", page.answer.text());
    page
}

/// The ids of the devices that are not the one that asks.
fn others(page: &Page) -> Vec<String> {
    page.attributes(".device:not([data-current])", "data-session-id")
}

/// What an alert or a field's error says.
fn complaints(page: &Page) -> Vec<String> {
    let mut all = page.texts("[role=alert]");
    for field in page.attributes("[aria-invalid=true]", "aria-describedby") {
        all.push(page.text(&format!("#{field}")));
    }
    all
}
