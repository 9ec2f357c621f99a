//! A person with a session.

use crate::http::{Client, Response};

/// A person who is logged in on one device.
#[derive(Clone)]
pub struct Actor {
    /// The device: it carries the session cookie.
    pub client: Client,
    /// What the session cookie holds.
    pub token: String,
    /// `user.id`.
    pub user_id: String,
    /// `session.id`.
    pub session_id: String,
    base: String,
}

impl Actor {
    /// Out of the answer to a registration or a login. Panics when it was refused.
    #[track_caller]
    pub(crate) fn new(base: &str, client: Client, answer: &Response, cookie: &str) -> Self {
        assert!(matches!(answer.status, 200 | 201), "no session: {} {}", answer.status, answer.text());
        let token = client.cookie(cookie).unwrap_or_else(|| panic!("no cookie {cookie} in {answer:?}"));
        let (user_id, session_id) = (answer.member("/user/id"), answer.member("/session/id"));
        Self { client, token, user_id, session_id, base: base.to_owned() }
    }

    /// `GET /api/me`.
    #[must_use]
    pub fn me(&self) -> Response {
        self.client.get("/api/me")
    }

    /// `POST /api/logout`.
    pub fn log_out(&self) -> Response {
        self.client.post_empty("/api/logout")
    }

    /// A program that sends this session's token as a Bearer header, and no cookie.
    #[must_use]
    pub fn bearer(&self) -> Client {
        Client::new(&self.base).with_header("Authorization", &format!("Bearer {}", self.token))
    }
}
