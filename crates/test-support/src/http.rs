//! A client that does exactly what it is told: no redirects, no retries, cookies that a test can read and set.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::http;

use crate::lint::{self, Exchange};

/// What one person's browser or program is: an address, cookies, and headers sent each time. Clones share
/// the cookies.
#[derive(Clone)]
pub struct Client {
    base: String,
    agent: ureq::Agent,
    cookies: Arc<Mutex<Vec<(String, String)>>>,
    headers: Vec<(String, String)>,
}

impl Client {
    /// A client without cookies.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A kept connection may be one that the other side is about to close.
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(20)))
            .user_agent("test-support/1")
            .allow_non_standard_methods(true)
            .build();
        Self { base: base.to_owned(), agent: config.into(), cookies: Arc::default(), headers: Vec::new() }
    }

    /// The same client, with a header on each request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A client with cookies of its own, the same as this one's now.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { cookies: Arc::new(Mutex::new(self.cookies())), ..self.clone() }
    }

    /// Begins a request.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        Request {
            client: self,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Sends a GET.
    #[must_use]
    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path).send()
    }

    /// Sends a POST with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.request("POST", path).json(body).send()
    }

    /// Sends a POST without a body.
    pub fn post_empty(&self, path: &str) -> Response {
        self.request("POST", path).send()
    }

    /// Sends a DELETE.
    pub fn delete(&self, path: &str) -> Response {
        self.request("DELETE", path).send()
    }

    /// Sends a login.
    pub fn log_in(&self, email: &str, password: &str) -> Response {
        self.post("/api/login", &serde_json::json!({"email": email, "password": password}))
    }

    /// Every cookie, in the order in which it is sent.
    #[must_use]
    pub fn cookies(&self) -> Vec<(String, String)> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Adds a cookie, also beside one of the same name.
    pub fn add_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), value.to_owned()));
    }

    /// Forgets every cookie.
    pub fn clear_cookies(&self) {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Holds what an application answered against the rules for every answer.
    #[track_caller]
    fn lint(&self, method: &str, path: &str, sent: &[(String, String)], response: &Response) {
        let port = self.base.rsplit(':').next().and_then(|port| port.parse().ok());
        let Some(site) = port.and_then(lint::site) else { return };
        let Response { status, ref headers, ref body, .. } = *response;
        lint::check(&Exchange { site, method, path, sent, status, headers, body: Some(body) });
    }

    fn store(&self, response: &Response) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        for set in response.set_cookies() {
            cookies.retain(|(name, _)| *name != set.name);
            if !set.clears() {
                cookies.push((set.name, set.value));
            }
        }
    }
}

/// A request that is being put together.
pub struct Request<'a> {
    client: &'a Client,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request<'_> {
    /// Adds a header; `Cookie` takes the place of the client's own cookies.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A JSON body with its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    /// Any body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it. Panics when there is no answer at all.
    #[track_caller]
    pub fn send(self) -> Response {
        let (what, started) = (format!("{} {}", self.method, self.path), Instant::now());
        self.try_send()
            .unwrap_or_else(|error| panic!("{what}: no answer after {:?}: {error}", started.elapsed()))
    }

    /// Sends it.
    ///
    /// # Errors
    /// When there is no answer at all.
    #[track_caller]
    pub fn try_send(self) -> Result<Response, ureq::Error> {
        let client = self.client;
        let mut builder = http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("{}{}", client.base, self.path));
        let own_cookie = |(name, _): &(String, String)| name.eq_ignore_ascii_case("cookie");
        let mut sent: Vec<_> = client.headers.iter().chain(&self.headers).cloned().collect();
        let cookies = client.cookies();
        if !cookies.is_empty() && !self.headers.iter().any(own_cookie) {
            let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            sent.push(("Cookie".to_owned(), pairs.join("; ")));
        }
        for (name, value) in &sent {
            builder = builder.header(name, value);
        }
        let started = Instant::now();
        let answer = match self.body {
            Some(body) => client.agent.run(builder.body(body)?)?,
            None => client.agent.run(builder.body(())?)?,
        };
        let response = Response::read(answer, started)?;
        client.lint(&self.method, &self.path, &sent, &response);
        client.store(&response);
        Ok(response)
    }
}

/// What an application answered.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Every header; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How long the answer took.
    pub took: Duration,
}

impl Response {
    fn read(answer: http::Response<ureq::Body>, started: Instant) -> Result<Self, ureq::Error> {
        let (parts, mut body) = answer.into_parts();
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(Self {
            status: parts.status.as_u16(),
            headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: body.read_to_vec()?,
            took: started.elapsed(),
        })
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}: no JSON: {:?}", self.status, self.text()))
    }

    /// A member of the body, by JSON pointer, as a string; panics when it is none.
    #[must_use]
    pub fn member(&self, pointer: &str) -> String {
        let json = self.json();
        match json.pointer(pointer).and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => panic!("{}: no string at {pointer} in {json}", self.status),
        }
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every Set-Cookie.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<SetCookie> {
        let ours = |(name, value): &(String, String)| (name == "set-cookie").then(|| SetCookie::parse(value));
        self.headers.iter().filter_map(ours).collect()
    }

    /// The Set-Cookie of this name.
    #[must_use]
    pub fn set_cookie(&self, name: &str) -> Option<SetCookie> {
        self.set_cookies().into_iter().find(|cookie| cookie.name == name)
    }

    /// Panics unless this is the problem document with this status and code; returns it.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        for member in ["type", "title", "detail"] {
            assert!(
                problem[member].as_str().is_some_and(|text| !text.is_empty()),
                "no {member} in {problem}"
            );
        }
        problem
    }
}

/// A Set-Cookie header, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// The cookie's name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its attributes as they were sent, such as `Path=/`.
    pub attributes: Vec<String>,
}

impl SetCookie {
    fn parse(header: &str) -> Self {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap_or_default();
        let attributes = parts.map(str::to_owned).collect();
        Self { name: name.to_owned(), value: value.to_owned(), attributes }
    }

    /// Whether it has this attribute, spelled like this.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|known| known == attribute)
    }

    /// Whether it takes the cookie away.
    #[must_use]
    pub fn clears(&self) -> bool {
        self.has("Max-Age=0")
    }
}
