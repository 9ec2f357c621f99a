//! The same-origin rule in full: where a request says it comes from, how it changes something, what it brings, and by what
//! it is known. What is refused changes nothing; the oracle is [`is_let_in`] and [`expected`].

use serde_json::json;
use test_support::{App, Client, TestDatabase, TestRedis, tally_sum};

use crate::{PASSWORD, person};

/// The origin of both applications here; a look-alike of it is none.
const OWN: &str = "https://good.test";

const SITES: &[Option<&str>] =
    &[Some("same-origin"), Some("same-site"), Some("cross-site"), Some("none"), None];

const ORIGINS: &[Option<&str>] = &[
    Some(OWN),
    Some("https://evil.example"),
    Some("null"),
    Some("https://good.test.evil.example"),
    Some("https://evilgood.test"),
    Some("https://goodxtest"),
    Some("https://good.test:8443"),
    Some("http://good.test"),
    Some("https://good.test/"),
    Some("https://good.test@evil.example"),
    Some("https://good.test https://evil.example"),
    None,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Json,
    Form,
    Text,
    Multipart,
    None,
}

const CONTENTS: [Content; 5] =
    [Content::Json, Content::Form, Content::Text, Content::Multipart, Content::None];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Cookie,
    Bearer,
    /// Nobody yet: another site must not log anybody in.
    Nothing,
}

/// Something that is done by each method; all but the first change something each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// GET.
    Read,
    /// POST, for programs.
    Grant,
    /// PUT.
    Prefer,
    /// PATCH.
    Verify,
    /// DELETE.
    Take,
    /// POST of a form.
    VerifyByForm,
    /// POST without a session.
    LogIn,
}

/// "Every POST, PUT, PATCH, DELETE without a Bearer header, with or without a cookie: `Sec-Fetch-Site`, if present, must be
/// `same-origin` or `none`; else `Origin`, if present, must equal the origin of `PUBLIC_URL`; neither present passes."
fn is_let_in(act: Act, carrier: Carrier, site: Option<&str>, origin: Option<&str>) -> bool {
    if act == Act::Read || carrier == Carrier::Bearer {
        return true;
    }
    match (site, origin) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin == OWN,
        (None, None) => true,
    }
}

/// The status, and whether something has changed then.
fn expected(act: Act, carrier: Carrier, content: Content, is_let_in: bool) -> (u16, bool) {
    match (act, content) {
        _ if !is_let_in => (403, false),
        (Act::Read, _) => (200, false),
        // No body is read.
        (Act::Take, _) => (204, true),
        (Act::VerifyByForm, Content::Form) if carrier == Carrier::Cookie => (303, true),
        // Programs send no forms.
        (Act::VerifyByForm, Content::Form) => (403, false),
        (Act::Grant, Content::Json) => (201, true),
        (Act::Prefer | Act::Verify | Act::LogIn, Content::Json) => (200, true),
        _ => (415, false),
    }
}

/// Method, path, and the bodies for programs and of a form.
type Asked = (&'static str, String, String, String);

struct Table {
    database: TestDatabase,
    web: App,
    clients: [(Carrier, Client); 2],
    web_clients: [(Carrier, Client); 2],
    victim: String,
    form_token: String,
    /// What is chosen next, so that it is always something else.
    flip: bool,
    counter: u32,
}

impl Table {
    fn new(database: TestDatabase, redis: &TestRedis) -> (Self, App) {
        let start = |name| App::builder(name).database(&database).redis(redis).env("PUBLIC_URL", OWN).start();
        let (web, panel) = (start("web"), start("admin-panel"));
        person(&database, "admin@example.com", "admin");
        person(&database, "victim@example.com", "user");
        let (admin, user) =
            (panel.log_in("admin@example.com", PASSWORD), web.log_in("admin@example.com", PASSWORD));
        let page = admin.client.page("/");
        let form_token = page.attributes("#logout input[name=form_token]", "value").remove(0);
        let clients = [(Carrier::Cookie, admin.client.clone()), (Carrier::Bearer, admin.bearer())];
        let web_clients = [(Carrier::Cookie, user.client.clone()), (Carrier::Bearer, user.bearer())];
        let victim = database.value("SELECT id FROM users WHERE email = 'victim@example.com'");
        let table = Self { database, web, clients, web_clients, victim, form_token, flip: false, counter: 0 };
        (table, panel)
    }

    fn clients(&self, act: Act) -> Vec<(Carrier, Client)> {
        match act {
            Act::Prefer => self.web_clients.to_vec(),
            Act::LogIn => vec![(Carrier::Nothing, self.web.anon())],
            _ => self.clients.to_vec(),
        }
    }

    /// What an act asks, that changes something if it is let in.
    fn request(&mut self, act: Act) -> Asked {
        self.counter += 1;
        let (victim, counter) = (&self.victim, self.counter);
        let permission = format!("reports.read{counter}");
        let people = format!("/api/users/{victim}");
        let theme = if self.flip { "dark" } else { "light" };
        let verdict = if self.flip { "verify" } else { "unverify" };
        let form = format!("form_token={}", self.form_token);
        match act {
            Act::Read => ("GET", people, json!({}).to_string(), form),
            Act::Grant => {
                let body = json!({"permission": permission, "application_context": "web"});
                ("POST", format!("{people}/permissions"), body.to_string(), form)
            }
            Act::Prefer => {
                let body = json!({"theme": theme, "language": "en"});
                ("PUT", "/api/preferences".to_owned(), body.to_string(), form)
            }
            Act::Verify => ("PATCH", people, json!({"is_verified": self.flip}).to_string(), form),
            Act::Take => {
                self.database.execute(&format!(
                    "INSERT INTO user_permissions (user_id, permission, application_context)
                     VALUES ('{victim}', '{permission}', 'web')"
                ));
                let path = format!("{people}/permissions/{permission}?application_context=web");
                ("DELETE", path, String::new(), form)
            }
            Act::VerifyByForm => ("POST", format!("/users/{victim}/{verdict}"), "{}".to_owned(), form),
            Act::LogIn => {
                let body = json!({"email": "victim@example.com", "password": PASSWORD});
                ("POST", "/api/login".to_owned(), body.to_string(), form)
            }
        }
    }

    /// Plays every cell of an act; returns how many there are.
    fn play(&mut self, act: Act) -> usize {
        let (mut cells, mut wrong) = (0, Vec::new());
        for (carrier, client) in self.clients(act) {
            for content in CONTENTS {
                let all = SITES.iter().flat_map(|site| ORIGINS.iter().map(move |origin| (*site, *origin)));
                let wanted = |(site, origin): (Option<&'static str>, Option<&'static str>)| {
                    let cell = Cell { client: &client, content, site, origin };
                    (cell, expected(act, carrier, content, is_let_in(act, carrier, site, origin)))
                };
                let (acting, still): (Vec<_>, Vec<_>) = all.map(wanted).partition(|(_, (_, acts))| *acts);
                cells += acting.len() + still.len();
                let found = self.play_still(act, &still).into_iter().chain(self.play_acting(act, &acting));
                wrong.extend(found.map(|found| format!("{act:?} {carrier:?} {content:?} {found}")));
            }
        }
        assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
        cells
    }

    /// What changes nothing: the database is the same after all of it.
    fn play_still(&mut self, act: Act, cells: &[(Cell<'_>, (u16, bool))]) -> Vec<String> {
        let asked = self.request(act);
        let before = self.database.fingerprint();
        let mut wrong: Vec<String> =
            cells.iter().filter_map(|(cell, (status, _))| cell.differs(&asked, *status)).collect();
        if before != self.database.fingerprint() {
            wrong.push("something has changed".to_owned());
        }
        wrong
    }

    /// What changes something each time, which is looked at the first time: otherwise nothing would be shown by what is
    /// refused.
    fn play_acting(&mut self, act: Act, cells: &[(Cell<'_>, (u16, bool))]) -> Vec<String> {
        let mut wrong = Vec::new();
        self.flip = match act {
            Act::Verify | Act::VerifyByForm => {
                self.database.value("SELECT NOT is_verified FROM users WHERE email LIKE 'victim%'") == "t"
            }
            _ => !self.flip,
        };
        for (position, (cell, (status, _))) in cells.iter().enumerate() {
            let asked = self.request(act);
            let before = (position == 0).then(|| self.database.fingerprint());
            wrong.extend(cell.differs(&asked, *status));
            if before.is_some_and(|before| before == self.database.fingerprint()) {
                wrong.push("nothing has changed".to_owned());
            }
            self.flip = !self.flip;
        }
        wrong
    }
}

/// Where a request comes from and what it brings.
struct Cell<'a> {
    client: &'a Client,
    content: Content,
    site: Option<&'static str>,
    origin: Option<&'static str>,
}

impl Cell<'_> {
    /// Sends it; what is wrong, where the status is another.
    fn differs(&self, (method, path, json, form): &Asked, status: u16) -> Option<String> {
        let mut request = self.client.request(method, path);
        for (name, value) in [("Sec-Fetch-Site", self.site), ("Origin", self.origin)] {
            request = value.into_iter().fold(request, |request, value| request.header(name, value));
        }
        let (kind, body) = match self.content {
            Content::Json => (Some("application/json"), json.clone()),
            Content::Form => (Some("application/x-www-form-urlencoded"), form.clone()),
            Content::Text => (Some("text/plain"), json.clone()),
            Content::Multipart => (
                Some("multipart/form-data; boundary=x"),
                format!("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{form}\r\n--x--\r\n"),
            ),
            Content::None => (None, String::new()),
        };
        request = kind.into_iter().fold(request, |request, kind| request.header("Content-Type", kind));
        // The client sends none with these.
        let has_body = !matches!(*method, "GET" | "DELETE") && self.content != Content::None;
        let answer = if has_body { request.body(body).send() } else { request.send() };
        (answer.status != status)
            .then(|| format!("{:?} {:?}: {} and not {status}", self.site, self.origin, answer.status))
    }
}

#[test]
fn a_change_from_anywhere_else_is_refused_and_changes_nothing_whatever_it_brings() {
    let redis = TestRedis::start();
    let (mut table, _panel) = Table::new(TestDatabase::new(), &redis);
    let acts = [Act::Read, Act::Grant, Act::Prefer, Act::Verify, Act::Take, Act::VerifyByForm, Act::LogIn];
    let cells: usize = acts.into_iter().map(|act| table.play(act)).sum();
    tally_sum("Cells of the same-origin table", cells);
}
