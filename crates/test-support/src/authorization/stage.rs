//! The people of the table, their sessions, and what they send.

use std::cell::Cell;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::Identity;
use crate::{App, Client, Page, TestDatabase};

/// How every token of the table begins, so that one that stands in an answer is found.
pub(super) const TOKEN: &str = "authz-token-that-nobody-may-see-";

/// The password of everybody on the stage.
pub const PASSWORD: &str = "correct horse battery";

/// Its hash, as web would make it.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM";

/// What stands in the cookie of a stranger's forms.
const FORM_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// An application with people of every kind.
pub struct Stage<'a> {
    /// The application.
    pub app: &'a App,
    /// Its database.
    pub database: &'a TestDatabase,
    context: &'static str,
    counter: Cell<u32>,
    /// The id of `victim`.
    pub victim: String,
}

/// What is sent.
#[derive(Debug, Default)]
pub struct Call {
    /// Where to; empty for the pattern of the route.
    pub path: String,
    /// A body for programs.
    pub json: Option<Value>,
    /// The fields of a form, but for its token.
    pub form: Option<Vec<(&'static str, String)>>,
}

impl Call {
    /// Nothing, to the path that the route's pattern is.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// The same to another path.
    #[must_use]
    pub fn to(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(body: Value) -> Self {
        Self { json: Some(body), ..Self::default() }
    }

    /// A form.
    #[must_use]
    pub fn form(fields: &[(&'static str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { form: Some(fields), ..Self::default() }
    }
}

impl<'a> Stage<'a> {
    /// Adds the people: one of each role, one who is blocked, `victim`, upon whom everything is done, and `bystander`. All have the
    /// same [`PASSWORD`].
    #[must_use]
    pub fn new(app: &'a App, database: &'a TestDatabase, context: &'static str) -> Self {
        for (name, role, blocked) in [
            ("user", "user", "NULL"),
            ("blocked", "admin", "now()"),
            ("support", "support", "NULL"),
            ("operator", "operator", "NULL"),
            ("admin", "admin", "NULL"),
            ("victim", "user", "NULL"),
            ("bystander", "user", "NULL"),
        ] {
            database.execute(&format!(
                "INSERT INTO users (email, hashed_password, role, blocked_at)
                 VALUES ('{name}@example.com', '{HASH}', '{role}', {blocked})"
            ));
        }
        let victim = database.value("SELECT id FROM users WHERE email = 'victim@example.com'");
        Self { app, database, context, counter: Cell::new(0), victim }
    }

    /// A number that nobody got yet.
    #[must_use]
    pub fn fresh(&self) -> u32 {
        self.counter.set(self.counter.get() + 1);
        self.counter.get()
    }

    /// The id of a new session of somebody.
    #[must_use]
    pub fn session_of(&self, name: &str) -> String {
        let token = self.open(name, self.context, "interval '1 hour'", false);
        self.database.value(&format!("SELECT session_digest('{token}')"))
    }

    /// The id of another session of who asks.
    #[must_use]
    pub fn own_session(&self, identity: Identity) -> String {
        self.session_of(match identity {
            Identity::User => "user",
            Identity::Blocked => "blocked",
            Identity::Support => "support",
            Identity::Operator => "operator",
            _ => "admin",
        })
    }

    /// A device of somebody: a new session in its cookie.
    #[must_use]
    pub fn client(&self, identity: Identity) -> Client {
        self.token(identity).map_or_else(|| self.app.anon(), |token| self.app.with_cookie(&token))
    }

    /// The token of a new session of somebody.
    #[must_use]
    pub fn token(&self, identity: Identity) -> Option<String> {
        let hour = "interval '1 hour'";
        let other = if self.context == "web" { "admin" } else { "web" };
        let (name, context, end, revoked) = match identity {
            Identity::Stranger => return None,
            Identity::User => ("user", self.context, hour, false),
            Identity::Blocked => ("blocked", self.context, hour, false),
            Identity::Support => ("support", self.context, hour, false),
            Identity::Operator => ("operator", self.context, hour, false),
            Identity::Admin => ("admin", self.context, hour, false),
            Identity::Expired => ("admin", self.context, "interval '-1 second'", false),
            Identity::Revoked => ("admin", self.context, hour, true),
            Identity::Foreign => ("admin", other, hour, false),
        };
        Some(self.open(name, context, end, revoked))
    }

    fn open(&self, name: &str, context: &str, end: &str, revoked: bool) -> String {
        let token = format!("{TOKEN}{}", self.fresh());
        let opened = self.database.execute(&format!(
            "INSERT INTO sessions (id, user_id, application_context, created_at, expires_at,
                                   absolute_expires_at, session_epoch, auth_method, authenticated_at, revoked)
             SELECT session_digest('{token}'), id, '{context}', now() - interval '1 minute', now() + {end},
                    now() + interval '2 hours', session_epoch, 'password', now(), {revoked}
             FROM users WHERE email = '{name}@example.com'"
        ));
        assert_eq!(opened, 1, "{name}");
        token
    }

    /// The address of a file that pages load.
    #[must_use]
    pub fn asset(&self) -> String {
        Page::of(self.app.anon().get("/login")).attributes("link[rel=stylesheet]", "href").remove(0)
    }

    /// Adds the proof that a form came from one of our pages, as the page would have had it.
    pub(super) fn encoded(&self, client: &Client, fields: &[(&'static str, String)], path: &str) -> String {
        let token = client.cookie(self.app.cookie());
        let proof = match token.filter(|_| path == "/logout" || !is_for_strangers(path)) {
            Some(token) => proof(&token, b"form of a session, 1"),
            None => {
                client.add_cookie(if self.context == "web" { "formKey" } else { "adminFormKey" }, FORM_KEY);
                proof(FORM_KEY, b"form of a stranger, 1")
            }
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).append_pair("form_token", &proof);
        form.finish()
    }
}

fn is_for_strangers(path: &str) -> bool {
    path.starts_with("/login") || path == "/register"
}

fn proof(key: &str, purpose: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(purpose);
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}
