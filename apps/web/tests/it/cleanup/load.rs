//! A thousand people who go on using both applications while the move is brought to its end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use test_support::{App, TestDatabase, TestRedis, at_once};

use super::{apply, back_up, check, run};

const SESSIONS: usize = 1_000;
const THREADS: usize = 4;

fn token(number: usize) -> String {
    format!("session-under-load-{number:04}-aaaaaaaaaaaaaaaaaaa")
}

/// Every fifth is a session of staff.
fn is_admin(number: usize) -> bool {
    number.is_multiple_of(5)
}

struct Crowd {
    web: App,
    panel: App,
    answered: AtomicUsize,
    unavailable: AtomicUsize,
}

impl Crowd {
    fn gather(database: &TestDatabase, redis: &TestRedis) -> Self {
        database.execute(&format!(
            "INSERT INTO users (email, role) SELECT n || '@example.com', 'support' FROM generate_series(0, {SESSIONS} - 1) n"
        ));
        let rows: Vec<String> = (0..SESSIONS)
            .map(|number| {
                let context = if is_admin(number) { "admin" } else { "web" };
                format!("('{}', '{number}@example.com', '{context}')", token(number))
            })
            .collect();
        database.execute(&format!(
            "INSERT INTO sessions (id, user_id, application_context, expires_at, session_epoch)
             SELECT session_digest(token), users.id, context::application_type, now() + interval '1 hour', session_epoch
             FROM (VALUES {}) AS t (token, email, context) JOIN users ON users.email = t.email",
            rows.join(", ")
        ));
        Self {
            web: App::builder("web").database(database).redis(redis).start(),
            panel: App::builder("admin-panel").database(database).redis(redis).start(),
            answered: AtomicUsize::new(0),
            unavailable: AtomicUsize::new(0),
        }
    }

    /// Asks both applications with one session; the person, where it is let in.
    fn ask(&self, number: usize) {
        let (own, other) = if is_admin(number) { (&self.panel, &self.web) } else { (&self.web, &self.panel) };
        let answer = own.with_bearer(&token(number)).get("/api/me");
        if answer.status == 503 {
            self.unavailable.fetch_add(1, Ordering::Relaxed);
        } else {
            assert_eq!(answer.status, 200, "{number} is lost: {}", answer.text());
            assert_eq!(answer.member("/user/email"), format!("{number}@example.com"));
        }
        let crossing = other.with_bearer(&token(number)).get("/api/me").status;
        assert!(matches!(crossing, 401 | 503), "{number} crosses: {crossing}");
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Nobody is missing, and everybody gets an answer.
    fn sweep(&self, after: &str) {
        let before = self.unavailable.load(Ordering::Relaxed);
        at_once(THREADS, |thread| (thread..SESSIONS).step_by(THREADS).for_each(|number| self.ask(number)));
        assert_eq!(self.unavailable.load(Ordering::Relaxed), before, "after {after}");
    }

    /// Takes a step while people go on; how many came meanwhile.
    fn go_on_during(&self, step: &dyn Fn()) -> usize {
        let (ended, before) = (AtomicBool::new(false), self.answered.load(Ordering::Relaxed));
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let ended = &ended;
                scope.spawn(move || {
                    let mut number = thread * 7;
                    while !ended.load(Ordering::Relaxed) {
                        self.ask(number % SESSIONS);
                        number += 37;
                    }
                });
            }
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(step));
            ended.store(true, Ordering::Relaxed);
            outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
        self.answered.load(Ordering::Relaxed) - before
    }
}

#[test]
fn a_thousand_sessions_under_load_survive_every_step_of_the_clean_up_a13() {
    let (database, redis) = (TestDatabase::new(), TestRedis::start());
    let crowd = Crowd::gather(&database, &redis);
    let steps: [(&str, &dyn Fn()); 5] = [
        ("backup", &|| back_up(&database, &redis)),
        ("check", &|| assert!(check(&database, &redis).1)),
        ("apply", &|| assert_eq!(apply(&database, &redis).code, Some(0))),
        ("check again", &|| assert_eq!(check(&database, &redis).0["strict"], true)),
        ("purge", &|| assert_eq!(run(&database, &redis, &["session", "purge"]).code, Some(0))),
    ];
    for (name, step) in steps {
        let during = crowd.go_on_during(step);
        println!("{name}: {during} came meanwhile");
        assert!(during > 0, "there was no load during {name}");
        crowd.sweep(name);
    }
    let Crowd { answered, unavailable, .. } = crowd;
    println!("{} came in all; {} answers were 503", answered.into_inner(), unavailable.into_inner());
    let live = "SELECT count(*) FROM user_sessions";
    assert_eq!(database.number(live), i64::try_from(SESSIONS).unwrap());
}
