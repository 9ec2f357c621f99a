//! The pages of admin-panel as staff use them, by forms and without a browser.

mod acts;
mod forms;
mod hostile;
mod log;
mod matrix;
mod numbers;
mod search;

use std::ops::Deref;

use test_support::{App, Client, Page, PageForm, TestDatabase, TestRedis};

use crate::{PASSWORD, people_of_every_role};

/// Admin-panel with people of every role.
struct Panel {
    database: TestDatabase,
    redis: TestRedis,
    app: App,
}

impl Panel {
    /// `user@`, `support@`, `operator@`, `admin@` and a second administrator, `root@`.
    fn new() -> Self {
        let (database, redis, app) = people_of_every_role();
        Self { database, redis, app }
    }

    fn web(&self) -> App {
        App::builder("web").database(&self.database).redis(&self.redis).start()
    }

    fn id(&self, name: &str) -> String {
        self.database.value(&format!("SELECT id FROM users WHERE email = '{name}@example.com'"))
    }

    /// `/users/{id}` and what follows it.
    fn path(&self, name: &str, rest: &str) -> String {
        format!("/users/{}{rest}", self.id(name))
    }

    fn of(&self, name: &str, column: &str) -> String {
        self.database.value(&format!("SELECT {column} FROM users WHERE email = '{name}@example.com'"))
    }

    fn let_proofs_grow_old(&self) {
        self.database.execute("UPDATE sessions SET authenticated_at = now() - interval '301 seconds'");
    }

    /// Somebody who logged in by the form just now.
    #[track_caller]
    fn browser(&self, name: &str) -> Browser {
        let browser = Browser(self.app.anon());
        let login = browser.open("/login");
        let email = format!("{name}@example.com");
        let answer = login.submit("#login", &[("email", &email), ("password", PASSWORD)]);
        assert_eq!((answer.status(), answer.location()), (303, Some("/")), "{}", answer.answer.text());
        browser
    }
}

/// Follows links and sends forms, and knows no JavaScript.
struct Browser(Client);

impl Browser {
    fn open(&self, path: &str) -> Seen {
        Seen { client: self.0.clone(), page: self.0.page(path) }
    }

    /// A page that must be there.
    #[track_caller]
    fn see(&self, path: &str) -> Seen {
        let seen = self.open(path);
        assert_eq!(seen.status(), 200, "{path}: {}", seen.answer.text());
        seen
    }
}

/// What a browser was answered.
struct Seen {
    client: Client,
    page: Page,
}

impl Deref for Seen {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.page
    }
}

impl Seen {
    fn status(&self) -> u16 {
        self.answer.status
    }

    fn location(&self) -> Option<&str> {
        self.answer.header("location")
    }

    fn has(&self, selector: &str) -> bool {
        self.count(selector) > 0
    }

    /// An attribute of the first that is selected.
    #[track_caller]
    fn attribute(&self, selector: &str, name: &str) -> String {
        let values = self.attributes(selector, name);
        values
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no {name} of {selector} in {}", self.answer.text()))
    }

    /// Follows a link.
    #[track_caller]
    fn follow(&self, selector: &str) -> Self {
        Browser(self.client.clone()).see(&self.attribute(selector, "href"))
    }

    /// A form with some fields filled in.
    #[track_caller]
    fn filled(&self, form: &str, fields: &[(&str, &str)]) -> PageForm {
        fields.iter().fold(self.form(form), |form, (name, value)| form.with(name, value))
    }

    /// Sends a form with some fields filled in.
    #[track_caller]
    fn submit(&self, form: &str, fields: &[(&str, &str)]) -> Self {
        send(&self.client, &self.filled(form, fields))
    }

    /// Sends a form that must succeed, and sees where it leads.
    #[track_caller]
    fn submit_and_see(&self, form: &str, fields: &[(&str, &str)]) -> Self {
        let answer = self.submit(form, fields);
        assert_eq!(answer.status(), 303, "{}", answer.answer.text());
        Browser(self.client.clone()).see(answer.location().unwrap())
    }

    /// Sends a form of the method GET.
    #[track_caller]
    fn search(&self, fields: &[(&str, &str)]) -> Self {
        let form = self.filled("form[role=search]", fields);
        Browser(self.client.clone()).open(&format!("{}?{}", form.action, form.encoded()))
    }
}

fn send(client: &Client, form: &PageForm) -> Seen {
    Seen { client: client.clone(), page: Page::of(client.submit(form)) }
}
