//! Logging in by password, in both applications, by the API and by the page.

use serde_json::json;
use test_support::App;

use crate::PASSWORD;
use crate::samples::{Class, nothing_tells_them_apart};
use crate::stage::{Stage, address};

/// What it is called, the address and the password.
type Attempt = (&'static str, String, &'static str);

/// Whom a wrong password is tried at; the last of them even has the right one.
fn of_customers() -> Vec<Attempt> {
    vec![
        ("known", address("known"), "wrong password"),
        ("unknown", address("nobody"), "wrong password"),
        ("without a password", address("nokey"), "wrong password"),
        ("blocked", address("block"), "wrong password"),
        ("staff", address("staff"), "wrong password"),
        ("known, spelled otherwise", address("known").to_uppercase(), "wrong password"),
        ("blocked, right password", address("block"), PASSWORD),
    ]
}

/// The same of staff, at the panel.
fn of_staff() -> Vec<Attempt> {
    vec![
        ("known", address("staff"), "wrong password"),
        ("unknown", address("nobody"), "wrong password"),
        ("without a password", address("keyless"), "wrong password"),
        ("blocked", address("banned"), "wrong password"),
        ("customer", address("known"), "wrong password"),
        ("known, spelled otherwise", address("staff").to_uppercase(), "wrong password"),
        ("blocked, right password", address("banned"), PASSWORD),
    ]
}

fn by_the_api(way: &str, app: &App, people: Vec<Attempt>) {
    let client = app.anon();
    let classes: Vec<Class<'_>> = people
        .into_iter()
        .map(|(name, typed, password)| {
            let body = json!({"email": typed, "password": password});
            Class {
                name,
                typed,
                ask: Box::new({
                    let client = &client;
                    move || client.post("/api/login", &body)
                }),
            }
        })
        .collect();
    nothing_tells_them_apart(way, &classes);
}

fn by_the_page(way: &str, app: &App, people: Vec<Attempt>) {
    let client = app.anon();
    let empty = client.page("/login").form("#login");
    let classes: Vec<Class<'_>> = people
        .into_iter()
        .map(|(name, typed, password)| {
            let form = empty.clone().with("email", &typed).with("password", password);
            Class {
                name,
                typed,
                ask: Box::new({
                    let client = &client;
                    move || client.submit(&form)
                }),
            }
        })
        .collect();
    nothing_tells_them_apart(way, &classes);
}

#[test]
fn a_login_by_the_api_tells_nobody_who_has_an_account() {
    let stage = Stage::new(None);
    stage.people();
    by_the_api("password at web", &stage.web, of_customers());
}

#[test]
fn a_login_at_the_panel_tells_nobody_who_is_staff() {
    let stage = Stage::new(None);
    stage.people();
    by_the_api("password at admin-panel", &stage.panel, of_staff());
}

#[test]
fn a_login_by_the_page_tells_nobody_who_has_an_account() {
    let stage = Stage::new(None);
    stage.people();
    by_the_page("page of web", &stage.web, of_customers());
    by_the_page("page of admin-panel", &stage.panel, of_staff());
}
