//! What the older software left.

use std::sync::Mutex;
use std::time::Duration;

use identity_db::audit::Origin;
use identity_db::session::{self, Adopted, LegacyToken, Login, NewSession};
use identity_db::{SessionId, UserId, cleanup, migration};
use session_management::SessionToken;
use test_support::{TestDatabase, at_once};

use super::{CLIENTS, acknowledged, given, send, web};
use crate::people::Person;
use crate::stage::{Said, Stage};
use crate::verdict::refused_within_the_bound;

/// Somebody in whose column a token of the older software stands.
fn older(stage: &Stage, round: usize, name: &str) -> (Person, String) {
    let (person, token) = (stage.person(), format!("older-{name}-{round}"));
    stage.database.execute(&format!("UPDATE users SET auth_token = '{token}' WHERE id = '{}'", person.id));
    (person, token)
}

pub(super) fn adoptions(stage: &Stage, round: usize) -> usize {
    let (person, token) = older(stage, round, "adopted");
    at_once(CLIENTS, |client| stage.must_live("an older token", web(stage, client), &token, &person, false));
    let rows = stage.database.number(&format!(
        "SELECT count(*) FROM audit_log WHERE action = 'session_adopted' AND subject_id = '{}'",
        person.id
    ));
    if rows != 1 {
        stage.book.broken(format!("it was adopted {rows} times"));
    }
    1
}

pub(super) fn beside_its_logout(stage: &Stage, round: usize) -> usize {
    let (_, token) = older(stage, round, "logged-out");
    race_with(stage, &token, || {
        let answer = send(stage, web(stage, 0), ("POST", "/api/logout"), &token, None);
        acknowledged(stage, "logout", &answer, 200);
    })
}

pub(super) fn beside_the_end_of_others(stage: &Stage, round: usize) -> usize {
    let (person, token) = older(stage, round, "ended");
    race_with(stage, &token, || {
        let answer = send(stage, web(stage, 0), ("POST", "/api/sessions/revoke-others"), &person.own, None);
        acknowledged(stage, "revoke-others", &answer, 200);
        let own = given(web(stage, 0), &answer);
        if let Some(own) = own {
            stage.must_live("the caller", &stage.web[0], &own, &person, true);
        }
    })
}

fn race_with(stage: &Stage, token: &str, end: impl Fn() + Sync) -> usize {
    let said = at_once(CLIENTS, |client| {
        if client == 0 {
            end();
            return Said::Refused;
        }
        stage.ask(web(stage, client), token)
    });
    stage.web.iter().for_each(|app| refused_within_the_bound(stage, app, token));
    stage.redis.flush();
    stage.web.iter().for_each(|app| stage.must_be_dead("with an empty Redis", app, token, true));
    said.iter().filter(|said| matches!(said, Said::LetIn(_))).count()
}

const HOUR: Duration = Duration::from_secs(3600);

/// In a database of the round's own, since nobody takes a clean-up back: from its commit on nothing is adopted and no
/// token is written where the older software looks, and no login fails for it.
pub(super) fn beside_the_clean_up(stage: &Stage, round: usize) -> usize {
    let database = TestDatabase::new();
    let people: Vec<UserId> = (0..CLIENTS)
        .map(|number| {
            let sql = format!("INSERT INTO users (email, auth_token) VALUES ('{number}@example.com', 'older-{round}-{number}') RETURNING id");
            UserId(database.value(&sql).parse().unwrap())
        })
        .collect();
    let connections: Vec<Mutex<_>> =
        (0..CLIENTS).map(|_| Mutex::new(migration::connect(&database.url()).unwrap())).collect();
    let before = at_once(CLIENTS, |client| {
        if client == 0 {
            let mut owner = migration::connect(database.owner_url()).unwrap();
            let (_, now) = cleanup::apply(&mut owner, &serde_json::json!({})).unwrap();
            assert!(now);
            return false;
        }
        let conn = &mut *connections[client].lock().unwrap();
        match client % 2 {
            0 => {
                let token = SessionToken::generate();
                let login = login_of(people[client], token.id(), token.expose());
                let opened = session::open(conn, &login).unwrap();
                if opened.is_none() {
                    stage.book.broken("I2: a login was refused".to_owned());
                }
                let kept = format!("SELECT auth_token FROM users WHERE id = '{}'", people[client]);
                database.value(&kept) == token.expose()
            }
            _ => {
                let token = legacy(&database, &format!("older-{round}-{client}"));
                matches!(session::adopt(conn, &token).unwrap(), Adopted::Now { .. })
            }
        }
    });
    let written_late = database.number(
        "SELECT count(*) FROM sessions s CROSS JOIN cleanup c LEFT JOIN users u ON session_digest(u.auth_token) = s.id
         WHERE s.created_at > c.applied_at AND (s.adopted_from IS NOT NULL OR u.id IS NOT NULL)",
    );
    if written_late > 0 {
        stage.book.broken(format!("{written_late} were written for the older software after the clean-up"));
    }
    // The token of the first person, for which nobody asked until now.
    let late = legacy(&database, &format!("older-{round}-0"));
    let late = session::adopt(&mut connections[1].lock().unwrap(), &late).unwrap();
    if late != Adopted::CleanedUp {
        stage.book.broken(format!("after the clean-up a token is {late:?}"));
    }
    before.into_iter().filter(|first| *first).count()
}

fn legacy(database: &TestDatabase, token: &str) -> LegacyToken {
    let id = database.value(&format!("SELECT session_digest('{token}')"));
    let id = SessionId::parse(&id).unwrap();
    LegacyToken { id, key: None, origin: Origin::default(), idle: HOUR, absolute: HOUR }
}

fn login_of(user_id: UserId, id: SessionId, token: &str) -> Login {
    Login {
        user_id,
        credential_version: 0,
        session: NewSession {
            id,
            context: constants::ApplicationContext::Web,
            idle: HOUR,
            absolute: HOUR,
            origin: Origin::default(),
            auth_method: "password",
        },
        carried: Vec::new(),
        auth_token: Some(token.to_owned()),
        rehashed: None,
    }
}
