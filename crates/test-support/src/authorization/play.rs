//! Plays a table, and what no table needs to say: a method that is not there, an origin that is not ours.

use std::collections::BTreeSet;

use super::stage::TOKEN;
use super::{Call, Identity, Line, Route, Stage, is_for_programs, lines};
use crate::{Client, Response, tally_sum};

/// Every method that anyone might try; `PURGE` stands for those that nobody has heard of.
const METHODS: &[&str] =
    &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE"];

/// By what some frameworks let a request say that it is another.
const OVERRIDES: &[&str] = &["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];

/// A table, and how its routes are called.
pub struct Play<'a> {
    /// Where it is played.
    pub stage: &'a Stage<'a>,
    /// The table as it is written.
    pub table: &'a str,
    /// What somebody sends to a route, in a case of it.
    pub call: &'a dyn Fn(&Stage<'_>, Identity, &str, &str) -> Call,
    /// What must stand in no answer.
    pub secrets: Vec<String>,
}

impl Play<'_> {
    /// Plays every cell. Panics with all that came out otherwise.
    pub fn run(&self, app: &str) {
        assert_complete(app, self.table);
        let (mut cells, mut wrong) = (0, Vec::new());
        for line in lines(self.table) {
            for (identity, cell) in Identity::ALL.into_iter().zip(&line.cells) {
                let wanted = Wanted::parse(cell, &line);
                let mut methods = vec![line.method];
                methods.extend((line.method == "GET" && !is_for_programs(line.path)).then_some("HEAD"));
                for method in methods {
                    let client = self.stage.client(identity);
                    wrong.extend(self.cell(method, &line, &client, &wanted, &[], identity));
                    cells += 1;
                }
                if line.method == "GET" && line.path.starts_with("/api/") {
                    let bearer = self.stage.token(identity).map(|token| self.stage.app.with_bearer(&token));
                    let client = bearer.unwrap_or_else(|| self.stage.app.anon());
                    wrong.extend(self.cell(line.method, &line, &client, &wanted, &[], identity));
                    cells += 1;
                }
                if matches!(line.method, "POST" | "PUT" | "PATCH" | "DELETE") {
                    let code = if is_for_programs(line.path) { "forbidden" } else { "" };
                    let (client, refused) = (self.stage.client(identity), Wanted::Status(403, code));
                    let foreign = [("Sec-Fetch-Site", "cross-site")];
                    wrong.extend(self.cell(line.method, &line, &client, &refused, &foreign, identity));
                    cells += 1;
                }
            }
        }
        tally_sum("Cells of the table of who may do what", cells);
        assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// A method that a path does not have is refused to everybody, and to a stranger as the path itself; whatever a request
    /// says about being another one. Panics with all that came out otherwise.
    pub fn run_wrong_methods(&self, app: &str) {
        let routes = Route::all_of(app);
        let paths: BTreeSet<(&str, bool)> =
            routes.iter().map(|route| (route.path.as_str(), route.is_public)).collect();
        let (mut cells, mut wrong) = (0, Vec::new());
        for (path, is_public) in paths {
            let has =
                |method: &&&str| routes.iter().any(|route| route.path == path && route.method == **method);
            for method in METHODS.iter().filter(|method| !has(method)) {
                for identity in [Identity::Stranger, Identity::Revoked, Identity::Admin] {
                    let is_refused = !is_public && identity != Identity::Admin;
                    let cell = if !is_refused {
                        "405"
                    } else if is_for_programs(path) {
                        "401"
                    } else {
                        "login"
                    };
                    let line = Line { method, path, case: "", cells: Vec::new() };
                    let wanted = Wanted::parse(cell, &line);
                    let overrides: Vec<_> = OVERRIDES.iter().map(|name| (*name, "GET")).collect();
                    let client = self.stage.client(identity);
                    wrong.extend(self.cell(method, &line, &client, &wanted, &overrides, identity));
                    cells += 1;
                }
            }
        }
        tally_sum("Cells of methods that are not there", cells);
        assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// A GET that says it is something else is a GET. Panics with all that came out otherwise.
    pub fn run_overrides(&self) {
        let (mut cells, mut wrong) = (0, Vec::new());
        let all = lines(self.table);
        for line in all.iter().filter(|line| line.method == "GET") {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                let admin = Identity::ALL.iter().position(|identity| *identity == Identity::Admin);
                let wanted = Wanted::parse(line.cells[admin.unwrap_or_default()], line);
                let overrides: Vec<_> = OVERRIDES.iter().map(|name| (*name, method)).collect();
                let client = self.stage.client(Identity::Admin);
                let line = Line { case: line.case, cells: Vec::new(), ..*line };
                wrong.extend(self.read_cell(&line, &client, &wanted, &overrides, method));
                cells += 1;
            }
        }
        tally_sum("Cells of methods that are not there", cells);
        assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    }

    fn cell(
        &self,
        method: &str,
        line: &Line<'_>,
        client: &Client,
        wanted: &Wanted<'_>,
        headers: &[(&str, &str)],
        identity: Identity,
    ) -> Option<String> {
        let name = format!("{} {}", line.method, line.path);
        let call = (self.call)(self.stage, identity, &name, line.case);
        // An attempt to log in is counted, also one that is none of the wrong ones.
        let is_counted = name == "POST /api/login" && headers.is_empty();
        let is_still = wanted.is_refusal() && !is_counted;
        let before = is_still.then(|| self.stage.database.fingerprint());
        let answer = self.send(method, line, client, call, headers);
        let what = format!("{method} {} {} as {identity:?} {headers:?}", line.path, line.case);
        let changed = before.is_some_and(|before| before != self.stage.database.fingerprint());
        self.judge(&what, method, &answer, wanted, changed)
    }

    fn read_cell(
        &self,
        line: &Line<'_>,
        client: &Client,
        wanted: &Wanted<'_>,
        headers: &[(&str, &str)],
        method: &str,
    ) -> Option<String> {
        let name = format!("GET {}", line.path);
        let mut call = (self.call)(self.stage, Identity::Admin, &name, line.case);
        let path = if call.path.is_empty() { line.path.to_owned() } else { call.path.clone() };
        let sign = if path.contains('?') { '&' } else { '?' };
        // Where an unknown parameter is refused, that is an answer to a GET, too.
        call.path =
            if line.path.starts_with("/api/") { path } else { format!("{path}{sign}_method={method}") };
        let before = self.stage.database.fingerprint();
        let answer = self.send("GET", line, client, call, headers);
        let changed = before != self.stage.database.fingerprint();
        let what = format!("GET {} {} that says {method}", line.path, line.case);
        self.judge(&what, "GET", &answer, wanted, changed)
    }

    fn send(
        &self,
        method: &str,
        line: &Line<'_>,
        client: &Client,
        call: Call,
        headers: &[(&str, &str)],
    ) -> Response {
        let path = if call.path.is_empty() { line.path.replace(['{', '}'], "") } else { call.path };
        let form = call.form.map(|fields| self.stage.encoded(client, &fields, line.path));
        let mut request = client.request(method, &path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = match (&call.json, form) {
            (Some(body), _) => request.json(body),
            (None, Some(form)) => {
                request.header("Content-Type", "application/x-www-form-urlencoded").body(form)
            }
            (None, None) => request,
        };
        request.send()
    }

    fn judge(
        &self,
        what: &str,
        method: &str,
        answer: &Response,
        wanted: &Wanted<'_>,
        changed: bool,
    ) -> Option<String> {
        let all = format!("{:?} {}", answer.headers, answer.text());
        let secret =
            self.secrets.iter().map(String::as_str).chain([TOKEN]).find(|secret| all.contains(secret));
        if let Some(secret) = secret {
            return Some(format!("{what}: {secret} stands in {all}"));
        }
        if changed {
            return Some(format!("{what}: refused by {}, and yet something has changed", answer.status));
        }
        let found = (answer.status, answer.header("location"));
        (!wanted.is(method, answer, &self.stage.victim))
            .then(|| format!("{what}: {found:?} and not {wanted:?}: {:.200}", answer.text()))
    }
}

/// Fails when an application has a route without a line in its table, or the table a line without a route.
pub fn assert_complete(app: &str, table: &str) {
    let listed: BTreeSet<String> =
        lines(table).iter().map(|line| format!("{} {}", line.method, line.path)).collect();
    let routes = Route::all_of(app);
    let has_get = |path: &str| listed.contains(&format!("GET {path}"));
    let there: BTreeSet<String> = routes
        .iter()
        .filter(|route| route.method != "HEAD" || !has_get(&route.path))
        .map(Route::name)
        .collect();
    let missing: Vec<_> = there.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&there).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the table: {missing:?}; no route: {gone:?}");
}

/// Fails when the OpenAPI document of an application lacks a route for programs, or has one that is not there. The ways in which
/// proxies ask stand in docs/forward-auth.md.
#[track_caller]
pub fn assert_documented(app: &str, document: &serde_json::Value) {
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let methods = operations.as_object().expect("operations").keys();
        documented.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let is_of_proxies = |route: &Route| {
        route.path.starts_with("/api/verify/") || (route.method == "HEAD" && route.path == "/api/verify")
    };
    let is_itself = |route: &Route| route.path.starts_with("/docs") || route.path == "/openapi.json";
    let routes = Route::all_of(app).into_iter();
    let routes = routes.filter(|route| route.is_for_programs() && !is_itself(route) && !is_of_proxies(route));
    assert_eq!(routes.map(|route| route.name()).collect::<BTreeSet<_>>(), documented);
}

/// What a cell says.
#[derive(Debug)]
enum Wanted<'a> {
    /// A status; where a program gets the answer, with this code unless that is empty.
    Status(u16, &'a str),
    /// The way to the login, for what can be asked for again with the way back.
    Login,
    /// The way to this path.
    Way(&'a str),
}

impl<'a> Wanted<'a> {
    fn parse(cell: &'a str, line: &Line<'_>) -> Self {
        let is_for_programs = is_for_programs(line.path);
        match cell {
            "login" => return Self::Login,
            "wrong" => return Self::Status(401, if is_for_programs { "invalid_credentials" } else { "" }),
            _ => {}
        }
        if let Some(path) = cell.strip_prefix('>') {
            return Self::Way(path);
        }
        let status = cell.parse().unwrap_or_else(|_| panic!("{cell} in {line:?}"));
        let code = match status {
            401 => "unauthenticated",
            403 => "forbidden",
            404 => "not_found",
            405 => "method_not_allowed",
            _ => "",
        };
        Self::Status(status, if is_for_programs { code } else { "" })
    }

    /// Whether nothing may have happened.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Status(status, code) => *status >= 400 && (*status != 401 || *code == "unauthenticated"),
            Self::Login => true,
            Self::Way(_) => false,
        }
    }

    fn is(&self, method: &str, answer: &Response, victim: &str) -> bool {
        let location = answer.header("location").unwrap_or_default().replace(victim, "victim");
        match self {
            Self::Status(status, code) => {
                let named = || serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
                let has_code = || method == "HEAD" || named()["code"] == **code;
                answer.status == *status && (code.is_empty() || has_code())
            }
            Self::Login => {
                let way = if matches!(method, "GET" | "HEAD") { "/login?next=%2F" } else { "/login" };
                let leads = if way == "/login" { location == way } else { location.starts_with(way) };
                answer.status == 303 && leads
            }
            Self::Way(path) => matches!(answer.status, 303 | 307) && location == *path,
        }
    }
}
