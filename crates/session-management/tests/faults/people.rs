//! People with sessions in both applications, as logins would have left them.

use std::sync::atomic::{AtomicUsize, Ordering};

use test_support::TestDatabase;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const NEW_PASSWORD: &str = "another horse battery";

/// The hash of [`PASSWORD`], as web would make it.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM";

/// Somebody who is staff, so that they have a session in admin-panel, too.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) telegram: i64,
    /// Where they come from: nobody else's guesses count against them.
    pub(crate) address: String,
    /// The token of the device that acts.
    pub(crate) own: String,
    /// Those of their other devices.
    pub(crate) others: [String; 2],
    /// The one of admin-panel.
    pub(crate) admin: String,
}

#[derive(Debug, Default)]
pub(crate) struct Register(AtomicUsize);

impl Register {
    pub(crate) fn person(&self, database: &TestDatabase) -> Person {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let (email, phone) = (format!("person{number}@example.com"), format!("+447400{number:06}"));
        let telegram = 1_000_000 + i64::try_from(number).expect("a small number");
        let [own, one, other, admin] =
            ["own", "one", "other", "admin"].map(|which| format!("{which:x<35}{number:08}"));
        let id = database.value(&format!(
            "INSERT INTO users (email, phone, telegram_id, hashed_password, role)
             VALUES ('{email}', '{phone}', {telegram}, '{HASH}', 'support') RETURNING id"
        ));
        database.execute(&format!(
            "INSERT INTO sessions (id, user_id, application_context, expires_at, auth_method, authenticated_at)
             SELECT session_digest(token), '{id}', CASE WHEN token = '{admin}' THEN 'admin' ELSE 'web' END::application_type,
                    now() + interval '20 minutes', 'password', now()
             FROM unnest(ARRAY['{own}', '{one}', '{other}', '{admin}']) AS token"
        ));
        let address = format!("10.{}.{}.1", number / 250, number % 250);
        Person { id, email, phone, telegram, address, own, others: [one, other], admin }
    }
}

impl Register {
    /// Further sessions of web.
    pub(crate) fn devices(&self, database: &TestDatabase, person: &Person, count: usize) -> Vec<String> {
        let tokens: Vec<String> = (0..count)
            .map(|_| format!("{:x<35}{:08}", "device", self.0.fetch_add(1, Ordering::Relaxed)))
            .collect();
        let quoted: Vec<String> = tokens.iter().map(|token| format!("'{token}'")).collect();
        database.execute(&format!(
            "INSERT INTO sessions (id, user_id, application_context, expires_at, auth_method, authenticated_at)
             SELECT session_digest(token), '{}', 'web', now() + interval '20 minutes', 'password', now()
             FROM unnest(ARRAY[{}]) AS token",
            person.id,
            quoted.join(", ")
        ));
        tokens
    }
}

/// A token that was never given out.
pub(crate) fn made_up() -> String {
    "M".repeat(43)
}
