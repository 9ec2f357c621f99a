//! People who log in, go on, and log out at several doors at once, and what became of each promise made to them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{Client, TestDatabase};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// The hash of [`PASSWORD`], as web would make it.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM";

/// After so long an end is felt in every process (C4).
const BOUND: Duration = Duration::from_millis(500);

/// Between two acts of one person: the machine is to be busy with the switch, not with the load.
const PAUSE: Duration = Duration::from_millis(15);

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    /// Answers that were none of those expected, by status; 0 where there was no answer.
    pub(crate) failures: BTreeMap<u16, u64>,
    pub(crate) logins: usize,
    /// Sessions that were promised and are unknown.
    pub(crate) lost: usize,
    pub(crate) ends: usize,
    /// Ends that were promised and are none.
    pub(crate) undone: usize,
}

impl Outcome {
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Nothing failed, and every promise was kept.
    #[track_caller]
    pub(crate) fn assert_flawless(&self) {
        self.assert_promises_kept();
        assert_eq!(self.failed(), 0, "{self}: {:?}", self.failures);
    }

    /// Whatever failed, every promise was kept; and there were some.
    #[track_caller]
    pub(crate) fn assert_promises_kept(&self) {
        assert!(self.logins > 10 && self.ends > 5, "hardly anything happened: {self}");
        assert_eq!((self.lost, self.undone), (0, 0), "{self}");
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, logins, lost, ends, undone, .. } = self;
        let failed = self.failed();
        write!(
            f,
            "{requests} requests, {failed} failed; {logins} logins acknowledged, {lost} lost; {ends} revocations \
             acknowledged, {undone} undone"
        )
    }
}

/// An application, and those of its people who come.
pub(crate) struct Load {
    /// Where it is reached.
    doors: Vec<String>,
    emails: Vec<String>,
    next_door: AtomicUsize,
    requests: AtomicU64,
    failures: Mutex<BTreeMap<u16, u64>>,
    stopped: AtomicBool,
}

/// What one person was promised.
#[derive(Default)]
struct Promises {
    logins: usize,
    ends: usize,
    live: Vec<String>,
    ended: Vec<(String, Instant)>,
    lost: usize,
    undone: usize,
}

/// Makes people for the load.
pub(crate) fn people(database: &TestDatabase, name: &str, count: usize, role: &str) -> Vec<String> {
    let email = |number| format!("{name}{number}@example.com");
    let emails: Vec<String> = (0..count).map(email).collect();
    for email in &emails {
        database.execute(&format!(
            "INSERT INTO users (email, hashed_password, role) VALUES ('{email}', '{HASH}', '{role}')"
        ));
    }
    emails
}

impl Load {
    pub(crate) fn new(doors: &[String], emails: Vec<String>) -> Self {
        Self {
            doors: doors.to_vec(),
            emails,
            next_door: AtomicUsize::default(),
            requests: AtomicU64::default(),
            failures: Mutex::default(),
            stopped: AtomicBool::default(),
        }
    }

    /// Everybody comes and goes while `meanwhile` happens. At the end every promise is looked at once more, at every
    /// door.
    pub(crate) fn run(self, meanwhile: impl FnOnce()) -> Outcome {
        Self::run_all(vec![self], meanwhile).remove(0)
    }

    /// The same with several applications.
    pub(crate) fn run_all(loads: Vec<Self>, meanwhile: impl FnOnce()) -> Vec<Outcome> {
        let kept: Vec<Vec<Promises>> = std::thread::scope(|scope| {
            let threads: Vec<Vec<_>> = loads
                .iter()
                .map(|load| load.emails.iter().map(|email| scope.spawn(move || load.live(email))).collect())
                .collect();
            let stop = StopAll(&loads);
            meanwhile();
            drop(stop);
            threads.into_iter().map(|group| group.into_iter().map(|t| t.join().unwrap()).collect()).collect()
        });
        loads.into_iter().zip(kept).map(|(load, promises)| load.settle(promises)).collect()
    }

    /// One person's acts, until the load is stopped.
    fn live(&self, email: &str) -> Promises {
        let mut promises = Promises::default();
        let mut round = 0_usize;
        while !self.stopped.load(Ordering::Relaxed) {
            round += 1;
            if let Some(token) = self.log_in(email) {
                promises.logins += 1;
                promises.live.push(token);
            }
            for _ in 0..4 {
                self.ask_again(&mut promises, round);
            }
            if round.is_multiple_of(2) && !promises.live.is_empty() {
                let token = promises.live.swap_remove(round % promises.live.len());
                if self.log_out(&token) {
                    promises.ends += 1;
                    promises.ended.push((token, Instant::now()));
                }
            }
            std::thread::sleep(PAUSE);
        }
        promises
    }

    fn ask_again(&self, promises: &mut Promises, round: usize) {
        if !promises.live.is_empty() {
            let index = (round * 7) % promises.live.len();
            if self.ask(&promises.live[index], 200) == Some(401) {
                promises.lost += 1;
                promises.live.swap_remove(index);
            }
        }
        let due: Vec<usize> =
            (0..promises.ended.len()).filter(|index| promises.ended[*index].1.elapsed() > BOUND).collect();
        if !due.is_empty() {
            let index = due[(round * 5) % due.len()];
            if self.ask(&promises.ended[index].0, 401) == Some(200) {
                promises.undone += 1;
                promises.ended.swap_remove(index);
            }
        }
        std::thread::sleep(PAUSE);
    }

    fn log_in(&self, email: &str) -> Option<String> {
        let body = json!({"email": email, "password": PASSWORD, "transport": "bearer"});
        let answer = self.send(&self.client(None), "POST", "/api/login", Some(&body), 200);
        answer
            .filter(|(status, _)| *status == 200)
            .map(|(_, body)| body["token"].as_str().unwrap().to_owned())
    }

    fn log_out(&self, token: &str) -> bool {
        let answer = self.send(&self.client(Some(token)), "POST", "/api/logout", None, 200);
        answer.is_some_and(|(status, _)| status == 200)
    }

    fn ask(&self, token: &str, expected: u16) -> Option<u16> {
        self.send(&self.client(Some(token)), "GET", "/api/me", None, expected).map(|(status, _)| status)
    }

    fn client(&self, token: Option<&str>) -> Client {
        let door = self.next_door.fetch_add(1, Ordering::Relaxed) % self.doors.len();
        let client = Client::new(&self.doors[door]);
        match token {
            Some(token) => client.with_header("Authorization", &format!("Bearer {token}")),
            None => client,
        }
    }

    #[expect(clippy::print_stdout, reason = "the first of each kind, for when it fails")]
    fn send(
        &self,
        client: &Client,
        method: &str,
        path: &str,
        body: Option<&Value>,
        expected: u16,
    ) -> Option<(u16, Value)> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let request = client.request(method, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.try_send();
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        if status != expected {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            let count = failures.entry(status).or_default();
            *count += 1;
            if *count == 1 {
                let what = match &answer {
                    Ok(answer) => answer.text(),
                    Err(error) => error.to_string(),
                };
                println!("{method} {path}: {status} {what}");
            }
        }
        answer.ok().map(|answer| (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default()))
    }

    /// What holds in the end, at every door.
    fn settle(self, promises: Vec<Promises>) -> Outcome {
        let mut outcome = Outcome {
            requests: self.requests.into_inner(),
            failures: self.failures.into_inner().unwrap_or_else(PoisonError::into_inner),
            ..Outcome::default()
        };
        std::thread::sleep(BOUND);
        for Promises { logins, ends, live, ended, lost, undone } in promises {
            let status = |door: &String, token: &str| {
                let bearer = format!("Bearer {token}");
                Client::new(door).with_header("Authorization", &bearer).get("/api/me").status
            };
            let ended = ended.iter().map(|(token, _)| token);
            let is_lost = |token: &&String| self.doors.iter().any(|door| status(door, token) != 200);
            let is_undone = |token: &&String| self.doors.iter().any(|door| status(door, token) != 401);
            outcome.logins += logins;
            outcome.ends += ends;
            outcome.lost += lost + live.iter().filter(is_lost).count();
            outcome.undone += undone + ended.filter(is_undone).count();
        }
        outcome
    }
}

/// Stops the load also when what happens meanwhile panics; the threads would never end otherwise.
struct StopAll<'a>(&'a [Load]);

impl Drop for StopAll<'_> {
    fn drop(&mut self) {
        for load in self.0 {
            load.stopped.store(true, Ordering::Relaxed);
        }
    }
}
