//! A thousand live sessions while the strategy changes under them, and while processes are restarted.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use test_support::{App, BOT_TOKEN, Client, TestDatabase, TestRedis, telegram_payload};

use crate::{PASSWORD, now, set, staff};

const PEOPLE: usize = 1000;

/// How often somebody is looked up before one more session is opened and ended.
const LOOK_UPS_PER_LOGIN: usize = 25;

/// A session that is not to end: its token, and whose it is.
type Session = (String, String);

fn log_in(app: &App, number: usize) -> Session {
    let client = app.anon();
    let answer =
        client.post("/api/login/telegram", &telegram_payload(i64::try_from(number + 1).unwrap(), now()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    (client.cookie(app.cookie()).unwrap(), answer.member("/user/id"))
}

/// Fails unless the session is its person's.
#[track_caller]
fn assert_lives(client: &Client, (_, user): &Session, when: &str) {
    let me = client.get("/api/me");
    assert_eq!(me.status, 200, "{when}: {}", me.text());
    assert_eq!(&me.member("/user/id"), user, "{when}");
}

fn each(app: &App, sessions: &[Session], act: impl Fn(Client, &Session) + Sync) {
    let act = &act;
    std::thread::scope(|scope| {
        for part in sessions.chunks(sessions.len().div_ceil(4).max(1)) {
            scope.spawn(move || part.iter().for_each(|session| act(app.with_cookie(&session.0), session)));
        }
    });
}

/// Opens a session of somebody new and ends it; its token.
fn open_and_end(web: &App, number: usize) -> String {
    let session = log_in(web, number);
    let client = web.with_cookie(&session.0);
    assert_lives(&client, &session, "just opened");
    assert_eq!(client.post_empty("/api/logout").status, 200);
    assert_eq!(web.with_cookie(&session.0).get("/api/me").status, 401, "just ended");
    session.0
}

/// Each session lives in its own application. Of those that were ended, and of those that are the other application's,
/// every `step`th opens nothing.
fn assert_apart(
    (web, admin): (&App, &App),
    live: &BTreeMap<&str, Vec<Session>>,
    ended: &[String],
    step: usize,
    when: &str,
) {
    let some = |sessions: &[Session]| sessions.iter().step_by(step).cloned().collect::<Vec<_>>();
    let ended: Vec<Session> = ended.iter().rev().map(|token| (token.clone(), String::new())).collect();
    let is_shut = |client: Client, _: &Session| assert_eq!(client.get("/api/me").status, 401, "{when}");
    each(web, &live["web"], |client, session| assert_lives(&client, session, when));
    each(admin, &live["admin"], |client, session| assert_lives(&client, session, when));
    each(admin, &some(&live["web"]), is_shut);
    each(web, &some(&live["admin"]), is_shut);
    each(web, &some(&ended), is_shut);
    each(admin, &some(&ended[..ended.len().min(20)]), is_shut);
}

#[test]
fn a_thousand_sessions_go_through_every_strategy_and_back_under_load_a8() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let app = |name| {
        let builder =
            App::builder(name).database(&database).redis(&redis).env("MIGRATION_STRATEGY", "mock-only");
        // What each look-up would log is not the subject.
        builder.env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).env("RUST_LOG", "info,session_lookup=info").start()
    };
    let (web, admin) = (app("web"), app("admin-panel"));
    let numbers: Vec<Session> = (0..PEOPLE).map(|number| (number.to_string(), String::new())).collect();
    let opened = Mutex::new(Vec::new());
    each(&web, &numbers, |_, (number, _)| {
        let session = log_in(&web, number.parse().unwrap());
        opened.lock().unwrap().push(session);
    });
    let mut live = BTreeMap::from([("web", opened.into_inner().unwrap()), ("admin", Vec::new())]);
    let ended = Mutex::new(Vec::new());
    let (done, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let web_sessions = live["web"].clone();
    std::thread::scope(|scope| {
        // Should an assertion below fail, these end as well.
        let _stop = Stop(&done);
        for worker in 0..2 {
            let (web, done, served, sessions, ended) = (&web, &done, &served, &web_sessions, &ended);
            scope.spawn(move || {
                let mut number = worker;
                while !done.load(Ordering::Relaxed) {
                    number = (number + 7919) % sessions.len();
                    assert_lives(&web.with_cookie(&sessions[number].0), &sessions[number], "under load");
                    let round = served.fetch_add(1, Ordering::Relaxed);
                    if round % LOOK_UPS_PER_LOGIN == 0 {
                        ended.lock().unwrap().push(open_and_end(web, PEOPLE + round));
                    }
                }
            });
        }
        // There and back by each step, and once at one go.
        let ways = [
            "mock-with-write-through",
            "gradual",
            "production-only",
            "gradual",
            "mock-with-write-through",
            "mock-only",
            "production-only",
        ];
        for strategy in ways {
            let before = served.load(Ordering::Relaxed);
            set(&database, strategy);
            if live["admin"].is_empty() {
                staff(&database, "boss@example.com");
                let boss = || {
                    let actor = admin.log_in("boss@example.com", PASSWORD);
                    (actor.token, actor.user_id)
                };
                live.insert("admin", (0..20).map(|_| boss()).collect());
            }
            let gone = ended.lock().unwrap().clone();
            assert_apart((&web, &admin), &live, &gone, 20, strategy);
            assert!(served.load(Ordering::Relaxed) > before, "nobody was served meanwhile");
        }
        done.store(true, Ordering::Relaxed);
    });
    let gone = ended.into_inner().unwrap();
    println!("{} look-ups, {} sessions opened and ended meanwhile", served.into_inner(), gone.len());
    assert!(gone.len() > 10);
    assert_apart((&web, &admin), &live, &gone, 1, "at the end");
}

/// Ends the load when the test does, also by a panic.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_rolling_restart_loses_no_session_from_gradual_on_a8() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    staff(&database, "boss@example.com");
    for strategy in ["gradual", "production-only"] {
        let start = |name| {
            let builder =
                App::builder(name).database(&database).redis(&redis).env("MIGRATION_STRATEGY", strategy);
            builder.env("TELEGRAM_BOT_TOKEN", BOT_TOKEN).start()
        };
        let pairs = [
            ("web", start("web"), start("web")),
            ("admin-panel", start("admin-panel"), start("admin-panel")),
        ];
        for (name, first, second) in pairs {
            let sessions: Vec<Session> = (0..if name == "web" { 200 } else { 10 })
                .map(|number| {
                    let app = if number % 2 == 0 { &first } else { &second };
                    if name == "web" {
                        // Nobody comes twice with one payload.
                        return log_in(app, number + if strategy == "gradual" { 0 } else { 1000 });
                    }
                    let boss = app.log_in("boss@example.com", PASSWORD);
                    (boss.token, boss.user_id)
                })
                .collect();
            let gone = sessions[0].0.clone();
            assert_eq!(first.with_cookie(&gone).post_empty("/api/logout").status, 200);
            let check = |app: &App, when: &str| {
                each(app, &sessions[1..], |client, session| assert_lives(&client, session, when));
                assert_eq!(app.with_cookie(&gone).get("/api/me").status, 401, "{when}");
            };
            assert_eq!(first.terminate(), Some(0));
            check(&second, "one is away");
            let first = start(name);
            check(&first, "one has begun anew");
            assert_eq!(second.terminate(), Some(0));
            let second = start(name);
            check(&first, "the other has begun anew");
            check(&second, "both have");
        }
    }
}
