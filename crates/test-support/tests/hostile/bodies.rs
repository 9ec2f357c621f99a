//! Every member of every body, every parameter and every name in an address, with everything that does not belong there.

use serde_json::{Value, json};
use test_support::{Actor, Response, hostile};

use crate::contract::{Body, Operation, operations};
use crate::stage::Stage;
use crate::tried::Tried;

/// Types of a body that are not `application/json`.
const OTHER_TYPES: &[&str] = &[
    "text/plain",
    "text/json",
    "text/html",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/jsonp",
    "application/json5",
    "application/problem+json",
    "application/vnd.api+json",
    "application/json, text/plain",
    "text/plain; application/json",
    "application/json\u{a0}",
    "json",
    "*/*",
    "",
];

/// What refuses before anything was done. After a wrong password or code the attempt is written down.
const UNTOUCHED: &[u16] = &[400, 403, 404, 405, 409, 413, 415, 422];

/// Who asks, and what there was before.
struct Asking<'a> {
    stage: &'a Stage,
    actor: Actor,
    tried: Tried,
    before: Vec<test_support::Row>,
}

impl Asking<'_> {
    /// Sends one thing. `refused` are the statuses that it must have, if there are any.
    fn ask(
        &mut self,
        operation: &Operation,
        path: &str,
        what: &str,
        body: Option<(&str, Vec<u8>)>,
        refused: &[u16],
    ) {
        let input = (operation.method.as_str(), path, what);
        let mut request = self.actor.client.request(&operation.method, path);
        if let Some((kind, bytes)) = body {
            if kind != "none" {
                request = request.header("Content-Type", kind);
            }
            request = request.body(bytes);
        }
        let Ok(answer) = request.try_send() else {
            self.tried.answered(input, None);
            self.tried.wrong(input, "no answer");
            return;
        };
        self.tried.answered(input, Some(answer.status));
        self.judge(input, &answer, refused);
    }

    fn judge(&mut self, input: (&str, &str, &str), answer: &Response, refused: &[u16]) {
        if !refused.is_empty() && !refused.contains(&answer.status) {
            self.tried.wrong(input, format_args!("{} {}", answer.status, answer.text()));
        }
        if answer.status >= 400 {
            let problem = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
            let is_problem = answer.header("content-type") == Some("application/problem+json");
            if !is_problem || problem["status"] != answer.status || !problem["code"].is_string() {
                self.tried
                    .wrong(input, format_args!("no problem document: {} {}", answer.status, answer.text()));
            }
        }
        // Of questions alone it is enough to see at the end that nothing has changed.
        if input.0 == "GET" {
            return;
        }
        if UNTOUCHED.contains(&answer.status) {
            self.settle(input, &format!("{} and yet", answer.status));
            return;
        }
        // It was understood: whoever asks may have lost their session by it.
        if self.actor.me().status != 200 {
            self.actor = self.stage.log_in();
        }
        self.before = self.stage.rows();
    }
}

impl Asking<'_> {
    /// That nothing has changed since.
    fn settle(&mut self, input: (&str, &str, &str), what: &str) {
        let after = self.stage.rows();
        if after != self.before {
            self.tried.wrong(input, format_args!("{what} something has changed"));
            self.before = after;
        }
    }
}

fn asking<'a>(stage: &'a Stage, what: &str) -> Asking<'a> {
    let actor = stage.log_in();
    assert_eq!(actor.me().status, 200);
    let before = stage.rows();
    Asking { stage, actor, tried: Tried::of(format!("{}, {what}", stage.name)), before }
}

fn wrong_values(valid: &Value) -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("x\0y"),
        json!("\u{feff}"),
        json!("a".repeat(10_000)),
        json!([]),
        json!([valid]),
        json!([[valid]]),
        json!({}),
        json!({"$ne": null}),
        json!({"value": valid}),
        json!(vec![0; 5_000]),
        json!(valid.to_string()),
    ]
}

fn type_confusion(asking: &mut Asking<'_>, operation: &Operation, path: &str, body: &Body) {
    for (member, valid) in &body.example {
        for value in wrong_values(valid) {
            // What the document allows may be understood, or refused for what it says.
            let refused: &[u16] = if body.allows(member, &value) { &[] } else { &[400, 401, 422] };
            let mut changed = body.example.clone();
            changed.insert(member.clone(), value.clone());
            let text = Value::Object(changed).to_string();
            let what: String = format!("{member}={value}").chars().take(60).collect();
            asking.ask(operation, path, &what, Some(("application/json", text.into())), refused);
        }
        // The numbers that no type can hold.
        for number in [
            "1e400",
            "-1e400",
            "99999999999999999999999999",
            "0x10",
            "NaN",
            "Infinity",
            "01",
            "+1",
            "1_000",
            "1.",
        ] {
            let mut changed = body.example.clone();
            changed.insert(member.clone(), json!("@"));
            let text = Value::Object(changed).to_string().replace("\"@\"", number);
            asking.ask(operation, path, number, Some(("application/json", text.into())), &[400, 401, 422]);
        }
    }
}

fn members(asking: &mut Asking<'_>, operation: &Operation, path: &str, body: &Body) {
    let whole = Value::Object(body.example.clone()).to_string();
    for (member, valid) in &body.example {
        for other in [valid.clone(), json!("x"), json!(null)] {
            let first = whole.replacen('{', &format!("{{{}:{other},", json!(member)), 1);
            let last = format!("{},{}:{other}}}", &whole[..whole.len() - 1], json!(member));
            for text in [first, last] {
                asking.ask(
                    operation,
                    path,
                    &format!("{member} twice"),
                    Some(("application/json", text.into())),
                    &[422],
                );
            }
        }
    }
    for unknown in [
        "is_admin",
        "role_",
        "id_",
        "session_epoch",
        "__proto__",
        "constructor",
        "$where",
        "",
        "EMAIL",
        "password ",
        "user[role]",
        "\u{0}",
    ] {
        let mut more = body.example.clone();
        more.insert(unknown.into(), json!("admin"));
        let text = Value::Object(more).to_string();
        let refused: &[u16] = if operation.open { &[401, 422] } else { &[422] };
        asking.ask(
            operation,
            path,
            &format!("with {unknown:?}"),
            Some(("application/json", text.into())),
            refused,
        );
    }
}

fn broken_documents(asking: &mut Asking<'_>, operation: &Operation, path: &str, body: &Body) {
    let whole = Value::Object(body.example.clone()).to_string();
    let mut broken: Vec<(String, Vec<u8>)> = (0..whole.len())
        .step_by(3)
        .map(|at| (format!("cut at {at}"), whole.as_bytes()[..at].to_vec()))
        .collect();
    let utf16: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (what, bytes) in [
        ("a byte order mark", format!("\u{feff}{whole}").into_bytes()),
        ("UTF-16", utf16),
        ("a NUL behind", format!("{whole}\0").into_bytes()),
        ("two documents", format!("{whole}{whole}").into_bytes()),
        ("a comma too many", whole.replace('}', ",}").into_bytes()),
        ("a comment", format!("/* x */{whole}").into_bytes()),
        ("single quotes", whole.replace('"', "'").into_bytes()),
        ("no UTF-8", vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']),
        ("deep arrays", "[".repeat(50_000).into_bytes()),
        ("deep objects", "{\"a\":".repeat(10_000).into_bytes()),
        ("a form", b"email=a%40example.com&password=x".to_vec()),
        (
            "XML",
            b"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>"
                .to_vec(),
        ),
        ("JSONP", format!("callback({whole})").into_bytes()),
    ] {
        broken.push((what.to_owned(), bytes));
    }
    for (what, bytes) in broken {
        asking.ask(operation, path, &what, Some(("application/json", bytes)), &[400]);
    }
    // Which is JSON, and no text.
    asking.ask(
        operation,
        path,
        "half a surrogate",
        Some(("application/json", br#"{"email":"\ud800","x":1}"#.to_vec())),
        &[422],
    );
    for (what, text) in [
        ("an array", format!("[{whole}]")),
        ("a text", json!(whole).to_string()),
        ("null", "null".into()),
        ("a number", "1".into()),
    ] {
        asking.ask(operation, path, what, Some(("application/json", text.into())), &[422]);
    }
    asking.ask(
        operation,
        path,
        "over 64 KiB",
        Some(("application/json", format!("{}{whole}", " ".repeat(65_537)).into())),
        &[413],
    );
    for kind in OTHER_TYPES {
        asking.ask(operation, path, kind, Some((kind, whole.clone().into())), &[415]);
    }
    asking.ask(operation, path, "no type", Some(("none", whole.into())), &[415]);
}

/// Values that a parameter or a name in an address may be given.
fn wrong_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "%00",
        "a%00b",
        "%ff",
        "%c0%af",
        "%",
        "%zz",
        "0",
        "-1",
        "1e9",
        "99999999999999999999",
        "true",
        "null",
        "undefined",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "%252e%252e%252f",
        "*",
        "%27%20OR%201=1%20--",
        "1;SELECT%20pg_sleep(5)",
        "%0d%0aX:%20y",
        "[]",
        "{}",
        "%7B%22%24ne%22%3Anull%7D",
        "a,b",
        "a%2Cb",
        "%E2%80%AE",
        "%F0%9F%92%A9",
        "+",
        "%20",
        "00000000-0000-0000-0000-000000000000",
        "urn:uuid:6a2f41a3-c54c-4ce8-b2d2-0324e1c32e22",
        "%7B6a2f41a3-c54c-4ce8-b2d2-0324e1c32e22%7D",
        "6A2F41A3C54C4CE8B2D20324E1C32E22",
    ]
    .map(str::to_owned)
    .into();
    texts.push("a".repeat(2_000));
    texts.push("9".repeat(400));
    texts
}

fn parameters(asking: &mut Asking<'_>, operation: &Operation, path: &str) {
    for name in &operation.query {
        for text in wrong_texts() {
            for query in [
                format!("{name}={text}"),
                format!("{name}[]={text}"),
                format!("{name}[0]={text}"),
                format!("{name}.x={text}"),
            ] {
                asking.ask(operation, &format!("{path}?{query}"), "a parameter", None, &[]);
            }
        }
        let encode = |text: String| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        for text in hostile() {
            asking.ask(operation, &format!("{path}?{name}={}", encode(text)), "a parameter", None, &[]);
        }
        for (first, second) in [("1", "1"), ("1", "2"), ("", "1"), ("a", ""), ("%00", "1")] {
            let twice = format!("{path}?{name}={first}&{name}={second}");
            asking.ask(
                operation,
                &twice,
                "twice",
                None,
                if operation.method == "GET" { &[422] } else { &[400, 415, 422] },
            );
        }
    }
    for query in [
        "_method=DELETE",
        "token=x&access_token=y",
        "%00=%00",
        "&&&",
        "=",
        "a=b".repeat(500).as_str(),
        "debug=true&admin=1",
        "__proto__[x]=1",
    ] {
        asking.ask(operation, &format!("{path}?{query}"), "a query", None, &[]);
    }
}

fn names_in_the_address(asking: &mut Asking<'_>, operation: &Operation, stage: &Stage) {
    let names: Vec<&str> = operation.path.split('/').filter(|part| part.starts_with('{')).collect();
    for name in names {
        for text in wrong_texts() {
            let with_other = Operation { path: operation.path.replace(name, &text), ..operation.clone() };
            let body = operation
                .bodies
                .first()
                .map(|body| ("application/json", Value::Object(body.example.clone()).to_string().into()));
            asking.ask(operation, &with_other.address(stage), "an address", body, &[]);
        }
    }
}

fn methods(asking: &mut Asking<'_>, stage: &Stage, operations: &[Operation]) {
    let mut paths: Vec<String> = operations.iter().map(|operation| operation.address(stage)).collect();
    paths.dedup();
    for path in &paths {
        // Of these the client sends none.
        for method in ["CONNECT", "PROPFIND", "FOO", "get", "G\u{c9}T", "GET,POST", "QUERY"] {
            let (cookie, token) = (stage.app.cookie(), &asking.actor.token);
            let bytes = format!(
                "{method} {path} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}={token}\r\nConnection: close\r\n\r\n"
            );
            let (status, answer) = stage.exchange(bytes.as_bytes());
            asking.tried.answered((method, path), status);
            if !matches!(status, Some(400..=405)) {
                asking.tried.wrong((method, path), answer);
            }
        }
        for method in ["PUT", "PATCH", "DELETE", "POST", "GET", "TRACE", "OPTIONS"] {
            let known =
                |operation: &&Operation| operation.method == method && operation.address(stage) == *path;
            if operations.iter().any(|operation| known(&operation)) {
                continue;
            }
            let operation = Operation {
                method: method.into(),
                path: path.clone(),
                query: Vec::new(),
                bodies: Vec::new(),
                open: false,
            };
            asking.ask(&operation, path, "a method", None, &[]);
        }
    }
}

fn nothing_that_does_not_belong_into_a_body_is_understood(name: &'static str) {
    let stage = Stage::development(name);
    let operations = operations(&stage);
    let mut asking = asking(&stage, "bodies");
    for operation in operations.iter().filter(|operation| !operation.bodies.is_empty()) {
        let path = operation.address(&stage);
        for body in &operation.bodies {
            type_confusion(&mut asking, operation, &path, body);
            members(&mut asking, operation, &path, body);
        }
        broken_documents(&mut asking, operation, &path, &operation.bodies[0]);
    }
    assert_eq!(asking.actor.me().status, 200);
    asking.tried.finish(500);
}

fn no_parameter_address_or_method_is_a_fault_of_ours(name: &'static str) {
    let stage = Stage::development(name);
    let operations = operations(&stage);
    let mut asking = asking(&stage, "parameters, addresses and methods");
    for operation in &operations {
        parameters(&mut asking, operation, &operation.address(&stage));
        names_in_the_address(&mut asking, operation, &stage);
        asking.settle((&operation.method, &operation.path, "all of it"), "by them");
    }
    methods(&mut asking, &stage, &operations);
    assert_eq!(asking.actor.me().status, 200);
    asking.tried.finish(200);
}

#[test]
fn nothing_that_does_not_belong_into_a_body_of_web_is_understood_c6() {
    nothing_that_does_not_belong_into_a_body_is_understood("web");
}

#[test]
fn nothing_that_does_not_belong_into_a_body_of_admin_panel_is_understood_c6() {
    nothing_that_does_not_belong_into_a_body_is_understood("admin-panel");
}

#[test]
fn no_parameter_address_or_method_at_web_is_a_fault_of_ours_c6() {
    no_parameter_address_or_method_is_a_fault_of_ours("web");
}

#[test]
fn no_parameter_address_or_method_at_admin_panel_is_a_fault_of_ours_c6() {
    no_parameter_address_or_method_is_a_fault_of_ours("admin-panel");
}
