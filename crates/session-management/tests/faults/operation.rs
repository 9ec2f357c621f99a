//! What people do, and what it ends and opens.

use serde_json::{Value, json};
use test_support::{App, Response};

use crate::named::named;
use crate::people::{NEW_PASSWORD, PASSWORD, Person};

named! {
    /// An operation.
    pub(crate) enum Operation {
        Login => "login",
        LookUp => "look-up",
        LogOut => "logout",
        EndOthers => "revoke-others",
        NewPassword => "password change",
        SmsVerify => "SMS verify",
    }
}

/// A request that carries the person's own session.
pub(crate) struct Call {
    method: &'static str,
    path: &'static str,
    body: Option<Value>,
    token: String,
    address: String,
}

/// What an operation did when it was acknowledged.
#[derive(Debug, Default, Clone)]
pub(crate) struct Done {
    /// Tokens of web that have ended.
    pub(crate) ended: Vec<String>,
    /// Tokens of admin-panel that have ended.
    pub(crate) ended_in_admin: Vec<String>,
    /// A token that was given out.
    pub(crate) opened: Option<String>,
}

impl Operation {
    /// `code` is what came to the person's phone.
    pub(crate) fn call(self, person: &Person, code: &str) -> Call {
        let (method, path, body) = match self {
            Self::Login => ("POST", "/api/login", Some(json!({"email": person.email, "password": PASSWORD}))),
            Self::LookUp => ("GET", "/api/me", None),
            Self::LogOut => ("POST", "/api/logout", None),
            Self::EndOthers => ("POST", "/api/sessions/revoke-others", None),
            Self::NewPassword => {
                let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
                ("POST", "/api/password", Some(body))
            }
            Self::SmsVerify => {
                ("POST", "/api/login/sms/verify", Some(json!({"phone": person.phone, "code": code})))
            }
        };
        Call { method, path, body, token: person.own.clone(), address: person.address.clone() }
    }

    pub(crate) const fn is_success(self, status: u16) -> bool {
        match self {
            Self::NewPassword => status == 204,
            _ => status == 200,
        }
    }

    /// What it has done to a person, when this was the answer.
    pub(crate) fn done(self, app: &App, person: &Person, answer: &Response) -> Done {
        let opened = answer.set_cookie(app.cookie()).filter(|cookie| !cookie.clears());
        let opened = opened.map(|cookie| cookie.value);
        let own = || vec![person.own.clone()];
        match self {
            Self::LookUp => Done::default(),
            Self::Login | Self::LogOut | Self::SmsVerify => Done { ended: own(), opened, ..Done::default() },
            Self::EndOthers | Self::NewPassword => {
                let ended = own().into_iter().chain(person.others.clone()).collect();
                Done { ended, ended_in_admin: vec![person.admin.clone()], opened }
            }
        }
    }

    /// Whether passwords are hashed for it.
    pub(crate) const fn hashes(self) -> bool {
        matches!(self, Self::Login | Self::NewPassword)
    }

    /// Whether somebody whom it was acknowledged to holds a new token.
    pub(crate) const fn opens(self) -> bool {
        !matches!(self, Self::LookUp | Self::LogOut)
    }
}

impl Call {
    /// Sends it; `None` when there was no answer at all.
    pub(crate) fn send(&self, app: &App) -> Option<Response> {
        let client = app.anon().with_header("X-Forwarded-For", &self.address);
        let cookie = format!("{}={}", app.cookie(), self.token);
        let request = client.request(self.method, self.path).header("Cookie", &cookie);
        match &self.body {
            Some(body) => request.json(body).try_send().ok(),
            None => request.try_send().ok(),
        }
    }

    /// The bytes of it.
    pub(crate) fn bytes(&self, app: &App) -> Vec<u8> {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let kind = if self.body.is_some() { "Content-Type: application/json\r\n" } else { "" };
        format!(
            "{} {} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {}\r\nCookie: {}={}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.method,
            self.path,
            self.address,
            app.cookie(),
            self.token,
            body.len()
        )
        .into_bytes()
    }
}
